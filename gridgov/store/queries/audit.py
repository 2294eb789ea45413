"""The audit log: who did what to the service itself. It only grows; the history of records is in their events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import insert, select

from gridgov.models.identifiers import new_identifier
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema_private import audit_log

DONE, REFUSED = "done", "refused"

# action → what its entry says. What is not in this table cannot be written.
AUDITED: Final = MappingProxyType(
    {
        "sign-in": "an account signed in; refused: its password was wrong or its limit was reached",
        "sign-out": "an account signed out",
        "session:copied": "a replaced session token was used again: all sessions of that sign-in ended",
        "users:add": "an account was made",
        "users:change": "an account was changed; details name the fields, never their values",
        "tokens:add": "a program got a token",
        "tokens:revoke": "a program's token was revoked",
        "contacts:read": "somebody looked at a reporter's name, phone and words",
        "contacts:erase": "a reporter's name, phone and words were erased",
        "import:run": "a file was loaded",
        "export:run": "somebody who signed in, or an operator, took records out as a file",
        "areas:publish": "boundaries were published together",
        "zones:add": "a zone was made",
        "zones:open": "a zone's issues were opened to the public",
        "zones:close": "a zone's issues were closed to the public",
        "jobs:cancel": "somebody asked to stop a job",
        "attachments:erase": "a photo was erased",
        "backup": "a backup was made",
        "restore": "a backup was restored into this store",
        "transfer": "the store was filled from another one",
        "files:own": "the place of photos was taken from another store",
    }
)


def record_audit(
    tx: Tx,
    action: str,
    subject: str | None = None,
    *,
    outcome: str = DONE,
    address: str | None = None,
    details: Mapping[str, Any] | None = None,
    actor: str | None = None,
) -> None:
    """Note an act of the scope's actor, in the transaction of the act.

    action: one of AUDITED. subject: an id or key, never a name or a phone number; details likewise. address: the keyed
    hash of where it came from. actor: whose act it is where the scope does not tell, as at a sign-in.
    Raises ValueError for an action that is not in the table.
    """
    if action not in AUDITED:
        raise ValueError(f"{action!r} is no audited action; add it to AUDITED with what its entry says")
    inside(tx).connection.execute(
        insert(audit_log).values(
            id=new_identifier(tx.now),
            zone=tx.scope.zone,
            at=tx.now,
            actor=tx.scope.actor if actor is None else actor,
            action=action,
            subject=subject,
            outcome=outcome,
            address=address,
            details=None if details is None else dict(details),
        )
    )


def list_audit(
    tx: Tx,
    *,
    since: dt.datetime | None = None,
    after: int | None = None,
    limit: int = 100,
    oldest_first: bool = False,
) -> list[dict[str, Any]]:
    """A page of the zone's entries, newest first unless `oldest_first`.

    since: not older. after: the fid of the last entry of the former page.
    """
    statement = select(audit_log).where(audit_log.c.zone == tx.scope.zone)
    if since is not None:
        statement = statement.where(audit_log.c.at >= since)
    if after is not None:
        statement = statement.where(audit_log.c.fid > after if oldest_first else audit_log.c.fid < after)
    statement = statement.order_by(audit_log.c.fid.asc() if oldest_first else audit_log.c.fid.desc())
    return [dict(row) for row in inside(tx).connection.execute(statement.limit(limit)).mappings()]
