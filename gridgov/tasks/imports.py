"""Large imports as jobs: the upload is checked, a person confirms what the report says, then it is loaded once."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gridgov.blobs import UPLOADS, BlobStore
from gridgov.errors import (
    CoordinateSystemNeeded,
    GridgovError,
    ImportRejected,
    JobState,
    NotFound,
    StoreProblem,
    TooManyAttempts,
)
from gridgov.exchange.planning import Options
from gridgov.exchange.report import Report
from gridgov.importing import import_file, layer_target
from gridgov.jobs import Run, Stopped
from gridgov.jobs.retry import worth_repeating
from gridgov.models import RecordKind
from gridgov.store import Tx
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import Job, State, enqueue, find_job
from gridgov.store.queries.uploads import count_kept, hold_sender
from gridgov.tasks.copies import copied

LOG = logging.getLogger(__name__)

CHECK, LOAD = "import_check", "import_load"
_WITHOUT_EFFECT = (State.FAILED, State.CANCELLED)
SYSTEM_NEEDED = "coordinate_system_needed"
KEEP_CHECKS = dt.timedelta(days=7)
KEPT_MAX = 20
_WAIT_S = 60
_GONE = "The uploaded file is no longer kept; send it again."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for, in the words they typed; as in Options.from_words. layer: a kind or a layer's name."""

    file: str
    layer: str
    crs: str = ""
    axes: str = ""
    mapping: tuple[str, ...] = ()
    scheme: str = ""
    source_layer: str = ""
    skip_bad: bool = False

    def target(self) -> tuple[RecordKind, Options]:
        """The kind and the options. Raises NotFound for a layer, InvalidValue and the errors of systems for words."""
        kind, constants = layer_target(self.layer)
        options = Options.from_words(
            crs=self.crs,
            axes=self.axes,
            mapping=self.mapping,
            scheme=self.scheme,
            layer=self.source_layer,
            constants=constants,
        )
        return kind, options

    def payload(self, upload: str, role: str) -> dict[str, Any]:
        """The job's payload, plain JSON."""
        words = {name: getattr(self, name) for name in self.__slots__}
        return {**words, "mapping": list(self.mapping), "upload": upload, "role": role}

    @classmethod
    def of(cls, payload: Mapping[str, Any], **changes: Any) -> Wanted:
        """What a payload was made from, with changes."""
        words = {name: payload[name] for name in cls.__slots__}
        return cls(**{**words, "mapping": tuple(payload["mapping"]), **changes})


def upload_key(identifier: str) -> str:
    """Where the file of the job `identifier` lies among the blobs."""
    return f"{UPLOADS}{identifier}"


def request(tx: Tx, kind: str, identifier: str, wanted: Wanted) -> Job:
    """Enqueue CHECK or LOAD of an upload that lies under upload_key(identifier) already; `identifier` is the job's."""
    wanted.target()
    payload = wanted.payload(upload_key(identifier), tx.scope.role.value)
    return enqueue(tx, kind, identifier, payload, identifier=identifier)


def refuse_too_many(tx: Tx) -> None:
    """Raises TooManyAttempts when the scope's actor keeps as many checked or waiting files here as one person may.

    In a writing transaction nobody else asks for this actor before it ends.
    """
    if count_kept(tx, CHECK, LOAD, tx.now - KEEP_CHECKS) >= KEPT_MAX:
        raise TooManyAttempts(
            f"{KEPT_MAX} of your files wait to be checked, confirmed or loaded; confirm them, or cancel the jobs of "
            "those you do not need.",
            retry_after=_WAIT_S,
        )


def request_check(tx: Tx, identifier: str, wanted: Wanted) -> Job:
    """`request` of a check for a person, who may keep only so many. Raises TooManyAttempts."""
    hold_sender(tx)
    refuse_too_many(tx)
    return request(tx, CHECK, identifier, wanted)


def cancel(tx: Tx, identifier: str) -> Job:
    """Cancel a job, ask it to stop, or give up a check that is done and not confirmed; `let_go` follows the commit.

    Raises NotFound, JobState when nothing is left to cancel.
    """
    job = jobs.read_job(tx, identifier, hold=True)
    if job.kind == CHECK and job.state is State.DONE and job.stop_asked_at is None:
        former, _ = _last_load(tx, job)
        if former is None or former.state in _WITHOUT_EFFECT:
            return jobs.withdraw(tx, job)
    return jobs.ask_stop(tx, identifier)


def let_go(blobs: BlobStore, job: Job) -> None:
    """Drop the upload that came with a job, when the job is over without anybody wanting the file any more.

    Where it cannot be dropped now, the daily clearing does it.
    """
    own = job.payload.get("upload") == upload_key(job.id)
    given_up = job.state in _WITHOUT_EFFECT or (job.state is State.DONE and job.stop_asked_at is not None)
    if own and given_up:
        drop_upload(blobs, job.payload["upload"])


