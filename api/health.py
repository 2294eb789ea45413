"""Whether the process lives and whether the service can serve: for watchdogs and load balancers."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Final, cast

from fastapi import APIRouter, Request, Response

from api import schemas
from api.answers import answer
from api.errors import RETRY_AFTER_S, problem
from api.indexes import LinkIndexes
from api.observing import AtOnce, OnWatch
from gridgov.blobs import BlobStore
from gridgov.errors import GridgovError, SchemaAltered, SchemaMissing, SchemaTooNew
from gridgov.store import Store

alive = APIRouter(tags=["service"], route_class=AtOnce)
router = APIRouter(tags=["service"], route_class=OnWatch)

OK: Final = "ok"
DEGRADED: Final = "degraded"
# Without these the service still answers what it is asked: photos wait, and a report waits while its index is built.
_SPARED: Final = frozenset({"files", "link_index"})
_FILES_KEPT_S: Final = 15.0  # so that nobody makes the service write to its storage by asking often
_INDEXES_KEPT_S: Final = 3.0
_SCHEMA: Final = (SchemaMissing, SchemaTooNew, SchemaAltered)
_TITLES: Final = ("The service is not ready", "服务未就绪")


@dataclass
class Readiness:
    """What has to be well before requests come here. Safe for threads.

    stopping: the process was told to stop.
    """

    store: Store
    files: BlobStore
    indexes: LinkIndexes
    stopping: threading.Event = field(default_factory=threading.Event)
    _files: tuple[float, str] = (0.0, "")
    _indexes_until: float = 0.0

    def parts(self) -> dict[str, str]:
        """Each part with `ok` or one word for what is wrong; the store is not asked once the service stops."""
        if self.stopping.is_set():
            return {"process": "stopping"}
        return {
            "process": OK,
            **self._store_parts(),
            "link_index": self._indexes_part(),
            "files": self._files_part(),
        }

    def _store_parts(self) -> dict[str, str]:
        try:
            self.store.check()
        except _SCHEMA:
            return {"store": OK, "migrations": "do not fit this program"}
        except GridgovError:
            return {"store": "does not answer", "migrations": "unknown"}
        return {"store": OK, "migrations": OK}

    def _indexes_part(self) -> str:
        """Boundaries that another process published are told once as not loaded here, and loaded then."""
        if time.monotonic() < self._indexes_until:
            return OK
        try:
            if self.indexes.behind():
                self.indexes.build()
                return "was behind the published boundaries"
        except GridgovError:
            return "unknown"
        self._indexes_until = time.monotonic() + _INDEXES_KEPT_S
        return OK

    def _files_part(self) -> str:
        until, told = self._files
        if time.monotonic() >= until:
            try:
                self.files.check()
                told = OK
            except GridgovError:
                told = "cannot be written"
            self._files = (time.monotonic() + _FILES_KEPT_S, told)
        return told


def readiness_of(request: Request) -> Readiness:
    """The readiness of the app behind a request."""
    return cast("Readiness", request.app.state.readiness)


@alive.get("/livez", response_class=Response, **schemas.health())
def livez(request: Request) -> Response:
    """200 while the process answers, whatever else is wrong: restart it only when this fails."""
    return answer(request, {"status": OK})


@router.get("/readyz", response_class=Response, **schemas.health())
def readyz(request: Request) -> Response:
    """200 when requests can be served, else 503 that names the part; a service that stops says so here first.

    Photos that cannot be kept now make it `degraded`, not unready: taking the whole map away would help nobody.
    """
    parts = readiness_of(request).parts()
    wrong = {name: told for name, told in parts.items() if told != OK and name not in _SPARED}
    if not wrong:
        status = OK if set(parts.values()) == {OK} else DEGRADED
        return answer(request, {"status": status, "parts": parts})
    told = "; ".join(f"{name.replace('_', ' ')}: {word}" for name, word in wrong.items())
    detail = f"Not now: {told}. `gridgov check` says more to the operator."
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return problem(request, 503, "not-ready", _TITLES, detail, {"parts": parts}, headers)


@router.get("/healthz", response_class=Response, **schemas.health())
def healthz(request: Request) -> Response:
    """The same as /readyz, under the name that watchdogs look for."""
    return readyz(request)
