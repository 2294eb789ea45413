"""Around all routes, plain ASGI: watching each request, how many there are at once, and answers to watchdogs.

Whoever watches the service must have an answer when every thread is taken, so those routes wait for none of them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, Protocol

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors, journal
from api.hot import ALWAYS_ANSWERED
from api.proxies import Network, client_of
from api.rights import OPERATOR, PUBLIC, RIGHTS
from gridgov.errors import GridgovError, NotAllowed, TooManyAttempts
from gridgov.store.watching import CURRENT, Watch

MOST_UNDER_WAY: Final = 500  # requests of one process; threads answer far fewer at once, the others wait
MOST_ARRIVING: Final = 100  # bodies of one address that are on their way; many phones share one address
WATCH_THREADS: Final = 3  # for what watchdogs and collectors of measurements ask


class Meters(Protocol):
    """What counts requests; see api.metrics."""

    under_way: Any

    def answered(self, watch: Watch, method: str, status: int, seconds: float) -> None:
        """Count one request."""


class Traces(Protocol):
    """What keeps traces of requests; see api.telemetry."""

    def begin(self, method: str, headers: dict[str, str] | None) -> Any:
        """A span for a request that starts now; headers: None unless a trusted proxy sent them."""

    def end(self, watch: Watch, method: str, status: int) -> None:
        """Close the watch's span."""


@dataclass(slots=True)
class _Seen:
    status: int = 0
    size: int = 0


class Observed:
    """The layer around everything, also around the answers to faults: one line, one count, one span per request.

    stopping: set once the process was told to stop; from then on every answer ends its connection. root: the path
    below which people see the service. A request is under way from its first byte on, except while we wait for its
    body: that costs no thread, and whoever sends slowly must not take the room of the others.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        meters: Meters,
        stopping: Event,
        root: str = "",
        trusted: Sequence[Network] = (),
        traces: Traces | None = None,
        most: int = MOST_UNDER_WAY,
    ) -> None:
        self.app = app
        self.meters = meters
        self.stopping = stopping
        self.trusted = trusted
        self.traces = traces
        self.most = most
        self.under_way = 0
        self.arriving: Counter[str] = Counter()
        self._always = frozenset({*ALWAYS_ANSWERED, *(root + path for path in ALWAYS_ANSWERED)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        watch, seen = Watch(journal.request_id(connection, self.trusted)), _Seen()
        method = journal.known_method(scope["method"])
        CURRENT.set(watch)  # a request is a task of its own: the value ends with it
        if self.traces is not None:
            known = journal.from_proxy(connection, self.trusted)
            watch.span = self.traces.begin(method, dict(connection.headers) if known else None)
        started = time.perf_counter()
        self.count(1)
        arrival = _Arrival(self, connection, receive)
        try:
            if self.under_way > self.most and scope["path"] not in self._always:
                await errors.too_busy(Request(scope))(scope, receive, self._noting(send, watch, seen))
            else:
                await self.app(scope, arrival.receive, self._noting(send, watch, seen))
        finally:
            arrival.end()
            self.count(-1)
            seconds = time.perf_counter() - started
            self.meters.answered(watch, method, seen.status, seconds)
            journal.tell_access(watch, method, seen.status, seconds, 0 if method == "HEAD" else seen.size)
            if self.traces is not None:
                self.traces.end(watch, method, seen.status)

    def count(self, step: int) -> None:
        """So many requests more are under way."""
        self.under_way += step
        self.meters.under_way.inc(step)

    def _noting(self, send: Send, watch: Watch, seen: _Seen) -> Send:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[journal.REQUEST_ID] = watch.request_id
                if self.stopping.is_set():
                    headers["Connection"] = "close"
            else:
                seen.size += len(message.get("body", b""))
            await send(message)

        return noting


class _Arrival:
    """The body of one request on its way in."""

    def __init__(self, around: Observed, connection: HTTPConnection, receive: Receive) -> None:
        self._around = around
        self._connection = connection
        self._receive = receive
        self._address = ""  # known once somebody wants the body
        self._ended = False

    async def receive(self) -> Message:
        """The next part. Raises TooManyAttempts when too much of the same address is on its way already."""
        if self._ended:
            return await self._receive()
        if not self._address:
            self._begin()
        self._around.count(-1)
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if not self._around.stopping.is_set():
                raise
            message = {
                "type": "http.disconnect"
            }  # the time to stop is over, and nothing of this request was done
        finally:
            self._around.count(1)
        if not message.get("more_body"):
            self.end()
        return message

    def _begin(self) -> None:
        address = client_of(self._connection, self._around.trusted).address or "unknown"
        if self._around.arriving[address] >= MOST_ARRIVING:
            raise TooManyAttempts(
                f"At most {MOST_ARRIVING} requests of one address may be on their way at once; try again in a moment.",
                retry_after=errors.RETRY_AFTER_S,
            )
        self._address = address
        self._around.arriving[address] += 1

    def end(self) -> None:
        """All of it is there, or nobody waits for the rest."""
        if self._address and not self._ended:
            self._around.arriving[self._address] -= 1
            if not self._around.arriving[self._address]:
                del self._around.arriving[self._address]
        self._ended = True


class AtOnce(APIRoute):
    """A route without dependencies that is answered without a thread; it must neither wait nor ask the store."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""

        async def handle(request: Request) -> Response:
            return self.reply(request)

        return handle

    def reply(self, request: Request) -> Response:
        """The answer, also to what is refused: it must not wait for a thread either."""
        try:
            if RIGHTS.get((request.method, self.path)) not in (PUBLIC, OPERATOR):
                raise NotAllowed("This route has no declared right, so nobody may use it.")
            answered: Response = self.endpoint(request)
        except GridgovError as error:
            return errors.answer_gridgov(request, error)
        return answered


class OnWatch(AtOnce):
    """The same, in one of a few threads that nothing else uses."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""

        async def handle(request: Request) -> Response:
            return await anyio.to_thread.run_sync(self.reply, request, limiter=_threads())

        return handle


_LIMITER: RunVar[anyio.CapacityLimiter] = RunVar("gridgov_watch_threads")


def _threads() -> anyio.CapacityLimiter:
    """Each event loop has its own threads."""
    limiter = _LIMITER.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(WATCH_THREADS)
        _LIMITER.set(limiter)
    return limiter
