"""The web service: `create_app(settings, store)` puts the routers together; nothing is read at import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import anyio.to_thread
from fastapi import Depends, FastAPI

from api import (
    areas,
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
    links,
    listings,
    pages,
    parcels,
    plants,
    stats,
    units,
    users,
)
from api.deps import Clock, Service, check_rights, utc_now
from api.hot import Edge
from gridgov.serving.linking import warm
from gridgov.settings import Settings
from gridgov.store import Store

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
    exports.router,
    auth.router,
    users.router,
    pages.router,
    documents.router,
    health.router,
)


def create_app(settings: Settings, store: Store, clock: Clock = utc_now) -> FastAPI:
    """The app over an open store; the caller closes the store. Raises ConfigurationProblem for unusable settings.

    At start the store is checked and the link kernels are compiled or loaded, so that no request waits for them.
    """
    service = Service(settings, store, clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # A request holds one connection at a time, so this many never wait for one.
        anyio.to_thread.current_default_thread_limiter().total_tokens = 2 * settings.store_pool_size
        await anyio.to_thread.run_sync(store.check)
        await anyio.to_thread.run_sync(warm)
        yield

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
    for router in ROUTERS:
        app.include_router(router)
    errors.install(app)
    app.add_middleware(Edge, upload_max_bytes=settings.upload_max_bytes)
    app.openapi = partial(documents.describe, app)  # type: ignore[method-assign]  # as FastAPI's documentation has it
    return app
