"""Areas and their boundaries: published as one edition set at one instant, with every open record linked anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridgov import geo
from gridgov.errors import Conflict, InvalidValue, NotFound
from gridgov.models import AREAS
from gridgov.models.checking import checked_values, payload_hash
from gridgov.models.identifiers import new_identifier
from gridgov.models.vocabulary import LEVEL_OF_KIND, PARENT_LEVEL
from gridgov.records import load_areas, placed
from gridgov.serving.linking import Linker
from gridgov.store import Tx
from gridgov.store.queries.editions import add_area_editions, add_set, close_area_editions, replace_boundaries


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did. number: the edition set's; 0 when nothing differed and none was made.

    changed: (old or None, new or None) geometry of every area whose boundary appeared, moved or ended.
    levels: the link levels of these areas, before and after.
    """

    number: int
    created: int
    redrawn: int
    ended: int
    unchanged: int
    linker: Linker | None
    changed: tuple[tuple[Any, Any], ...]
    changed_ids: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()


def publish(
    tx: Tx, title: str, boundaries: Sequence[Mapping[str, Any]], ended: Sequence[str] = ()
) -> Published:
    """Publish boundaries as one edition set in force from the transaction's instant.

    boundaries: values of areas with `geometry` (lon-lat) and `code`; a known code keeps its id and gets a new
    edition if its boundary or parent differs, a new code is a new area. Without `parent_id` the parent is the area
    of the next level up that holds an interior point. ended: codes of areas that end.
    Records are linked anew by `gridgov.relink.publish_and_relink`, which calls this.
    Raises InvalidValue for a code given twice, NotFound for an ended code that is not there.
    """
    replace_boundaries(tx)
    tx.reserve(AREAS)
    before = {area["code"]: area for area in load_areas(tx)}
    rows = [_checked(boundary, before) for boundary in boundaries]
    _refuse_twins(rows, ended)
    for row in rows:
        known = before.get(row["code"])
        row["id"] = known["id"] if known else row.get("id") or new_identifier(tx.now)
    _find_parents(tx, rows, before, set(ended))
    _check_tree(rows, before, set(ended))
    fresh = [row for row in rows if row["code"] not in before]
    moved = [row for row in rows if row["code"] in before and _differs(before[row["code"]], row)]
    gone = [_known(before, code) for code in ended]
    renamed = _rename(tx, [row for row in rows if row["code"] in before])
    if not (fresh or moved or gone):
        return Published(0, 0, 0, 0, len(rows) - renamed, None, ())
    number = add_set(tx, title)
    _store(tx, number, fresh, moved, gone)
    linker = Linker.build(tx.scope.zone, number, load_areas(tx))
    changes = [(None, row["geometry"]) for row in fresh]
    changes += [(before[row["code"]]["geometry"], row["geometry"]) for row in moved]
    changes += [(area["geometry"], None) for area in gone]
    touched = frozenset(row["id"] for row in (*fresh, *moved, *gone))
    kinds = {row["kind"] for row in (*fresh, *moved, *gone)} | {before[row["code"]]["kind"] for row in moved}
    levels = frozenset(LEVEL_OF_KIND[kind] for kind in kinds if kind in LEVEL_OF_KIND)
    unchanged = len(rows) - len(fresh) - len(moved)
    return Published(
        number, len(fresh), len(moved), len(gone), unchanged, linker, tuple(changes), touched, levels
    )


