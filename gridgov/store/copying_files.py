"""Which stored files a moment of the store names: photos by their hash, and what jobs that are not ended wait for."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import and_, or_, select

from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.queries.jobs import State
from gridgov.store.schema import jobs
from gridgov.store.schema_private import attachments


def photo_hashes(tx: Tx) -> set[str]:
    """The hashes of every photo and thumbnail of every zone that is not erased."""
    connection = inside(tx).connection
    return {
        digest
        for column in (attachments.c.hash, attachments.c.thumbnail_hash)
        for digest in connection.execute(
            select(column).where(column.is_not(None), attachments.c.erased_at.is_(None)).distinct()
        ).scalars()
    }


def photo_named(tx: Tx, digest: str) -> bool:
    """Whether a photo that is not erased has this hash, as itself or as its thumbnail."""
    named = or_(attachments.c.hash == digest, attachments.c.thumbnail_hash == digest)
    statement = select(attachments.c.id).where(named, attachments.c.erased_at.is_(None)).limit(1)
    return inside(tx).connection.execute(statement).first() is not None


def payloads_of_jobs(tx: Tx) -> dict[str, Any]:
    """Id → payload of every job of every zone that has not ended."""
    statement = select(jobs.c.id, jobs.c.payload).where(jobs.c.ended_at.is_(None))
    return {row[0]: row[1] for row in inside(tx).connection.execute(statement)}


def payloads_of_late_jobs(tx: Tx, since: dt.datetime) -> list[Any]:
    """Payloads of jobs of every zone that are done since then and not withdrawn: checks that may be confirmed."""
    done = and_(jobs.c.state == State.DONE.value, jobs.c.ended_at >= since, jobs.c.stop_asked_at.is_(None))
    return list(inside(tx).connection.execute(select(jobs.c.payload).where(done)).scalars())
