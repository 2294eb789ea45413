"""Whose uploads are still wanted: what a person keeps at the service, and what the daily clearing must leave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from sqlalchemy import JSON, ColumnElement, and_, func, or_, select, type_coerce

from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.queries.jobs import State
from gridgov.store.schema import jobs

_SENDERS_LOCK: Final = 7_301_522
_LIVING: Final = (State.WAITING.value, State.RUNNING.value)


def hold_sender(tx: Tx) -> None:
    """No other transaction of the scope's actor counts uploads before this writing one ends."""
    transaction = inside(tx)
    if not transaction.dialect.serial_writers:
        who = func.hashtextextended(f"{tx.scope.zone}/{tx.scope.actor}", _SENDERS_LOCK)
        transaction.connection.execute(select(func.pg_advisory_xact_lock(who)))


def count_kept(tx: Tx, check: str, load: str, since: dt.datetime) -> int:
    """How many uploads the scope's actor has here: checks to come, and those done since then that were not loaded.

    check, load: the kinds of jobs. A check's load has the check's id as its key, or that and a slash and a number. One
    whose file was withdrawn does not count.
    """
    loads = jobs.alias("loads")
    its_key = or_(loads.c.key == jobs.c.id, loads.c.key.like(jobs.c.id + "/%"))
    loaded = select(loads.c.fid).where(
        loads.c.zone == jobs.c.zone, loads.c.kind == load, its_key, loads.c.state == State.DONE.value
    )
    kept = and_(_confirmable(since), ~loaded.exists())
    mine = and_(jobs.c.zone == tx.scope.zone, jobs.c.created_by == tx.scope.actor, jobs.c.kind == check)
    statement = select(func.count()).where(mine, or_(jobs.c.state.in_(_LIVING), kept))
    return int(inside(tx).connection.execute(statement).scalar_one())


def uploads_needed(tx: Tx, kinds: Sequence[str], since: dt.datetime) -> set[str]:
    """The keys of the uploads of jobs of these kinds that are not over, or are done since this instant."""
    wanted = or_(jobs.c.state.in_(_LIVING), _confirmable(since))
    statement = select(jobs.c.payload).where(jobs.c.kind.in_(kinds), wanted)
    return {payload["upload"] for payload in inside(tx).connection.execute(statement).scalars()}


def upload_needed(tx: Tx, kinds: Sequence[str], key: str, since: dt.datetime) -> bool:
    """Whether `uploads_needed` has this one now."""
    named = type_coerce(jobs.c.payload, JSON)["upload"].as_string() == key
    wanted = or_(jobs.c.state.in_(_LIVING), _confirmable(since))
    statement = select(jobs.c.fid).where(jobs.c.kind.in_(kinds), wanted, named).limit(1)
    return inside(tx).connection.execute(statement).first() is not None


def _confirmable(since: dt.datetime) -> ColumnElement[bool]:
    done = and_(jobs.c.state == State.DONE.value, jobs.c.ended_at >= since)
    return and_(done, jobs.c.stop_asked_at.is_(None))