def _checked(boundary: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    code = boundary.get("code")
    known = before.get(code.strip()) if isinstance(code, str) else None
    # What a known area has and nobody says anew stays: only a new one gets the defaults.
    row = checked_values(AREAS, boundary, partial=known is not None)
    row = {**({"kind": known["kind"]} if known else {}), **row}
    return {**row, **placed(AREAS, row.get("geometry")), "payload_hash": payload_hash(boundary)}


def _refuse_twins(rows: Sequence[Mapping[str, Any]], ended: Sequence[str]) -> None:
    seen: set[str] = set()
    for row in rows:
        if row["code"] in seen:
            raise InvalidValue(f"The area {row['code']} is given twice; keep one of them.", code=row["code"])
        if row["code"] in ended:
            raise InvalidValue(f"The area {row['code']} is redrawn and ended at once.", code=row["code"])
        seen.add(row["code"])


def _check_tree(rows: Sequence[Mapping[str, Any]], before: Mapping[str, Any], ended: set[str]) -> None:
    """Raises Conflict for an area whose parent ends, InvalidValue for one that is its own ancestor."""
    after = {area["id"]: area for code, area in before.items() if code not in ended} | {
        row["id"]: row for row in rows
    }
    gone = {before[code]["id"]: code for code in ended if code in before}
    below = [area["code"] for area in after.values() if area.get("parent_id") in gone]
    if below:
        raise Conflict(
            f"{len(below)} areas lie below the ones that end ({', '.join(sorted(below)[:5])}); end them too, "
            "or give them another parent in the same publication.",
            below=len(below),
        )
    for row in rows:
        parent, steps = row.get("parent_id"), 0
        while parent in after:
            if parent == row["id"] or steps > len(after):
                raise InvalidValue(
                    f"The area {row['code']} is its own ancestor; mend its parent.", code=row["code"]
                )
            parent, steps = after[parent].get("parent_id"), steps + 1


def _known(before: Mapping[str, Any], code: str) -> dict[str, Any]:
    if code not in before:
        raise NotFound(f"There is no area {code} to end.", code=code)
    area: dict[str, Any] = before[code]
    return area


def _differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    same = old["geometry"].equals_exact(new["geometry"], 0.0) and old["parent_id"] == new.get("parent_id")
    return not same or old["kind"] != new["kind"]


def _find_parents(tx: Tx, rows: list[dict[str, Any]], before: Mapping[str, Any], ended: set[str]) -> None:
    """Set the parent of each row that names none, from the boundaries as they will be."""
    orphans = [
        row for row in rows if not row.get("parent_id") and LEVEL_OF_KIND.get(row["kind"]) in PARENT_LEVEL
    ]
    if not orphans:
        return
    new_codes = {row["code"] for row in rows}
    stay = [area for code, area in before.items() if code not in new_codes | ended]
    every = [{**row, "parent_id": row.get("parent_id")} for row in rows]
    linker = Linker.build(tx.scope.zone, 0, [*stay, *every])
    places = geo.interior_point(np.array([*(row["geometry"] for row in orphans), None], dtype=object)[:-1])
    for row, (lon, lat) in zip(orphans, places, strict=True):
        wanted = PARENT_LEVEL[LEVEL_OF_KIND[row["kind"]]]
        (link,) = [link for link in linker.link(lon, lat) if link.level == wanted]
        known = before.get(row["code"])
        found = link.area_id if link.rule in ("contains", "border") else None
        row["parent_id"] = found or (known["parent_id"] if known else None)


def _rename(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> int:
    """Change what differs beside the boundary (names, function, …); returns how many areas changed."""
    changed = 0
    skipped = {"geometry", "parent_id", "payload_hash", "id", "code", "area_geodesic_m2", "area_grid_m2"}
    for row in rows:
        known = tx.find(AREAS, row["code"])
        if known is None:
            continue
        values = {name: value for name, value in row.items() if name not in skipped and value is not None}
        changed += tx.change(AREAS, known.id, known["version"], values)["version"] != known["version"]
    return changed


def _store(
    tx: Tx, number: int, fresh: list[dict[str, Any]], moved: list[dict[str, Any]], gone: list[dict[str, Any]]
) -> None:
    for row in (*fresh, *moved):
        row["edition_set"] = number
    tx.insert_many(AREAS, parents_first(fresh))
    for row in moved:
        known = tx.get(AREAS, row["id"])
        names = ("geometry", "parent_id", "kind", "area_geodesic_m2", "area_grid_m2", "edition_set")
        tx.change(AREAS, row["id"], known["version"], {name: row.get(name) for name in names})
    for area in gone:
        tx.end(AREAS, area["id"], tx.get(AREAS, area["id"])["version"])
    close_area_editions(tx, [area["id"] for area in gone])
    for rows, operation in ((fresh, "first"), (moved, "redraw")):
        add_area_editions(tx, number, [_edition(row, operation) for row in rows])


def _edition(row: Mapping[str, Any], operation: str) -> dict[str, Any]:
    return {
        "area_id": row["id"],
        "parent_id": row.get("parent_id"),
        "operation": operation,
        "area_geodesic_m2": row["area_geodesic_m2"],
        "geometry": row["geometry"],
    }


def parents_first(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, a tree by `parent_id`, with every parent before its children."""
    by_id = {row["id"]: row for row in rows}
    ordered: dict[str, dict[str, Any]] = {}

    def place(row: dict[str, Any]) -> None:
        parent = by_id.get(row.get("parent_id") or "")
        if parent is not None and parent["id"] not in ordered:
            place(parent)
        ordered[row["id"]] = row

    for row in rows:
        place(row)
    return list(ordered.values())


def descendants(areas: Sequence[Mapping[str, Any]], roots: frozenset[str]) -> frozenset[str]:
    """The ids in `roots` with everything below them; `areas`: id and parent_id of all."""
    children: dict[str, list[str]] = {}
    for area in areas:
        children.setdefault(area["parent_id"] or "", []).append(area["id"])
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        identifier = waiting.pop()
        if identifier not in found:
            found.add(identifier)
            waiting += children.get(identifier, [])
    return frozenset(found)
