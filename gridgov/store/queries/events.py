"""The history of a record: its events, oldest first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from gridgov.models import RecordKind
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import events


def events_of(tx: Tx, kind: RecordKind, identifier: str) -> list[dict[str, Any]]:
    """verb, at, actor, version and changes of every event of one record."""
    columns = (events.c.verb, events.c.at, events.c.actor, events.c.version, events.c.changes)
    statement = (
        select(*columns)
        .where(
            events.c.zone == tx.scope.zone,
            events.c.record_kind == kind.name,
            events.c.record_id == identifier,
        )
        .order_by(events.c.fid)
    )
    return [dict(row) for row in inside(tx).connection.execute(statement).mappings()]
