"""What OpenAPI says about jobs: their routes, and a job as it is read."""

from __future__ import annotations

from typing import Final

from api.record_schemas import CRS, MAYBE_TEXT, TEXT, Schema, an_object, ref
from api.schemas import READ_FAULTS, WRITE_FAULTS, Route, importing, parameter, route
from gridgov.store.queries.jobs import State

_STATE: Final[Schema] = {"type": "string", "enum": [state.value for state in State]}
_NOT_NOW: Final = ("dry_run", "skip_bad")  # of an import; a job is a dry run until it is confirmed


def uploading() -> Route:
    """POST of a file to be checked as a job."""
    made = importing()
    extra = made["openapi_extra"]
    extra["parameters"] = [each for each in extra["parameters"] if each["name"] not in _NOT_NOW]
    answers = {202: ("The job that checks the file.", ref("Job"))}
    return {**route(answers, (*WRITE_FAULTS, 429, 507)), "openapi_extra": extra}


def listing_jobs() -> Route:
    """GET of jobs."""
    parameters = [
        parameter("state", "Only jobs in these states, separated by commas.", {"type": "string"}),
        parameter("cursor", "`next` of the page before.", {"type": "string"}),
        parameter("limit", "Jobs of a page.", {"type": "integer", "minimum": 1, "maximum": 1000}),
    ]
    return route({200: ("One page, newest first, without results.", ref("JobPage"))}, parameters=parameters)


def one_job() -> Route:
    """GET of a job."""
    return route({200: ("The job as it is now.", ref("Job"))}, READ_FAULTS)


def cancelling() -> Route:
    """DELETE of a job."""
    return route({200: ("Cancelled, or asked to stop.", ref("Job"))}, (*READ_FAULTS, 409))


def confirming() -> Route:
    """POST of the word to load what was checked."""
    answers = {202: ("The one job that loads the file.", ref("Job"))}
    return route(answers, WRITE_FAULTS, body="Confirmation")


def job_components() -> dict[str, Schema]:
    """The components of the routes above."""
    instant, maybe_instant = {"type": "string", "format": "date-time"}, {"type": ["string", "null"]}
    job = an_object(
        {
            "id": TEXT,
            "kind": TEXT,
            "state": _STATE,
            "progress": {"type": "number", "minimum": 0, "maximum": 1},
            "step": MAYBE_TEXT,
            "attempts": {"type": "integer", "minimum": 0},
            "about": an_object({"file": TEXT, "layer": TEXT}),
            "result": {},
            "error": MAYBE_TEXT,
            "run_at": instant,
            "created_at": instant,
            "created_by": TEXT,
            "started_at": maybe_instant,
            "ended_at": maybe_instant,
            "stop_asked_at": maybe_instant,
        },
        ("id", "kind", "state", "progress", "about"),
    )
    page = {"items": {"type": "array", "items": ref("Job")}, "next": MAYBE_TEXT}
    words = {"skip_bad": {"type": "boolean"}, "crs": CRS, "axes": TEXT}
    return {
        "Job": job,
        "JobPage": an_object(page, ("items", "next")),
        "Confirmation": an_object(words),
    }
