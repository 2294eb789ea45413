"""Writing the seed files: identifiers, one feature per line, and the totals the run prints."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import shapely

# The namespace of every demonstration identifier; changing it would change all ids.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "demonstration-zone.gridgov")

Feature = dict[str, Any]


def identifier(kind: str, code: str) -> str:
    """The record's id: a name-based UUID of "kind/code", so that references need no looking up."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{code}"))


def feature(records: str, code: str, geometry: Any, /, **properties: Any) -> Feature:
    """One GeoJSON feature of a record of a kind such as "areas"; geometry is lon-lat or None."""
    values = {"id": identifier(records, code), "code": code, **properties, "synthetic": True}
    shape = None if geometry is None else _plain(shapely.geometry.mapping(geometry))
    return {"type": "Feature", "geometry": shape, "properties": values}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items() if name in {"type", "coordinates"}}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value


def write_collection(path: Path, features: Iterable[Feature]) -> None:
    """A GeoJSON FeatureCollection, one feature per line, UTF-8; a kind without geometry has null there."""
    lines = ",\n".join(_text(each) for each in features)
    path.write_bytes(f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'.encode())


def write_object(path: Path, value: Any) -> None:
    """One indented JSON value."""
    path.write_bytes((json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
