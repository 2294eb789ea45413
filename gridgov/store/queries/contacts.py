"""Personal data: names, phones and original free text, in erasable tables. Erasing is itself an event."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import delete, exists, insert, select, union_all, update

from gridgov.models import RecordKind
from gridgov.models.identifiers import new_identifier
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import RECORDS
from gridgov.store.schema_private import contacts, original_texts

ERASED = "erased"


def add_contact(tx: Tx, identifier: str, name: str | None, phone: str | None) -> None:
    """Keep a contact under an id made for it."""
    inside(tx).connection.execute(
        insert(contacts).values(id=identifier, zone=tx.scope.zone, name=name, phone=phone, created_at=tx.now)
    )


def read_contact(tx: Tx, identifier: str) -> dict[str, Any] | None:
    """Name and phone; both None after erasure; None for an unknown id."""
    statement = select(contacts.c.name, contacts.c.phone, contacts.c.erased_at).where(
        contacts.c.zone == tx.scope.zone, contacts.c.id == identifier
    )
    row = inside(tx).connection.execute(statement).mappings().one_or_none()
    return None if row is None else dict(row)


def add_text(tx: Tx, kind: RecordKind, record_id: str, text: str) -> None:
    """Keep what the reporter of a new record wrote, word for word, apart from the record.

    Words that are there already were left by a crash between the two files of the embedded store, before the record
    itself was kept; the report that is sent again brings them once more, so these go.
    """
    connection = inside(tx).connection
    connection.execute(
        delete(original_texts).where(
            original_texts.c.zone == tx.scope.zone,
            original_texts.c.record_kind == kind.name,
            original_texts.c.record_id == record_id,
        )
    )
    connection.execute(
        insert(original_texts).values(
            id=new_identifier(tx.now),
            zone=tx.scope.zone,
            record_kind=kind.name,
            record_id=record_id,
            text=text,
            created_at=tx.now,
        )
    )


def texts_of(tx: Tx, kind: RecordKind, record_id: str) -> list[str]:
    """The original texts of a record that were not erased."""
    statement = select(original_texts.c.text).where(
        original_texts.c.zone == tx.scope.zone,
        original_texts.c.record_kind == kind.name,
        original_texts.c.record_id == record_id,
        original_texts.c.erased_at.is_(None),
    )
    return [str(text) for text in inside(tx).connection.execute(statement).scalars()]


def sweep_unowned(tx: Tx, before: dt.datetime) -> int:
    """Remove contacts and words of the zone, made before `before`, whose record is not there; returns how many.

    A crash between the two files of the embedded store leaves them when the report is never sent again.
    """
    issues = RECORDS["issues"]
    # One list of all contacts in use: looked up one by one, each would be sought through all records.
    used = union_all(
        *(
            select(table.c.contact_id).where(table.c.zone == tx.scope.zone, table.c.contact_id.is_not(None))
            for table in RECORDS.values()
            if "contact_id" in table.c
        )
    )
    unused = delete(contacts).where(
        contacts.c.zone == tx.scope.zone, contacts.c.created_at < before, contacts.c.id.not_in(used)
    )
    record_there = exists().where(
        issues.c.zone == original_texts.c.zone, issues.c.id == original_texts.c.record_id
    )
    homeless = delete(original_texts).where(
        original_texts.c.zone == tx.scope.zone,
        original_texts.c.record_kind == "issues",
        original_texts.c.created_at < before,
        ~record_there,
    )
    connection = inside(tx).connection
    return sum(connection.execute(statement).rowcount for statement in (unused, homeless))


def erase(tx: Tx, kind: RecordKind, record_id: str, contact_id: str | None) -> None:
    """Blank a record's contact and original texts for good; the record and its history stay."""
    connection = inside(tx).connection
    if contact_id is not None:
        connection.execute(
            update(contacts)
            .where(contacts.c.zone == tx.scope.zone, contacts.c.id == contact_id)
            .values(name=None, phone=None, erased_at=tx.now)
        )
    connection.execute(
        update(original_texts)
        .where(
            original_texts.c.zone == tx.scope.zone,
            original_texts.c.record_kind == kind.name,
            original_texts.c.record_id == record_id,
        )
        .values(text=None, erased_at=tx.now)
    )
    # The hash of what was sent covers the contact too, so it goes with it; the same report sent again is refused.
    table = RECORDS[kind.name]
    connection.execute(
        update(table)
        .where(table.c.zone == tx.scope.zone, table.c.id == record_id)
        .values(payload_hash=ERASED)
    )
    tx.record_event(kind, record_id, "personal_data_erased", None)
