"""What the service measures of itself, for Prometheus: each app has a registry of its own.

Labels are bounded: a route is its template, a method one of nine, never what somebody asked for. With several
processes on one socket the numbers lie in files of a folder that all of them share, and whichever process is asked
answers for all.
"""

from __future__ import annotations

import datetime as dt
import hmac
import ipaddress
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal, cast

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api import schemas
from api.journal import NO_ROUTE
from api.observing import OnWatch
from gridgov.access import Scope
from gridgov.errors import GridgovError, NotAllowed
from gridgov.serving.linking import Linker
from gridgov.settings import Settings
from gridgov.store import Store
from gridgov.store.queries import jobs
from gridgov.store.watching import Spent, Watch

router = APIRouter(tags=["service"], route_class=OnWatch)

_LATENCY: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
_STORE: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
Mode = Literal["livesum", "livemax", "livemin"]
_JOBS_KEPT_S: Final = 2.0  # how long counted jobs are answered again without asking the store


class Metrics:
    """The meters of one app.

    folder: where the processes of one service keep their numbers; None for a service of one process.
    """

    def __init__(
        self, settings: Settings, store: Store, clock: Callable[[], dt.datetime], folder: Path | None
    ) -> None:
        self._token = settings.metrics_token.get_secret_value()
        self._clock = clock
        own = self._registry = CollectorRegistry()
        by_route = ["route", "method"]

        def gauge(name: str, told: str, labels: Iterable[str] = (), mode: Mode = "livesum") -> Gauge:
            return Gauge(f"gridgov_{name}", told, labels, registry=own, multiprocess_mode=mode)

        def histogram(name: str, told: str, labels: Iterable[str], buckets: Sequence[float]) -> Histogram:
            return Histogram(f"gridgov_{name}", told, labels, registry=own, buckets=buckets)

        self.requests = Counter("gridgov_requests", "Requests answered", [*by_route, "status"], registry=own)
        self.latency = histogram("request_seconds", "Time to the end of the answer", by_route, _LATENCY)
        self.under_way = gauge("requests_under_way", "Requests being answered")
        self.store_work = histogram("store_seconds", "Work of the store per transaction", ["kind"], _STORE)
        self.connections = gauge("store_connections_in_use", "Connections to the store at work")
        self.index_areas = gauge("link_index_areas", "Areas in the link index", ["zone"], "livemax")
        # Of several processes the oldest index is told.
        built = "When the link index was built"
        self.index_built = gauge("link_index_built_timestamp_seconds", built, ["zone"], "livemin")
        edition = "Set of boundaries in the link index"
        self.index_edition = gauge("link_index_edition_set", edition, ["zone"], "livemin")
        self.workers = gauge("processes", "Processes that answer requests")
        self.workers.set(1)
        self._kind = {True: self.store_work.labels("write"), False: self.store_work.labels("read")}
        store.watching.told.append(self._transaction)
        store.watching.held.append(self.connections.set)
        self._answers = self._answering(folder)
        self._answers.register(Facts(store, clock))

    def _answering(self, folder: Path | None) -> CollectorRegistry:
        """The registry that is answered with: the own one, or all processes' numbers."""
        if folder is None:
            ProcessCollector(registry=self._registry)
            return self._registry
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(folder))  # type: ignore[no-untyped-call]
        return together

    def answered(self, watch: Watch, method: str, status: int, seconds: float) -> None:
        """Count one request; status 0: the client went away before an answer."""
        route = watch.route or NO_ROUTE
        told = f"{status // 100}xx" if status else "gone"
        self.requests.labels(route, method, told).inc()
        self.latency.labels(route, method).observe(seconds)

    def index_changed(self, linker: Linker) -> None:
        """Note a link index that was just built."""
        self.index_areas.labels(linker.zone).set(sum(len(level.ids) for level in linker.levels.values()))
        self.index_built.labels(linker.zone).set(self._clock().timestamp())
        self.index_edition.labels(linker.zone).set(linker.edition_set)

    def _transaction(self, spent: Spent) -> None:
        self._kind[spent.writes].observe(spent.working)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._answers)

    def may_read(self, request: Request) -> bool:
        """Whether the request has the token; where none is set, whether it came straight from this machine."""
        if self._token:
            given = request.headers.get("authorization", "")
            return hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())
        passed_on = "x-forwarded-for" in request.headers or "forwarded" in request.headers
        return not passed_on and _is_loopback(request.client.host if request.client else "")


class Facts(Collector):
    """What is looked up when somebody asks: the version, the jobs, and whether the store answers."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._clock = clock
        self._jobs: list[Metric] = []
        self._until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the store."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The version; the jobs of all zones, left out while the store is away."""
        labels = {
            "version": _version(),
            "python": platform.python_version(),
            "store": self._store.url.partition(":")[0],
        }
        build = GaugeMetricFamily("gridgov_build_info", "What runs here", labels=list(labels))
        build.add_metric(list(labels.values()), 1)
        yield build
        answers = True
        if time.monotonic() > self._until:
            try:
                self._jobs = self._count()
                self._until = time.monotonic() + _JOBS_KEPT_S
            except GridgovError:
                self._jobs, answers = [], False
        yield GaugeMetricFamily("gridgov_store_up", "Whether the store answered", value=float(answers))
        yield from self._jobs

    def _count(self) -> list[Metric]:
        now = self._clock()
        with self._store.begin(Scope.system(""), now) as tx:
            numbers, since = jobs.counts(tx), jobs.waiting_since(tx)
        family = GaugeMetricFamily("gridgov_jobs", "Jobs by kind and state", labels=["kind", "state"])
        for (kind, state), number in sorted(numbers.items()):
            family.add_metric([kind, state], number)
        age = 0.0 if since is None else max(0.0, (now - since).total_seconds())
        oldest = GaugeMetricFamily(
            "gridgov_jobs_oldest_due_seconds", "How long a job has been due", value=age
        )
        return [family, oldest]


@router.get(
    "/metrics",
    response_class=Response,
    **schemas.content("text/plain", "Measurements, for Prometheus.", (403, 500)),
)
def read_metrics(request: Request) -> Response:
    """Measurements for Prometheus; with GRIDGOV_METRICS_TOKEN as bearer token, or from this machine."""
    metrics = metrics_of(request)
    if not metrics.may_read(request):
        raise NotAllowed(
            "Measurements are for the operator: send the token of GRIDGOV_METRICS_TOKEN as a bearer."
        )
    return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)


def metrics_of(request: Request) -> Metrics:
    """The meters behind a request."""
    return cast("Metrics", request.app.state.metrics)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _version() -> str:
    try:
        return version("gridgov")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
