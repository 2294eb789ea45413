"""The audit log: who did what to the service itself. It only grows; the history of records is in their events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select

from gridgov.models.identifiers import new_identifier
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema_private import audit_log

DONE, REFUSED = "done", "refused"


def record_audit(
    tx: Tx,
    action: str,
    subject: str | None = None,
    *,
    outcome: str = DONE,
    address: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Note an act of the scope's actor.

    action: as in gridgov.access.ACTIONS, or sign-in, sign-out. subject: an id or key, never a name or a phone number;
    details likewise. address: the keyed hash of where it came from.
    """
    inside(tx).connection.execute(
        insert(audit_log).values(
            id=new_identifier(tx.now),
            zone=tx.scope.zone,
            at=tx.now,
            actor=tx.scope.actor,
            action=action,
            subject=subject,
            outcome=outcome,
            address=address,
            details=None if details is None else dict(details),
        )
    )


def list_audit(
    tx: Tx, *, since: dt.datetime | None = None, after: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """The zone's entries, newest first. since: not older. after: the fid of the last entry of the former page."""
    statement = select(audit_log).where(audit_log.c.zone == tx.scope.zone)
    if since is not None:
        statement = statement.where(audit_log.c.at >= since)
    if after is not None:
        statement = statement.where(audit_log.c.fid < after)
    statement = statement.order_by(audit_log.c.fid.desc()).limit(limit)
    return [dict(row) for row in inside(tx).connection.execute(statement).mappings()]
