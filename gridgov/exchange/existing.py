"""What the store holds of a kind already, as columns, so that an import can compare whole columns at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gridgov.geo.transform import Geometries
from gridgov.models import KINDS, FieldType, RecordKind
from gridgov.store.base import Tx


def _none() -> Geometries:
    return np.empty(0, dtype=object)


@dataclass(frozen=True, slots=True)
class Existing:
    """The living records of one kind: columns by field, all of one length, and their geometries (lon-lat)."""

    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    geometries: Geometries = field(default_factory=_none)

    @property
    def codes(self) -> Sequence[str]:
        """Their codes, in the order of the columns."""
        return self.columns.get("code", ())

    def positions(self) -> dict[str, int]:
        """Code → position in the columns."""
        return {code: position for position, code in enumerate(self.codes)}

    def without(self, codes: Sequence[str | None]) -> Existing:
        """Those whose code is not among `codes`."""
        replaced = frozenset(codes)
        kept = [position for position, code in enumerate(self.codes) if code not in replaced]
        columns = {name: [values[position] for position in kept] for name, values in self.columns.items()}
        return Existing(columns, self.geometries[kept] if kept else _none())


def read_existing(tx: Tx, kind: RecordKind) -> Existing:
    """The living records of the kind that the transaction's scope sees."""
    loaded = tx.every(kind)
    geometries = loaded.geometries
    if geometries is None:
        geometries = np.full(len(loaded), None, dtype=object)
    return Existing(loaded.columns, np.asarray(geometries, dtype=object))


def read_references(tx: Tx, kind: RecordKind) -> dict[str, dict[str, str]]:
    """For each kind that this one refers to: code → id of its living records."""
    targets = {
        field.refers_to for field in kind.fields if field.type is FieldType.REFERENCE and field.refers_to
    }
    found = {}
    for target in sorted(targets):
        columns = tx.every(KINDS[target], ("id", "code")).columns
        found[target] = dict(zip(columns["code"], columns["id"], strict=True))
    return found
