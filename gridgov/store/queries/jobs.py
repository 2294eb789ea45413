"""The table of jobs: what is due, who runs it under which lease, and how it ended.

A run is known by (id, worker, attempts). Whatever it writes to its row holds only while the row still names it, so a
worker that lost its lease can neither finish a job nor spoil its successor's. `attempts` counts runs, `failures` those
that failed or vanished: a job that was only handed back is none the nearer to its last try.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import JSON, ColumnElement, and_, delete, false, func, or_, select, true, type_coerce, update

from gridgov.access import Role
from gridgov.errors import ContentDiffers, JobState, LeaseLost, NotFound, StoreBusy
from gridgov.models.checking import checked_identifier
from gridgov.models.identifiers import new_identifier
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import jobs


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


# (from, to) → when that happens. A pair that is not here cannot be written.
TRANSITIONS = MappingProxyType(
    {
        (State.WAITING, State.RUNNING): "a worker claims it when it is due",
        (State.WAITING, State.CANCELLED): "somebody cancels it before it began",
        (State.RUNNING, State.RUNNING): "another worker takes it over when the lease has ended",
        (State.RUNNING, State.WAITING): "it is tried again later, or handed back by a worker that stops",
        (State.RUNNING, State.DONE): "its effect was committed, in the same transaction",
        (State.RUNNING, State.FAILED): "trying again cannot mend it, or it was tried often enough",
        (State.RUNNING, State.CANCELLED): "somebody asked it to stop and the run saw it",
    }
)
OVER = (State.DONE, State.FAILED, State.CANCELLED)
LISTED = ("file", "layer")  # of a payload, in lists
# What lies further off than any lease or pause was written by a clock that has been set back since.
AHEAD = dt.timedelta(minutes=5)
LONGEST_PAUSE = dt.timedelta(minutes=20)
_NO_LEASE: Mapping[str, Any] = MappingProxyType({"lease_until": None, "worker": None})
_WORN_OUT = (
    "This job failed {failures} times; the last time its worker stopped without a word. See the worker's log, then "
    "send the job again."
)


@dataclass(frozen=True, slots=True)
class Job:
    """One job. progress: 0 to 1. step: one word for what it does now. result: JSON-ready, when it is over."""

    fid: int
    id: str
    zone: str
    kind: str
    key: str
    state: State
    run_at: dt.datetime
    attempts: int
    failures: int
    lease_until: dt.datetime | None
    worker: str | None
    payload: Mapping[str, Any]
    progress: float
    step: str | None
    result: Any
    error: str | None
    stop_asked_at: dt.datetime | None
    created_at: dt.datetime
    created_by: str
    started_at: dt.datetime | None
    ended_at: dt.datetime | None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in OVER


def enqueue(
    tx: Tx,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
    *,
    identifier: str | None = None,
    run_at: dt.datetime | None = None,
) -> Job:
    """The one job of (zone, kind, key), made now unless it is there already, over or not.

    payload: plain JSON. run_at: not before; None: at once. Raises ContentDiffers when the job that is there was made
    with another payload.
    """
    transaction = inside(tx)
    statement = (
        transaction.dialect.insert(jobs)
        .values(
            id=identifier or new_identifier(tx.now),
            zone=tx.scope.zone,
            kind=kind,
            key=key,
            state=State.WAITING.value,
            run_at=run_at or tx.now,
            attempts=0,
            failures=0,
            payload=dict(payload),
            progress=0.0,
            created_at=tx.now,
            created_by=tx.scope.actor,
        )
        .on_conflict_do_nothing(index_elements=["zone", "kind", "key"])
    )
    transaction.connection.execute(statement)
    job = find_job(tx, kind, key)
    if job is None:  # the old one of this key was cleared away in this very moment
        raise StoreBusy("The job could not be made just now; try again.", retry_after=1)
    if job.payload != dict(payload):
        raise ContentDiffers(f"The job {job.id} was asked for before with another choice.", id=job.id)
    return job


def find_job(tx: Tx, kind: str, key: str) -> Job | None:
    """The job of (zone, kind, key), whoever made it; for operations, never for an answer."""
    return _one(tx, and_(jobs.c.zone == tx.scope.zone, jobs.c.kind == kind, jobs.c.key == key))


def read_job(tx: Tx, identifier: str, *, hold: bool = False) -> Job:
    """A job of the scope's actor; administrators see all. hold: its row stays locked until the transaction ends.

    Raises NotFound, the same for a job that is not there and for another's.
    """
    identifier = checked_identifier(identifier)
    job = _one(tx, and_(_visible(tx), jobs.c.id == identifier), hold=hold)
    if job is None:
        raise NotFound(f"There is no job {identifier} that you can see.", id=identifier)
    return job


def list_jobs(
    tx: Tx, states: Collection[State] = (), *, after: int | None = None, limit: int = 100
) -> list[Job]:
    """Jobs of the scope's actor (administrators: all of the zone), newest first, without results.

    Of their payloads they have only what LISTED names. states: only these; none for all. after: the fid of the last job
    of the former page.
    """
    payload = type_coerce(jobs.c.payload, JSON)
    listed = [payload[name].as_string().label(f"listed_{name}") for name in LISTED]
    columns = [column for column in jobs.c if column.name not in ("payload", "result")]
    statement = select(*columns, *listed).where(_visible(tx)).order_by(jobs.c.fid.desc()).limit(limit)
    if states:
        statement = statement.where(jobs.c.state.in_([state.value for state in states]))
    if after is not None:
        statement = statement.where(jobs.c.fid < after)
    return [_listed(dict(row)) for row in inside(tx).connection.execute(statement).mappings()]


def ask_stop(tx: Tx, identifier: str) -> Job:
    """Cancel a job that waits; ask one that runs to stop. Raises NotFound, JobState when it is over."""
    job = read_job(tx, identifier, hold=True)
    if job.over:
        raise JobState(
            f"The job {job.id} is over ({job.state.value}); nothing is left to cancel.", state=job.state.value
        )
    if job.state is State.WAITING:
        values = {"ended_at": tx.now, "stop_asked_at": tx.now}
        _move(tx, _row(job), State.WAITING, State.CANCELLED, values)
    elif job.stop_asked_at is None:
        inside(tx).connection.execute(update(jobs).where(_row(job)).values(stop_asked_at=tx.now))
    return read_job(tx, identifier)


def withdraw(tx: Tx, job: Job) -> Job:
    """Mark a job that is done: what it kept for a later step is not wanted any more."""
    done = and_(_row(job), jobs.c.state == State.DONE.value)
    inside(tx).connection.execute(update(jobs).where(done).values(stop_asked_at=tx.now))
    return read_job(tx, job.id)


# the worker's side, over all zones ----------------------------------------------------------------------------------


def something_due(tx: Tx, kinds: Collection[str], lease: dt.timedelta) -> bool:
    """Whether a worker would find a job, as a mere read: an idle worker never waits for the writers' turn."""
    return inside(tx).connection.execute(_due(tx, kinds, lease).limit(1)).first() is not None


