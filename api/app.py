"""The web service: `create_app(settings, store)` puts the routers together; nothing is read at import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import anyio.to_thread
from fastapi import Depends, FastAPI

from api import (
    areas,
    attachments,
    audit,
    auth,
    buildings,
    departments,
    documents,
    errors,
    exports,
    facilities,
    health,
    imports,
    issues,
    jobs,
    links,
    listings,
    metrics,
    pages,
    parcels,
    plants,
    stats,
    tokens,
    units,
    users,
)
from api.deps import Clock, Service, check_rights, utc_now
from api.health import Readiness
from api.hot import Edge, Observed, checked_root
from api.telemetry import open_traces
from gridgov.access import Scope
from gridgov.records import load_areas
from gridgov.serving.linking import warm
from gridgov.settings import Settings
from gridgov.store import Store
from gridgov.store.queries.editions import current_set
from gridgov.store.queries.zones import list_zones

ROUTERS: Final = (
    areas.router,
    parcels.router,
    plants.router,
    units.router,
    listings.router,
    facilities.router,
    issues.router,
    departments.router,
    buildings.router,
    links.router,
    stats.router,
    imports.router,
    attachments.router,
    jobs.router,
    exports.router,
    auth.router,
    users.router,
    tokens.router,
    audit.router,
    pages.router,
    documents.router,
    health.router,
    metrics.router,
)


def create_app(
    settings: Settings, store: Store, clock: Clock = utc_now, numbers: Path | None = None
) -> FastAPI:
    """The app over an open store; the caller closes the store. Raises ConfigurationProblem for unusable settings.

    At start the store is checked and the link kernels are compiled or loaded, so that no request waits for them.
    numbers: the folder where several processes of one service keep what they measured; None for one process.
    """
    service = Service(settings, store, clock)
    readiness = Readiness(store, service.blobs)
    meters = metrics.Metrics(settings, store, clock, numbers)
    service.linkers.built = meters.index_changed
    store.watching.slow_ms = settings.slow_query_ms
    traces = open_traces(settings, store.watching, clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # A request holds one connection at a time, so this many never wait for one.
        anyio.to_thread.current_default_thread_limiter().total_tokens = 2 * settings.store_pool_size
        readiness.warm.clear()
        await anyio.to_thread.run_sync(_prepare, service)
        readiness.warm.set()
        service.runner.start(settings.job_threads)
        yield
        await anyio.to_thread.run_sync(service.runner.stop, settings.stop_seconds)
        if traces is not None:
            await anyio.to_thread.run_sync(traces.close)

    app = FastAPI(
        title=documents.TITLE,
        lifespan=lifespan,
        dependencies=[Depends(check_rights)],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.readiness = readiness
    app.state.metrics = meters
    app.state.traces = traces
    app.state.root = checked_root(settings.root_path)
    for router in ROUTERS:
        app.include_router(router)
    errors.install(app)
    app.add_middleware(Edge, settings=settings)
    app.build_middleware_stack = lambda: Observed(  # type: ignore[method-assign]  # faults are answered inside it
        FastAPI.build_middleware_stack(app),
        meters=meters,
        stopping=readiness.stopping,
        trusted=service.trusted,
        traces=traces,
    )
    app.openapi = partial(documents.describe, app)  # type: ignore[method-assign]  # as FastAPI's documentation has it
    return app


def build_linkers(service: Service) -> None:
    """Build the link index of every zone that has boundaries, so that no report waits for it."""
    now = service.clock()
    with service.store.begin(Scope.system(""), now) as tx:
        zones = [each.zone for each in list_zones(tx)]
    for zone in zones:
        with service.store.begin(Scope.system(zone), now) as tx:
            service.linkers.get(zone, current_set(tx), partial(load_areas, tx))


def _prepare(service: Service) -> None:
    """What a worker needs before its first request."""
    service.store.check()
    warm()
    build_linkers(service)
