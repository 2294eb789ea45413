"""What it costs that each request is counted, timed and logged: the same app in process with that layer and without."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message

from api import journal
from api.app import create_app
from bench import stores
from bench.contest import Outcome, Run, Surroundings, Way, percentiles
from bench.dataset import Dataset
from gridgov.settings import read_settings

_REQUESTS = 400
_SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/api/parcels",
    "raw_path": b"/api/parcels",
    "query_string": b"limit=1",
    "root_path": "",
    "headers": [(b"host", b"bench")],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
}


def _asked(surroundings: Surroundings, *, observed: bool) -> Run:
    opened = stores.store(surroundings)
    stores.new_zone(opened, Dataset(surroundings.data))
    settings = read_settings({}, demo=True, log_format="json", default_zone=stores.PARCEL_ZONE, job_threads=0)
    journal.configure(settings, Path("/dev/null").open("w", encoding="utf-8"))  # noqa: SIM115 (open to the end)
    app = create_app(settings, opened)
    whole = app.build_middleware_stack()
    asked: ASGIApp = whole if observed else whole.app  # type: ignore[attr-defined]  # what Observed stands around

    async def once() -> float:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] != 200:
                raise AssertionError(message)

        start = time.perf_counter()
        await asked({**_SCOPE, "app": app, "state": {}}, receive, send)
        return time.perf_counter() - start

    async def many() -> list[float]:
        return [await once() for _ in range(_REQUESTS)]

    def run() -> Outcome:
        spent = asyncio.run(many())
        _, tail = percentiles([round(each * 1e9) for each in spent])
        return Outcome(len(spent), sum(spent) / len(spent), tail)

    return run


def with_it(surroundings: Surroundings) -> Run:
    return _asked(surroundings, observed=True)


def without_it(surroundings: Surroundings) -> Run:
    return _asked(surroundings, observed=False)


ONE_PARCEL = (
    Way("gridgov", with_it, note="counted, timed, logged as JSON; in process"),
    Way("not observed", without_it, note="without that layer"),
)