def claim(tx: Tx, kinds: Collection[str], worker: str, lease: dt.timedelta, most_failures: int) -> Job | None:
    """Take the oldest due job, or one whose worker let its lease end; None when nothing is due.

    Two workers never get the same: the row is locked and locked rows are passed over; on SQLite there is one writer.
    A job that somebody asked to stop, or whose runs failed or vanished `most_failures` times, is ended on the way.
    """
    connection = inside(tx).connection
    while True:
        statement = _due(tx, kinds, lease).limit(1).with_for_update(skip_locked=True)
        row = connection.execute(statement).mappings().one_or_none()
        if row is None:
            return None
        job = _job(row)
        failures = job.failures + (job.state is State.RUNNING)
        if job.stop_asked_at is not None:
            _move(tx, _row(job), State.RUNNING, State.CANCELLED, {**_NO_LEASE, "ended_at": tx.now})
        elif job.state is State.RUNNING and failures >= most_failures:
            told = _WORN_OUT.format(failures=failures)
            values = {**_NO_LEASE, "ended_at": tx.now, "error": told, "failures": failures}
            _move(tx, _row(job), State.RUNNING, State.FAILED, values)
        else:
            values = {
                "attempts": job.attempts + 1,
                "failures": failures,
                "worker": worker,
                "lease_until": tx.now + lease,
                "started_at": job.started_at or tx.now,
                "progress": 0.0,
                "step": None,
            }
            _move(tx, _row(job), job.state, State.RUNNING, values)
            return _one(tx, _row(job))


def look(tx: Tx, job: Job) -> bool:
    """Whether somebody asked this run to stop. Raises LeaseLost when it is no longer this run's job."""
    row = inside(tx).connection.execute(select(jobs.c.stop_asked_at).where(_run(job))).one_or_none()
    if row is None:
        raise _lost(job)
    return row[0] is not None


def beat(tx: Tx, job: Job, lease: dt.timedelta, progress: float, step: str | None) -> None:
    """Say that the run lives and how far it is; extends its lease. Raises LeaseLost."""
    values = {"lease_until": tx.now + lease, "progress": progress, "step": step}
    if inside(tx).connection.execute(update(jobs).where(_run(job)).values(**values)).rowcount == 0:
        raise _lost(job)


def finish(tx: Tx, job: Job, result: Any, at: dt.datetime) -> bool:
    """End the run's job in the transaction that has its effect. result: plain JSON. at: now, later than tx.now.

    False when somebody asked it to stop: the caller must let the transaction fail. Raises LeaseLost likewise.
    """
    condition = and_(_run(job), jobs.c.stop_asked_at.is_(None))
    values = {**_NO_LEASE, "ended_at": at, "result": result, "error": None, "progress": 1.0, "step": None}
    if _move(tx, condition, State.RUNNING, State.DONE, values):
        return True
    look(tx, job)
    return False


