"""Photos of records: their rows, and which blobs no row names any more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import func, select, union_all, update

from gridgov.models import RecordKind
from gridgov.store.base import Tx
from gridgov.store.insertion import insert_rows
from gridgov.store.queries.connection import inside
from gridgov.store.schema import RECORDS
from gridgov.store.schema_private import attachments

ERASED = "erased"


def add_attachment(tx: Tx, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Insert a complete row and return it; None when the zone has one with this id already, which stays as it is."""
    made = {
        **row,
        "zone": tx.scope.zone,
        "created_at": tx.now,
        "created_by": tx.scope.actor,
        "erased_at": None,
    }
    added = insert_rows(inside(tx).connection, attachments, [made], once=True)
    return made if added else None


def find_attachment(tx: Tx, identifier: str) -> dict[str, Any] | None:
    """The row with this id in the zone, erased or not; None when there is none."""
    statement = select(attachments).where(attachments.c.zone == tx.scope.zone, attachments.c.id == identifier)
    row = inside(tx).connection.execute(statement).mappings().one_or_none()
    return None if row is None else dict(row)


def attachments_of(tx: Tx, kind: RecordKind, record_id: str) -> list[dict[str, Any]]:
    """The rows of one record that were not erased, in the order in which they were added."""
    statement = (
        select(attachments)
        .where(*_of_record(tx, kind, record_id))
        .order_by(attachments.c.created_at, attachments.c.id)
    )
    return [dict(row) for row in inside(tx).connection.execute(statement).mappings()]


def count_attachments(tx: Tx, kind: RecordKind, record_id: str) -> int:
    """How many photos a record has that were not erased."""
    statement = select(func.count()).select_from(attachments).where(*_of_record(tx, kind, record_id))
    return int(inside(tx).connection.execute(statement).scalar_one())


def _of_record(tx: Tx, kind: RecordKind, record_id: str) -> tuple[Any, ...]:
    return (
        attachments.c.zone == tx.scope.zone,
        attachments.c.record_kind == kind.name,
        attachments.c.record_id == record_id,
        attachments.c.erased_at.is_(None),
    )


def blank_attachment(tx: Tx, identifier: str) -> None:
    """Keep that there was a photo and forget everything about it."""
    inside(tx).connection.execute(
        update(attachments)
        .where(attachments.c.zone == tx.scope.zone, attachments.c.id == identifier)
        .values(
            hash=None,
            thumbnail_hash=None,
            file_name=None,
            taken_at=None,
            taken_lon=None,
            taken_lat=None,
            payload_hash=ERASED,
            erased_at=tx.now,
        )
    )


def find_record(tx: Tx, kind: RecordKind, record_id: str, *, hold: bool) -> dict[str, Any] | None:
    """Who made a record, when it was made and when it ended, seen by the scope or not; None when there is none.

    hold: in a writing transaction, no other photo is added to it, and it does not end, before that one ends.
    """
    table = RECORDS[kind.name]
    statement = select(table.c.created_by, table.c.created_at, table.c.valid_to).where(
        table.c.zone == tx.scope.zone, table.c.id == record_id
    )
    if hold:
        statement = statement.with_for_update()
    row = inside(tx).connection.execute(statement).mappings().one_or_none()
    return None if row is None else dict(row)


def hold_attachments(tx: Tx) -> None:
    """Nobody adds a photo, in any zone, before the writing transaction ends; first statement of a transaction."""
    transaction = inside(tx)
    if not transaction.dialect.serial_writers:
        transaction.connection.exec_driver_sql("LOCK TABLE attachments IN SHARE ROW EXCLUSIVE MODE")


def named_hashes(tx: Tx, among: Collection[str]) -> set[str]:
    """Those of the hashes that a row of any zone names, as a photo or as a thumbnail."""
    wanted = sorted(among)
    both = union_all(
        select(attachments.c.hash).where(attachments.c.hash.in_(wanted)),
        select(attachments.c.thumbnail_hash).where(attachments.c.thumbnail_hash.in_(wanted)),
    )
    return {str(found) for found in inside(tx).connection.execute(both).scalars()}
