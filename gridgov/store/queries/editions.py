"""Editions of boundaries: which set is in force, and adding one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, case, func, insert, literal, select, update

from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import area_editions, edition_sets, parcel_editions


@dataclass(frozen=True, slots=True)
class EditionSet:
    """One publication of boundaries: all its editions came into force at one instant."""

    number: int
    title: str
    published_at: dt.datetime
    published_by: str


_NEWEST_SET = select(func.max(edition_sets.c.number)).where(edition_sets.c.zone == bindparam("in_zone"))


def current_set(tx: Tx) -> int:
    """The number of the zone's newest published edition set; 0 before the first."""
    return int(inside(tx).connection.execute(_NEWEST_SET, {"in_zone": tx.scope.zone}).scalar_one() or 0)


def hold_boundaries(tx: Tx) -> int:
    """The edition set in force, and no other can be published until this transaction ends.

    A link is never made with boundaries that a publication is replacing at the same moment: whoever waits here reads
    the number only after the wait. A reading transaction holds nothing: it sees one moment anyway.
    """
    transaction = inside(tx)
    if transaction.writes:
        transaction.dialect.hold_boundaries(transaction.connection, tx.scope.zone, exclusive=False)
    return current_set(tx)


def replace_boundaries(tx: Tx) -> None:
    """Wait until nobody links with the boundaries in force, and keep everybody off until this transaction ends.

    A transaction that will publish calls this before it holds the boundaries itself; two that held them already would
    wait for each other.
    """
    transaction = inside(tx)
    transaction.dialect.hold_boundaries(transaction.connection, tx.scope.zone, exclusive=True)


def list_sets(tx: Tx) -> list[EditionSet]:
    """All edition sets of the zone, oldest first."""
    columns = (
        edition_sets.c.number,
        edition_sets.c.title,
        edition_sets.c.published_at,
        edition_sets.c.published_by,
    )
    statement = select(*columns).where(edition_sets.c.zone == tx.scope.zone).order_by(edition_sets.c.number)
    return [EditionSet(*row) for row in inside(tx).connection.execute(statement)]


def add_set(tx: Tx, title: str) -> int:
    """Make the next edition set, in force from the transaction's instant but not before the last; returns its number.

    The caller holds the boundaries (`replace_boundaries`), so two publications never take one number.
    """
    number = current_set(tx) + 1
    inside(tx).connection.execute(
        insert(edition_sets).values(
            zone=tx.scope.zone,
            number=number,
            title=title,
            published_at=_in_force_from(tx),
            published_by=tx.scope.actor,
        )
    )
    return number


def add_area_editions(tx: Tx, number: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Close the areas' editions in force and add these (area_id, parent_id, operation, area_geodesic_m2, geometry)."""
    if not rows:
        return
    start_at = _in_force_from(tx)
    wanted = [row["area_id"] for row in rows]
    for start in range(0, len(wanted), 500):
        close_area_editions(tx, wanted[start : start + 500])
    ready = [
        {**row, "zone": tx.scope.zone, "edition_set": number, "valid_from": start_at, "valid_to": None}
        for row in rows
    ]
    inside(tx).add_rows(area_editions, ready)


def close_area_editions(tx: Tx, identifiers: Sequence[str]) -> None:
    """End the editions in force of these areas at the transaction's instant, never before they began."""
    inside(tx).connection.execute(
        update(area_editions)
        .where(
            area_editions.c.zone == tx.scope.zone,
            area_editions.c.area_id.in_(identifiers),
            area_editions.c.valid_to.is_(None),
        )
        .values(valid_to=_in_force_from(tx))
    )


def _in_force_from(tx: Tx) -> dt.datetime:
    """The transaction's instant, or that of the newest set where another's clock was ahead or its wait shorter."""
    newest = select(func.max(edition_sets.c.published_at)).where(edition_sets.c.zone == tx.scope.zone)
    found: dt.datetime | None = inside(tx).connection.execute(newest).scalar_one()
    return tx.now if found is None else max(tx.now, found)


def area_history(tx: Tx, identifier: str) -> list[dict[str, Any]]:
    """All editions of one area, oldest first, with geometry."""
    statement = (
        select(area_editions)
        .where(area_editions.c.zone == tx.scope.zone, area_editions.c.area_id == identifier)
        .order_by(area_editions.c.edition_set)
    )
    return [dict(row) for row in inside(tx).connection.execute(statement).mappings()]


def areas_at(tx: Tx, moment: dt.datetime) -> list[dict[str, Any]]:
    """The editions in force at `moment`: area_id, parent_id, edition_set, geometry."""
    table = area_editions
    statement = select(table.c.area_id, table.c.parent_id, table.c.edition_set, table.c.geometry).where(
        table.c.zone == tx.scope.zone,
        table.c.valid_from <= moment,
        (table.c.valid_to.is_(None)) | (table.c.valid_to > moment),
    )
    return [dict(row) for row in inside(tx).connection.execute(statement).mappings()]


def add_parcel_editions(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add parcel editions in force from now (parcel_id, number, operation, as_of, area_geodesic_m2, geometry).

    Rows with number > 1 close the parcel's edition in force first. One that begins later than now, by a clock that was
    ahead, is followed from its own beginning.
    """
    if not rows:
        return
    transaction, table = inside(tx), parcel_editions
    later = [row["parcel_id"] for row in rows if row["number"] > 1]
    ahead: dict[str, dt.datetime] = {}
    for start in range(0, len(later), 500):
        in_force = and_(
            table.c.zone == tx.scope.zone,
            table.c.valid_to.is_(None),
            table.c.parcel_id.in_(later[start : start + 500]),
        )
        begins_later = select(table.c.parcel_id, table.c.valid_from).where(
            in_force, table.c.valid_from > tx.now
        )
        ahead.update((row.parcel_id, row.valid_from) for row in transaction.connection.execute(begins_later))
        closed = case(
            (table.c.valid_from > tx.now, table.c.valid_from), else_=literal(tx.now, table.c.valid_from.type)
        )
        transaction.connection.execute(update(table).where(in_force).values(valid_to=closed))
    ready = [
        {**row, "zone": tx.scope.zone, "valid_from": ahead.get(row["parcel_id"], tx.now), "valid_to": None}
        for row in rows
    ]
    transaction.add_rows(table, ready)


def next_parcel_edition(tx: Tx, identifier: str) -> int:
    """The number the parcel's next edition gets, from 1."""
    statement = select(func.max(parcel_editions.c.number)).where(
        parcel_editions.c.zone == tx.scope.zone, parcel_editions.c.parcel_id == identifier
    )
    return int(inside(tx).connection.execute(statement).scalar_one() or 0) + 1


def parcel_history(tx: Tx, identifier: str) -> list[dict[str, Any]]:
    """All editions of one parcel, oldest first, with geometry."""
    statement = (
        select(parcel_editions)
        .where(parcel_editions.c.zone == tx.scope.zone, parcel_editions.c.parcel_id == identifier)
        .order_by(parcel_editions.c.number)
    )
    return [dict(row) for row in inside(tx).connection.execute(statement).mappings()]
