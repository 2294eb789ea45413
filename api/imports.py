"""Import by upload: the file goes to disk as it arrives, is checked, and is loaded in one transaction or not at all.

`/api/import` does so while the caller waits; `/api/import-jobs` keeps the file and checks it as a job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData, UploadFile

from api import hot, job_schemas, schemas
from api.answers import answer
from api.deps import Call, ScopedCall
from api.jobs import shown
from api.querying import known_parameters, read_truth
from api.rights import write_action
from gridgov.access import allow
from gridgov.errors import GridgovError, InvalidValue, StoreUnavailable
from gridgov.exchange.report import Report
from gridgov.importing import import_file
from gridgov.models.identifiers import new_identifier
from gridgov.store.queries.jobs import Job
from gridgov.tasks import imports as tasks
from gridgov.tasks.copies import copied

router = APIRouter(tags=["import and export"])

_WORDS: Final = ("kind", "crs", "axes", "scheme", "source_layer")
_PARAMETERS: Final = (*_WORDS, "dry_run", "skip_bad")
_MAPPINGS_MAX: Final = 500
_NAME_BYTES: Final = 200


@router.post("/api/import", response_class=Response, **schemas.importing())
def import_records(
    request: Request, call: ScopedCall, form: Annotated[FormData, Depends(hot.upload_form)]
) -> Response:
    """Check a file and load it; the answer is the report. With `dry_run=true` nothing is written."""
    with _closing(form):
        report = _import(request, call, form)
    return answer(request, tasks.told(report))


@router.post("/api/import-jobs", response_class=Response, status_code=202, **job_schemas.uploading())
def import_later(
    request: Request, call: ScopedCall, form: Annotated[FormData, Depends(hot.upload_form)]
) -> Response:
    """Keep a file and check it as a job; nothing is written until the job is confirmed."""
    with _closing(form):
        job = _request(request, call, form)
    call.service.runner.wake()
    return answer(request, shown(job), 202, {"Location": f"{call.root}/api/jobs/{job.id}"})


@contextmanager
def _closing(form: FormData) -> Iterator[None]:
    try:
        yield
    finally:
        for _, part in form.multi_items():
            if isinstance(part, UploadFile):
                part.file.close()


def _import(request: Request, call: Call, form: FormData) -> Report:
    given, wanted = _wanted(request, call, form, _PARAMETERS)
    kind, options = wanted.target()
    call.confirm()  # the file may have been on its way for minutes
    with copied(_upload(form).file, wanted.file) as path:
        return import_file(
            call.service.store,
            call.scope,
            call.service.clock,
            path,
            kind,
            settings=call.service.settings,
            linkers=call.service.linkers,
            options=options,
            skip_bad=read_truth("skip_bad", given.get("skip_bad")),
            dry_run=read_truth("dry_run", given.get("dry_run")),
        )


def _request(request: Request, call: Call, form: FormData) -> Job:
    """The file among the uploads, and the job that checks it; without the job the file does not stay."""
    _, wanted = _wanted(request, call, form, _WORDS)
    with call.read() as tx:
        tasks.refuse_too_many(tx)
    blobs, identifier = call.service.blobs, new_identifier(call.now)
    key = tasks.upload_key(identifier)
    blobs.put(key, _upload(form).file)
    try:
        with call.write() as tx:
            return tasks.request_check(tx, identifier, wanted)
    except StoreUnavailable:
        raise  # the job may have been made all the same; the daily clearing knows
    except GridgovError:
        tasks.drop_upload(blobs, key)
        raise


def _wanted(
    request: Request, call: Call, form: FormData, known: tuple[str, ...]
) -> tuple[dict[str, str], tasks.Wanted]:
    """What is asked for, with words that can be used and a right to it."""
    pairs = request.query_params.multi_items()
    given = known_parameters([pair for pair in pairs if pair[0] != "map"], known)
    mapping = tuple(value for name, value in pairs if name == "map")
    if any("\x00" in value for value in mapping):
        raise InvalidValue("“map” holds a NUL character; remove it.", field="map")
    if len(mapping) > _MAPPINGS_MAX:
        raise InvalidValue(f"At most {_MAPPINGS_MAX} columns can be mapped.", field="map")
    wanted = tasks.Wanted(
        file=_file_name(_upload(form).filename or ""),
        layer=given.get("kind", ""),
        crs=given.get("crs", ""),
        axes=given.get("axes", ""),
        mapping=mapping,
        scheme=given.get("scheme", ""),
        source_layer=given.get("source_layer", ""),
    )
    kind, _ = wanted.target()
    allow(call.actor, write_action(kind.name))
    return given, wanted


def _upload(form: FormData) -> UploadFile:
    unknown = sorted(name for name in form if name != "file")
    upload: Any = form.get("file")
    if unknown or not isinstance(upload, UploadFile):
        raise InvalidValue("Send exactly one file, in the part “file”.", field="file")
    return upload


def _file_name(given: str) -> str:
    """The file's own name without anything that could lead elsewhere."""
    name = re.sub(r"[^\w.()（）+ -]", "_", Path(given.replace("\\", "/")).name)
    # File systems count bytes, of which a Chinese character has three; the ending says what kind of file it is.
    return name.encode()[-_NAME_BYTES:].decode(errors="ignore").strip(". ") or "upload"
