"""Links between records and areas: written with the record, replaced when the pin or the boundaries move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, delete, select, true

from gridgov.models import RecordKind
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import RECORDS, links

FIELDS = (
    "level",
    "area_id",
    "area_code",
    "rule",
    "distance_m",
    "border_m",
    "share",
    "main",
    "doubtful",
    "hierarchy",
    "edition_set",
    "linked_at",
)


def write_links(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add link rows (keys FIELDS plus record_kind and record_id); the zone is the transaction's."""
    if not rows:
        return
    inside(tx).add_rows(links, [{"zone": tx.scope.zone, **row} for row in rows])


def drop_links(tx: Tx, kind: RecordKind, identifiers: Iterable[str]) -> None:
    """Remove the present links of these records, before new ones are written."""
    wanted = sorted(identifiers)
    for start in range(0, len(wanted), 500):
        inside(tx).connection.execute(
            delete(links).where(
                links.c.zone == tx.scope.zone,
                links.c.record_kind == kind.name,
                links.c.record_id.in_(wanted[start : start + 500]),
            )
        )


def links_of(tx: Tx, kind: RecordKind, identifiers: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Record id → its links (keys FIELDS), in the order in which levels were written; [] when it has none."""
    wanted = sorted(identifiers)
    found: dict[str, list[dict[str, Any]]] = {identifier: [] for identifier in wanted}
    columns = [links.c.record_id, *(links.c[name] for name in FIELDS)]
    for start in range(0, len(wanted), 500):
        statement = (
            select(*columns)
            .where(
                links.c.zone == tx.scope.zone,
                links.c.record_kind == kind.name,
                links.c.record_id.in_(wanted[start : start + 500]),
            )
            .order_by(links.c.fid)
        )
        for row in inside(tx).connection.execute(statement).mappings():
            found[row["record_id"]].append({name: row[name] for name in FIELDS})
    return found


def linked_elsewhere(
    tx: Tx, kind: RecordKind, area_ids: Iterable[str], levels: Iterable[str], rules: Sequence[str]
) -> set[str]:
    """Ids of records of `kind` linked to one of the areas, or on one of the levels by one of the rules."""
    found: set[str] = set()
    connection = inside(tx).connection
    base = and_(links.c.zone == tx.scope.zone, links.c.record_kind == kind.name)
    wanted = sorted(area_ids)
    for start in range(0, len(wanted), 500):
        part = links.c.area_id.in_(wanted[start : start + 500])
        found.update(connection.execute(select(links.c.record_id).where(base, part)).scalars())
    unsure = select(links.c.record_id).where(base, links.c.level.in_(sorted(levels)), links.c.rule.in_(rules))
    found.update(connection.execute(unsure).scalars())
    return found


def records_meeting(tx: Tx, kind: RecordKind, boxes: Iterable[tuple[float, float, float, float]]) -> set[str]:
    """Ids of living records of `kind` whose box meets one of `boxes` (west, south, east, north in degrees)."""
    table = RECORDS[kind.name]
    transaction = inside(tx)
    found: set[str] = set()
    for box in boxes:
        condition = and_(table.c.zone == tx.scope.zone, transaction.dialect.box_candidates(table, box))
        found.update(transaction.connection.execute(select(table.c.id).where(condition)).scalars())
    return found


def open_record_places(
    tx: Tx, kind: RecordKind, identifiers: Iterable[str] | None
) -> list[tuple[str, Any, Any]]:
    """(id, geometry, accuracy in metres or None) of living records that are not closed; None means all of them."""
    table = RECORDS[kind.name]
    accuracy = table.c.accuracy_m if "accuracy_m" in table.c else None
    columns = [table.c.id, table.c.geometry] + ([] if accuracy is None else [accuracy])
    base = and_(
        table.c.zone == tx.scope.zone,
        table.c.valid_to.is_(None),
        table.c.geometry.is_not(None),
        table.c.closed_at.is_(None) if "closed_at" in table.c else true(),
    )
    statements = [select(*columns).where(base)]
    if identifiers is not None:
        wanted = sorted(identifiers)
        statements = [
            select(*columns).where(base, table.c.id.in_(wanted[start : start + 500]))
            for start in range(0, len(wanted), 500)
        ]
    rows = [row for each in statements for row in inside(tx).connection.execute(each)]
    return [(row[0], row[1], None if accuracy is None else row[2]) for row in rows]
