"""Large imports as jobs: the upload is checked, a person confirms what the report says, then it is loaded once."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from gridgov.blobs import UPLOADS, BlobStore
from gridgov.errors import CoordinateSystemNeeded, ImportRejected, JobState, NotFound, StoreProblem
from gridgov.exchange.planning import Options
from gridgov.exchange.report import Report
from gridgov.importing import import_file, layer_target
from gridgov.jobs import Run
from gridgov.models import RecordKind
from gridgov.store import Tx
from gridgov.store.queries.jobs import Job, State, enqueue, find_job

LOG = logging.getLogger(__name__)

CHECK, LOAD = "import_check", "import_load"
SYSTEM_NEEDED = "coordinate_system_needed"
_PIECE = 1024**2


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
    for number in count(1):
        key = job.id if number == 1 else f"{job.id}/{number}"
        former = find_job(tx, LOAD, key)
        if former is None or former.state not in (State.FAILED, State.CANCELLED):
            break
    upload = job.payload["upload"]
    if former is None and not blobs.holds(upload):
        raise NotFound("The uploaded file is no longer kept; send it again.", id=job.id)
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
    with run.write() as tx:
        run.finish(tx, result)


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
    try:
        means.blobs.drop(run.job.payload["upload"])
    except StoreProblem as error:
        LOG.warning("The upload of job %s is left to the daily clearing: %s", run.job.id, error.message)


def told(report: Report) -> dict[str, Any]:
    """A report as the result of a job; the job's store of results bounds its lists."""
    return {**report.as_dict(), "faulty_places": report.faulty_places()}


@contextmanager
def _fetched(run: Run) -> Iterator[Path]:
    """The upload as a file under its own name, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="gridgov-import-") as folder:
        path = Path(folder) / Path(run.job.payload["file"]).name
        with run.means.blobs.open(run.job.payload["upload"]) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, _PIECE)
        yield path
