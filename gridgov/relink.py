"""Linking anew: after a publication every open record near the changed boundaries gets its links again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely

from gridgov import geo
from gridgov.areas import Published, publish
from gridgov.models import BUILDINGS, FACILITIES, ISSUES, LISTINGS, PARCELS, PLANTS, RecordKind
from gridgov.records import find_links, link_rows
from gridgov.serving.linking import Linker
from gridgov.store import Tx
from gridgov.store.queries.links import (
    drop_links,
    linked_elsewhere,
    links_of,
    open_record_places,
    records_meeting,
    write_links,
)

LINKED_KINDS = (BUILDINGS, PARCELS, PLANTS, LISTINGS, FACILITIES, ISSUES)
_REACH_M = 200.0  # a changed boundary may win or lose what is `nearest` to it
_BATCH = 2_000
_ANYWHERE = ("nearest", "outside")


@dataclass(frozen=True, slots=True)
class Relinked:
    """How many records were looked at and how many changed an area, over all kinds."""

    examined: int
    moved: int


def publish_and_relink(
    tx: Tx, title: str, boundaries: Sequence[Mapping[str, Any]], ended: Sequence[str] = ()
) -> tuple[Published, Relinked]:
    """Publish an edition set (see gridgov.areas.publish) and link what it touches anew, in the same transaction.

    Touched: every open record linked to a changed area, within 200 m of its old or new boundary, or linked as
    `nearest` or `outside` before. Closed records keep the link they were closed with.
    """
    published = publish(tx, title, boundaries, ended)
    if published.linker is None:
        return published, Relinked(0, 0)
    examined = moved = 0
    boxes = _reach(published.changed)
    for kind in LINKED_KINDS:
        wanted = records_meeting(tx, kind, boxes)
        wanted |= linked_elsewhere(tx, kind, published.changed_ids, published.levels, _ANYWHERE)
        seen, changed = _relink(tx, kind, wanted, published.linker)
        examined, moved = examined + seen, moved + changed
    return published, Relinked(examined, moved)


def _reach(changed: Iterable[tuple[Any, Any]]) -> list[tuple[float, float, float, float]]:
    boxes = []
    for shapes in changed:
        west, south, east, north = shapely.total_bounds([shape for shape in shapes if shape is not None])
        per_lon, per_lat = geo.metres_per_degree(max(abs(south), abs(north)))
        side, up = _REACH_M / float(per_lon), _REACH_M / float(per_lat)
        boxes.append((float(west - side), float(south - up), float(east + side), float(north + up)))
    return boxes


def _relink(tx: Tx, kind: RecordKind, identifiers: set[str], linker: Linker) -> tuple[int, int]:
    places = open_record_places(tx, kind, identifiers) if identifiers else []
    moved = 0
    for start in range(0, len(places), _BATCH):
        batch = places[start : start + _BATCH]
        ids = [identifier for identifier, _, _ in batch]
        old = links_of(tx, kind, ids)
        found = find_links([shape for _, shape, _ in batch], [accuracy for _, _, accuracy in batch], linker)
        rows: list[dict[str, Any]] = []
        changed = []
        for identifier, links in zip(ids, found, strict=True):
            new = link_rows(kind, identifier, links, linker, tx.now)
            if _areas(new) != _areas(old[identifier]):
                changed.append(identifier)
            rows += new
        drop_links(tx, kind, ids)
        write_links(tx, rows)
        tx.mark(kind, changed, "relinked")
        moved += len(changed)
    return len(places), moved


def _areas(links: Iterable[Mapping[str, Any]]) -> set[tuple[Any, ...]]:
    return {
        (link["level"], link["area_id"], link["rule"], link["main"], round(link["share"] or 0.0, 6))
        for link in links
    }
