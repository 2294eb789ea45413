"""Parcels: land-use codes that name their scheme, and geometry kept by editions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridgov import codes, records
from gridgov.errors import InvalidValue
from gridgov.models import PARCELS, Record
from gridgov.serving.linking import Linker
from gridgov.store import Tx, Write

_PAIRS = (("land_scheme", "land_code"), ("planned_scheme", "planned_code"))


def create(tx: Tx, values: Mapping[str, Any], linker: Linker, payload: Any = None) -> Write:
    """Create a parcel; see gridgov.records.create. Raises InvalidValue for a code its scheme does not have."""
    check_codes(values)
    return records.create(tx, PARCELS, values, linker, payload)


def change(tx: Tx, identifier: str, version: int, values: Mapping[str, Any], linker: Linker) -> Record:
    """Change a parcel; a new geometry is kept as an edition (redraw)."""
    if any(name in values for pair in _PAIRS for name in pair):
        check_codes({**tx.get(PARCELS, identifier), **values})
    return records.change(tx, PARCELS, identifier, version, values, linker)


def check_codes(values: Mapping[str, Any]) -> None:
    """Raises InvalidValue for a land-use code without its scheme or one the scheme does not have."""
    for scheme, code in _PAIRS:
        if values.get(code) is None:
            continue
        if not isinstance(values[code], str):
            raise InvalidValue(
                f"The land-use code {values[code]!r} must be text: as a number it would lose its leading zeros.",
                field=code,
            )
        codes.require(values.get(scheme), values[code])
