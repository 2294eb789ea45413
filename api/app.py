"""The web service: `create_app(settings, store)` puts the routers together; nothing is read at import."""

from __future__ import annotations

import logging
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
from api.hot import Edge, checked_root
from api.indexes import LinkIndexes
from api.observing import Observed
from api.telemetry import open_traces
from gridgov.errors import StoreProblem
from gridgov.ownership import claim
from gridgov.serving.linking import Linker, warm
from gridgov.settings import Settings
from gridgov.store import Store

LOG: Final = logging.getLogger("gridgov.serving")

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
    health.alive,
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
    indexes = LinkIndexes(store, service.linkers, clock)
    readiness = Readiness(store, service.blobs, indexes)
    meters = metrics.Metrics(settings, store, clock, numbers)
    service.linkers.built = partial(_note_index, indexes, meters)
    store.watching.slow_ms = settings.slow_query_ms
    traces = open_traces(settings, store.watching, clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # A request holds one connection at a time, so this many seldom wait for one.
        anyio.to_thread.current_default_thread_limiter().total_tokens = 2 * settings.store_pool_size
        await anyio.to_thread.run_sync(_prepare, service, indexes)
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
        root=app.state.root,
        trusted=service.trusted,
        traces=traces,
    )
    app.openapi = partial(documents.describe, app)  # type: ignore[method-assign]  # as FastAPI's documentation has it
    return app


def _note_index(indexes: LinkIndexes, meters: metrics.Metrics, linker: Linker) -> None:
    indexes.note(linker)
    meters.index_changed(linker)


def _prepare(service: Service, indexes: LinkIndexes) -> None:
    """What a worker needs before its first request."""
    service.store.check()
    warm()
    indexes.build()
    _own_files(service)


def _own_files(service: Service) -> None:
    """Mark the place of photos as this store's, or say that it is not; a place that is away stops nobody."""
    try:
        if not claim(service.store, service.blobs, service.clock()):
            LOG.error("the photos here belong to another store; `gridgov check` says what to do")
    except StoreProblem as error:
        LOG.warning("photos cannot be kept now: %s", error.message)
