"""Create, change and load records of any kind: geometry made sound, areas measured, links written with the record.

The modules for single kinds (areas, land, plants, listings, issues) add their own rules and call these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import shapely

from gridgov import geo
from gridgov.errors import InvalidGeometry
from gridgov.models import AREAS, GeometryType, Record, RecordKind
from gridgov.models.checking import checked_values, payload_hash
from gridgov.serving.linking import Link, Linker, Linkers
from gridgov.store import Tx, Write
from gridgov.store.queries.editions import add_parcel_editions, hold_boundaries, next_parcel_edition
from gridgov.store.queries.links import drop_links, write_links

# When it happened, where nobody said so: the moment of loading.
_MOMENTS = MappingProxyType({"issues": "reported_at"})
_LON_MAX, _LAT_MAX = 180.0, 90.0
_FAMILY_OF_DIMENSION = ("point", "line", "polygon")


def current_linker(tx: Tx, linkers: Linkers) -> Linker:
    """The link index of the boundaries in force; in a writing transaction they stay in force until it ends."""
    number = hold_boundaries(tx)
    return linkers.get(tx.scope.zone, number, lambda: load_areas(tx))


def load_areas(tx: Tx) -> list[dict[str, Any]]:
    """The living areas as the link index takes them: id, code, kind, parent_id, geometry."""
    loaded = tx.every(AREAS, ("id", "code", "kind", "parent_id", "geometry"))
    names = list(loaded.columns)
    rows = zip(*loaded.columns.values(), loaded.geometries, strict=True) if len(loaded) else ()
    return [dict(zip((*names, "geometry"), row, strict=True)) for row in rows]


def create(
    tx: Tx,
    kind: RecordKind,
    values: Mapping[str, Any],
    linker: Linker,
    payload: Any = None,
    own: Mapping[str, Any] = MappingProxyType({}),
) -> Write:
    """Create one record from a client's values; see Tx.insert for the idempotency and the errors.

    geometry: shapely, lon-lat degrees, made sound here. payload: what the client sent, when `values` were derived
    from it. own: system fields that the calling operation sets, such as contact_id.
    Raises InvalidGeometry, UnknownField, InvalidValue.
    """
    digest = payload_hash(values if payload is None else payload)
    checked = checked_values(kind, values) | dict(own)
    checked.update(placed(kind, checked.pop("geometry", None)))
    tx.reserve(kind)
    write = tx.insert(kind, {**checked, "payload_hash": digest})
    if write.created:
        _write_links(tx, kind, [(write.record.id, checked)], linker)
        _AFTER.get(kind.name, _nothing)(tx, [{**checked, "id": write.record.id}], "first")
    return write


def change(
    tx: Tx,
    kind: RecordKind,
    identifier: str,
    version: int,
    values: Mapping[str, Any],
    linker: Linker,
    operation: str = "redraw",
) -> Record:
    """Change fields of one record; a new geometry is measured, linked and, for parcels, kept as an edition."""
    checked = checked_values(kind, values, partial=True)
    if "geometry" in checked:
        checked.update(placed(kind, checked["geometry"]))
    record = tx.change(kind, identifier, version, checked)
    if record["version"] != version and ({"geometry", "accuracy_m"} & set(checked)):
        whole = {**record, **checked}
        drop_links(tx, kind, [record.id])
        _write_links(tx, kind, [(record.id, whole)], linker)
        if "geometry" in checked:
            _AFTER.get(kind.name, _nothing)(tx, [{**whole, "id": record.id}], operation)
    return record


def load_many(tx: Tx, kind: RecordKind, rows: Sequence[Mapping[str, Any]], linker: Linker) -> int:
    """Create many records of checked values (imports, seed): `id` must be given, geometries must be sound already."""
    ready = [dict(row) for row in rows]
    if kind.name in _MOMENTS:
        for row in ready:
            row[_MOMENTS[kind.name]] = row.get(_MOMENTS[kind.name]) or tx.now
    if kind.geometry is not None and ready:
        shapes = np.array([*(row.get("geometry") for row in ready), None], dtype=object)[:-1]
        for name, numbers in _measured(kind, shapes).items():
            for row, number in zip(ready, numbers, strict=True):
                row[name] = number
    count = tx.insert_many(kind, ready)
    _write_links(tx, kind, [(row["id"], row) for row in ready], linker)
    _AFTER.get(kind.name, _nothing)(tx, ready, "first")
    return count


def placed(kind: RecordKind, geometry: Any) -> dict[str, Any]:
    """`geometry` made sound for `kind`, with its areas: {} without one. Raises InvalidGeometry with the reason."""
    if geometry is None:
        if kind.geometry is not None and kind.geometry_required:
            raise InvalidGeometry(f"{kind.en} need a geometry in longitude and latitude.")
        return {}
    if kind.geometry is None:
        raise InvalidGeometry(f"{kind.en} have no geometry; leave it out.")
    family = _family(kind, geometry)
    if family == "point" and _is_sound_point(geometry):
        return {"geometry": geometry}
    (sound,) = geo.normalise([geometry], family)
    single = kind.geometry is not GeometryType.POINT or (sound is not None and sound.geom_type == "Point")
    if sound is None or not single:
        findings = geo.inspect([geometry], family)
        reason = (
            findings[0].how.en if findings else "it must be one point" if sound is not None else "it is empty"
        )
        raise InvalidGeometry(
            f"This geometry cannot be used: {reason}.",
            findings=[{"kind": each.kind, "zh": each.how.zh, "en": each.how.en} for each in findings],
        )
    measured = _measured(kind, np.array([sound, None], dtype=object)[:-1])
    return {"geometry": sound, **{name: numbers[0] for name, numbers in measured.items()}}


def _is_sound_point(geometry: Any) -> bool:
    """Whether a geometry is a plain lon-lat point that needs no repair: the hot path of reporting an issue."""
    if geometry.geom_type != "Point" or geometry.is_empty or geometry.has_z:
        return False
    return bool(abs(geometry.x) <= _LON_MAX and abs(geometry.y) <= _LAT_MAX)


def _family(kind: RecordKind, geometry: shapely.Geometry) -> Any:
    match kind.geometry:
        case GeometryType.POINT:
            return "point"
        case GeometryType.POLYGON:
            return "polygon"
        case _:
            return _FAMILY_OF_DIMENSION[max(0, int(shapely.get_dimensions(geometry)))]


def _measured(kind: RecordKind, shapes: Any) -> dict[str, list[float | None]]:
    if "area_geodesic_m2" not in kind.by_name:
        return {}
    measured = {"area_geodesic_m2": geo.geodesic_area(shapes), "area_grid_m2": geo.grid_area(shapes)}
    # Outside the 3-degree zones of China there is no grid area: unknown, on both stores.
    return {
        name: [None if math.isnan(each) else each for each in found.tolist()]
        for name, found in measured.items()
    }


def link_rows(
    kind: RecordKind, identifier: str, found: Sequence[Link], linker: Linker, now: Any
) -> list[dict[str, Any]]:
    """The rows of table `links` for one record; levels without any area give none."""
    return [
        {
            "record_kind": kind.name,
            "record_id": identifier,
            "level": link.level,
            "area_id": link.area_id,
            "area_code": link.code,
            "rule": link.rule,
            "distance_m": link.distance_m,
            "border_m": link.border_m,
            "share": link.share,
            "main": link.main,
            "doubtful": link.doubtful,
            "hierarchy": link.hierarchy,
            "edition_set": link.edition_set,
            "linked_at": now,
        }
        for link in found
        if len(linker.levels[link.level])
    ]


def find_links(
    shapes: Sequence[Any], accuracies: Sequence[float | None], linker: Linker
) -> list[tuple[Link, ...]]:
    """The links of many geometries: points by position and accuracy (m, None unknown), shapes by their inside."""
    if not len(shapes) or not any(len(level) for level in linker.levels.values()):
        return [()] * len(shapes)
    geometries = np.array([*shapes, None], dtype=object)[:-1]
    if not (shapely.get_type_id(geometries) == 0).all():
        return linker.link_shapes(geometries)
    if len(geometries) == 1:
        return [linker.link(geometries[0].x, geometries[0].y, accuracies[0])]
    exact = np.array([np.nan if accuracy is None else accuracy for accuracy in accuracies])
    found = linker.link_many(shapely.get_x(geometries), shapely.get_y(geometries), exact, measure=True)
    return list(found.each())


def _write_links(
    tx: Tx, kind: RecordKind, records: Sequence[tuple[str, Mapping[str, Any]]], linker: Linker
) -> None:
    if kind is AREAS or kind.geometry is None:
        return
    there = [(identifier, row) for identifier, row in records if row.get("geometry") is not None]
    shapes = [row["geometry"] for _, row in there]
    found = find_links(shapes, [row.get("accuracy_m") for _, row in there], linker)
    rows: list[dict[str, Any]] = []
    for (identifier, _), links in zip(there, found, strict=True):
        rows += link_rows(kind, identifier, links, linker, tx.now)
    write_links(tx, rows)


def _keep_parcel_editions(tx: Tx, rows: Sequence[Mapping[str, Any]], operation: str) -> None:
    add_parcel_editions(
        tx,
        [
            {
                "parcel_id": row["id"],
                "operation": operation,
                "as_of": row.get("as_of"),
                "number": 1 if operation == "first" else next_parcel_edition(tx, row["id"]),
                "area_geodesic_m2": row["area_geodesic_m2"],
                "geometry": row["geometry"],
            }
            for row in rows
        ],
    )


def _nothing(tx: Tx, rows: Sequence[Mapping[str, Any]], operation: str) -> None:
    """Most kinds keep nothing beside the record and its links."""


_AFTER: Mapping[str, Callable[[Tx, Sequence[Mapping[str, Any]], str], None]] = MappingProxyType(
    {"parcels": _keep_parcel_editions}
)
