"""Plants and their lettable units: an unknown figure is null with its reason, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridgov import records
from gridgov.errors import InvalidValue, UnknownField
from gridgov.models import Record, RecordKind
from gridgov.models.vocabulary import UNKNOWN_REASONS
from gridgov.serving.linking import Linker
from gridgov.store import Tx, Write


def create(tx: Tx, kind: RecordKind, values: Mapping[str, Any], linker: Linker, payload: Any = None) -> Write:
    """Create a plant or a unit (`kind`); see gridgov.records.create and `check_unknown`."""
    check_unknown(kind, values)
    return records.create(tx, kind, values, linker, payload)


def change(
    tx: Tx, kind: RecordKind, identifier: str, version: int, values: Mapping[str, Any], linker: Linker
) -> Record:
    """Change a plant or a unit."""
    check_unknown(kind, {**tx.get(kind, identifier), **values})
    return records.change(tx, kind, identifier, version, values, linker)


def check_unknown(kind: RecordKind, values: Mapping[str, Any]) -> None:
    """Raises InvalidValue when `unknown` gives a reason for a field that has a value, or no known reason."""
    reasons = values.get("unknown") or {}
    if not isinstance(reasons, dict):
        raise InvalidValue("“unknown” must be an object: field → reason.", field="unknown")
    for name, reason in reasons.items():
        field = kind.by_name.get(name)
        if field is None:
            raise UnknownField(
                f"“unknown” names the field “{name}”, which {kind.en} do not have.", field=name
            )
        if reason not in UNKNOWN_REASONS:
            known = ", ".join(f"{term.code} ({term.zh})" for term in UNKNOWN_REASONS.terms)
            raise InvalidValue(f"“{reason}” is no reason for an unknown value; use {known}.", field=name)
        if values.get(name) is not None:
            raise InvalidValue(
                f"“{field.en}” is {values[name]!r} and unknown at once; drop the value or the reason.",
                field=name,
            )
