"""Jobs: how far they are, what came of them, cancelling one, and confirming a checked import."""

from __future__ import annotations

import re
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api import job_schemas
from api.answers import answer
from api.deps import JsonObject, ScopedCall
from api.querying import known_parameters, read_limit
from api.rights import write_action
from gridgov.access import allow
from gridgov.errors import InvalidCursor, InvalidFilter, InvalidValue, UnknownField
from gridgov.importing import layer_target
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import Job, State
from gridgov.tasks import imports

router = APIRouter(tags=["jobs"])

_SHOWN: Final = (
    "id", "kind", "progress", "step", "attempts", "error", "run_at", "created_at", "created_by", "started_at",
    "ended_at", "stop_asked_at",
)  # fmt: skip
_ABOUT: Final = ("file", "layer")
_CHOICES: Final = {"skip_bad": bool, "crs": str, "axes": str}


@router.get("/api/jobs", response_class=Response, **job_schemas.listing_jobs())
def list_jobs(request: Request, call: ScopedCall) -> Response:
    """The caller's jobs, newest first, without their results; administrators see those of everybody."""
    given = known_parameters(request.query_params.multi_items(), ("state", "cursor", "limit"))
    limit = read_limit(given.get("limit", "100"), call.service.settings.page_max)
    after = _cursor(given.get("cursor"))
    with call.read() as tx:
        found = jobs.list_jobs(tx, _states(given.get("state", "")), after=after, limit=limit + 1)
    following = str(found[limit - 1].fid) if len(found) > limit else None
    items = [{**shown(job), "result": None} for job in found[:limit]]
    return answer(request, {"items": items, "next": following})


@router.get("/api/jobs/{identifier}", response_class=Response, **job_schemas.one_job())
def read_job(request: Request, identifier: str, call: ScopedCall) -> Response:
    """A job as it is now; `result` holds the report when it is over."""
    known_parameters(request.query_params.multi_items(), ())
    with call.read() as tx:
        return answer(request, shown(jobs.read_job(tx, identifier)))


@router.delete("/api/jobs/{identifier}", response_class=Response, **job_schemas.cancelling())
def cancel_job(request: Request, identifier: str, call: ScopedCall) -> Response:
    """Cancel a job that waits at once; one that runs stops at its next step and has no effect.

    A check that is done and not confirmed is given up: its file goes.
    """
    known_parameters(request.query_params.multi_items(), ())
    with call.write() as tx:
        job = imports.cancel(tx, identifier)
        call.audit(tx, "jobs:cancel", job.id)
    imports.let_go(call.service.blobs, job)
    return answer(request, shown(job))


@router.post(
    "/api/jobs/{identifier}/confirm",
    response_class=Response,
    status_code=202,
    **job_schemas.confirming(),
)
def confirm_import(request: Request, identifier: str, call: ScopedCall, body: JsonObject) -> Response:
    """Load what a check found; the same again answers with the same job."""
    known_parameters(request.query_params.multi_items(), ())
    choice = _choice(body)
    with call.write() as tx:
        check = jobs.read_job(tx, identifier, hold=True)
        if check.kind == imports.CHECK:
            kind, _ = layer_target(check.payload["layer"])
            allow(call.actor, write_action(kind.name))
        job = imports.confirm(tx, call.service.blobs, check, **choice)
    call.service.runner.wake()
    return answer(request, shown(job), 202, {"Location": f"{call.root}/api/jobs/{job.id}"})


def shown(job: Job) -> dict[str, Any]:
    """A job as JSON: without its payload, but for the file and the layer it is about, and without its worker."""
    item = {name: getattr(job, name) for name in _SHOWN}
    about = {name: job.payload[name] for name in _ABOUT if name in job.payload}
    return {**item, "state": job.state.value, "about": about, "result": job.result}


def _choice(body: dict[str, Any]) -> dict[str, Any]:
    choice: dict[str, Any] = {"skip_bad": False}
    for name, value in body.items():
        if name not in _CHOICES:
            raise UnknownField(
                f"There is no field “{name[:60]}” here; the fields are {', '.join(_CHOICES)}.",
                field=name[:60],
            )
        if not isinstance(value, _CHOICES[name]):
            wanted = "true or false" if _CHOICES[name] is bool else "text"
            raise InvalidValue(f"“{name}” must be {wanted}.", field=name)
        choice[name] = value
    return choice


def _states(text: str) -> list[State]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in set(State)]
    if unknown:
        raise InvalidFilter(
            f"“{unknown[0][:40]}” is no state; the states are {', '.join(State)}.", field="state"
        )
    return [State(name) for name in names]


def _cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InvalidCursor("This cursor belongs to no page of jobs; start again without it.")
    return int(text)