def drop_upload(blobs: BlobStore, key: str) -> None:
    """Drop an upload, or leave it to the daily clearing."""
    try:
        blobs.drop(key)
    except StoreProblem as error:
        LOG.warning("The upload %s is left to the daily clearing: %s", key, error.message)


def _last_load(tx: Tx, check: Job) -> tuple[Job | None, str]:
    """The newest load of a check that was confirmed, and the key that its next one would have."""
    former, key, number = None, check.id, 1
    while (found := find_job(tx, LOAD, key)) is not None:
        number += 1
        former, key = found, f"{check.id}/{number}"
    return former, key


def confirm(tx: Tx, blobs: BlobStore, job: Job, *, skip_bad: bool, crs: str = "", axes: str = "") -> Job:
    """The one load of a check that is done: made now, or the one that was confirmed before.

    A load that failed or was cancelled may be confirmed anew, with another choice. crs, axes: "" keeps what the
    check used. Raises JobState, ImportRejected for a report with errors, NotFound when the upload is gone,
    ContentDiffers when the load runs or ran with another choice.
    """
    _refuse_unready(job, skip_bad=skip_bad, crs=crs)
    changes = {"crs": crs or job.payload["crs"], "axes": axes or job.payload["axes"], "skip_bad": skip_bad}
    wanted = Wanted.of(job.payload, **changes)
    wanted.target()
    upload = job.payload["upload"]
    former, key = _last_load(tx, job)
    if former is not None and former.state not in _WITHOUT_EFFECT:
        key = former.key
    elif job.stop_asked_at is not None or not blobs.holds(upload):
        raise NotFound(_GONE, id=job.id)
    return enqueue(tx, LOAD, key, wanted.payload(upload, tx.scope.role.value))


def _refuse_unready(job: Job, *, skip_bad: bool, crs: str) -> None:
    if job.kind != CHECK:
        raise JobState(f"The job {job.id} is no check of an import, so there is nothing to confirm.")
    if job.state is not State.DONE:
        raise JobState(
            f"The check {job.id} is {job.state.value}; only one that is done can be confirmed.",
            state=job.state.value,
        )
    if crs:
        return
    if job.result["outcome"] == SYSTEM_NEEDED:
        raise JobState("Confirm one of the proposed coordinate systems with “crs”.", state=job.state.value)
    errors = job.result["severities"]["error"]
    if errors and not skip_bad:
        raise ImportRejected(
            f"The file has {errors:,} errors. Mend it and send it again, or confirm with skip_bad.",
            errors=errors,
        )


# handlers -----------------------------------------------------------------------------------------------------------


def check(run: Run) -> None:
    """Check the upload against what is stored; the result is the report, or the systems that it may be in."""
    wanted = Wanted.of(run.job.payload)
    kind, options = wanted.target()
    means = run.means
    with _fetched(run) as path:
        try:
            report = import_file(
                means.store,
                run.scope,
                means.clock,
                path,
                kind,
                settings=means.settings,
                linkers=means.linkers,
                options=options,
                dry_run=True,
                progress=run,
            )
        except CoordinateSystemNeeded as error:
            result = {"outcome": SYSTEM_NEEDED, "message": error.message, **error.details}
        else:
            result = told(report)
    run.conclude(result)


def load(run: Run) -> None:
    """Load the upload; the job is done in the very transaction of the load, so it cannot happen twice."""
    wanted = Wanted.of(run.job.payload)
    kind, options = wanted.target()
    means, run.stages = run.means, 2
    with _fetched(run) as path:
        import_file(
            means.store,
            run.scope,
            means.clock,
            path,
            kind,
            settings=means.settings,
            linkers=means.linkers,
            options=options,
            skip_bad=wanted.skip_bad,
            progress=run,
            also=lambda tx, report: run.finish(tx, told(report)),
        )
    drop_upload(means.blobs, run.job.payload["upload"])


def told(report: Report) -> dict[str, Any]:
    """A report as the result of a job; the job's store of results bounds its lists."""
    return {**report.as_dict(), "faulty_places": report.faulty_places()}


@contextmanager
def _fetched(run: Run) -> Iterator[Path]:
    """The upload as a file under its own name, for as long as the block runs.

    An upload of the job's own goes when the block ends for good: nobody could use it any more. Raises NotFound when it
    is not there.
    """
    payload, blobs = run.job.payload, run.means.blobs
    try:
        with _opened(blobs, payload["upload"]) as source, copied(source, payload["file"], run.check) as path:
            yield path
    except (GridgovError, Stopped) as error:
        stays = isinstance(error, GridgovError) and worth_repeating(error, 0, 1)
        if payload["upload"] == upload_key(run.job.id) and not stays:
            drop_upload(blobs, payload["upload"])
        raise


@contextmanager
def _opened(blobs: BlobStore, key: str) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        try:
            source = stack.enter_context(blobs.open(key))
        except NotFound:
            raise NotFound(_GONE) from None
        yield source