def give_back(tx: Tx, job: Job, run_at: dt.datetime, error: str | None = None) -> State:
    """Let the run's job wait until `run_at`; one that somebody asked to stop is cancelled. Raises LeaseLost.

    error: why the run failed; None for one that did not fail and is no failure of the job.
    """
    failures = job.failures + (error is not None)
    values = {
        **_NO_LEASE,
        "run_at": run_at,
        "error": error,
        "failures": failures,
        "progress": 0.0,
        "step": None,
    }
    if _move(tx, and_(_run(job), jobs.c.stop_asked_at.is_(None)), State.RUNNING, State.WAITING, values):
        return State.WAITING
    return end(tx, job, State.CANCELLED)


def end(tx: Tx, job: Job, state: State, error: str | None = None, result: Any = None) -> State:
    """End the run's job as failed or cancelled. Raises LeaseLost."""
    values = {**_NO_LEASE, "ended_at": tx.now, "error": error, "result": result, "step": None}
    if not _move(tx, _run(job), State.RUNNING, state, values):
        raise _lost(job)
    return state


# the service's side, over all zones ---------------------------------------------------------------------------------


def counts(tx: Tx) -> dict[tuple[str, str], int]:
    """(kind, state) → how many jobs there are in all zones."""
    statement = select(jobs.c.kind, jobs.c.state, func.count()).group_by(jobs.c.kind, jobs.c.state)
    return {(kind, state): int(number) for kind, state, number in inside(tx).connection.execute(statement)}


def waiting_since(tx: Tx) -> dt.datetime | None:
    """Since when the job that waits longest has been due; None when none is due."""
    waits = and_(jobs.c.state == State.WAITING.value, jobs.c.run_at <= tx.now)
    statement = select(jobs.c.run_at).where(waits).order_by(jobs.c.run_at).limit(1)
    found: dt.datetime | None = inside(tx).connection.execute(statement).scalar_one_or_none()
    return found


def drop_over(tx: Tx, before: dt.datetime, most: int = 1_000) -> int:
    """Delete up to `most` jobs that were over before this instant; returns how many."""
    past = and_(jobs.c.state.in_([state.value for state in OVER]), jobs.c.ended_at < before)
    found = select(jobs.c.fid).where(past).limit(most)
    return inside(tx).connection.execute(delete(jobs).where(jobs.c.fid.in_(found))).rowcount


# parts --------------------------------------------------------------------------------------------------------------


def _due(tx: Tx, kinds: Collection[str], lease: dt.timedelta) -> Any:
    """What is due, also where a clock that was ahead wrote when."""
    too_far = and_(jobs.c.attempts > 0, jobs.c.run_at > tx.now + LONGEST_PAUSE + AHEAD)
    due = or_(jobs.c.run_at <= tx.now, jobs.c.created_at > tx.now + AHEAD, too_far)
    ended = or_(jobs.c.lease_until <= tx.now, jobs.c.lease_until > tx.now + lease + AHEAD)
    waits = and_(jobs.c.state == State.WAITING.value, due)
    left = and_(jobs.c.state == State.RUNNING.value, ended)
    return (
        select(jobs).where(or_(waits, left), jobs.c.kind.in_(list(kinds))).order_by(jobs.c.run_at, jobs.c.fid)
    )


def _visible(tx: Tx) -> ColumnElement[bool]:
    scope = tx.scope
    mine = jobs.c.created_by == scope.actor if scope.actor else false()
    of_actor = true() if scope.role in (Role.ADMIN, Role.SYSTEM) else mine
    return and_(jobs.c.zone == scope.zone, of_actor)


def _row(job: Job) -> ColumnElement[bool]:
    return and_(jobs.c.zone == job.zone, jobs.c.id == job.id)


def _run(job: Job) -> ColumnElement[bool]:
    """The row, as long as it is this very run's."""
    running = jobs.c.state == State.RUNNING.value
    return and_(_row(job), running, jobs.c.worker == job.worker, jobs.c.attempts == job.attempts)


def _move(
    tx: Tx, condition: ColumnElement[bool], before: State, after: State, values: Mapping[str, Any]
) -> bool:
    """Change the state of the row that meets the condition and is in `before`; False when there is none."""
    if (before, after) not in TRANSITIONS:
        raise JobState(f"A job that is {before.value} cannot become {after.value}.", state=before.value)
    statement = update(jobs).where(condition, jobs.c.state == before.value)
    return bool(inside(tx).connection.execute(statement.values(state=after.value, **values)).rowcount)


def _one(tx: Tx, condition: ColumnElement[bool], *, hold: bool = False) -> Job | None:
    statement = select(jobs).where(condition)
    row = (
        inside(tx)
        .connection.execute(statement.with_for_update() if hold else statement)
        .mappings()
        .one_or_none()
    )
    return None if row is None else _job(row)


def _job(row: Mapping[Any, Any]) -> Job:
    return Job(**{**row, "state": State(row["state"])})


def _listed(row: dict[str, Any]) -> Job:
    found = {name: row.pop(f"listed_{name}") for name in LISTED}
    payload = {name: value for name, value in found.items() if value is not None}
    return _job({**row, "payload": payload, "result": None})


def _lost(job: Job) -> LeaseLost:
    return LeaseLost(f"Another worker has the job {job.id} now; nothing of this run counts.", id=job.id)
