"""Plain ASGI around the routes: the zone in the path, limits, headers, bodies as bytes. See also api.observing.

The routes themselves are ordinary functions; what has to be asynchronous stands here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Final, ParamSpec
from urllib.parse import quote

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from fastapi import Request, Response
from starlette.datastructures import FormData, MutableHeaders
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from gridgov.errors import (
    ConfigurationProblem,
    InvalidValue,
    StoreBusy,
    TooLarge,
    UnreadableFile,
    UnsupportedFormat,
)
from gridgov.models import KINDS, GeometryType
from gridgov.settings import Settings
from gridgov.store.watching import CURRENT

BODY_MAX_BYTES: Final = 20 * 1024**2  # of records that have polygons
RECORD_MAX_BYTES: Final = 256 * 1024  # of other records, reports of residents among them
SMALL_MAX_BYTES: Final = 64 * 1024  # of all other JSON, sign-ins among it
FORM_ROOM_BYTES: Final = 1024**2  # for the fields beside the file and the boundaries between them
UPLOAD_ROUTES: Final = ("/api/import", "/api/import-jobs")
PHOTO_ROUTE: Final = re.compile(r"/api/[a-z]+/[^/]+/attachments")
JSON_TYPES: Final = ("application/json", "application/geo+json", "application/merge-patch+json")
QUERY_MAX_BYTES: Final = 8 * 1024
JSON_DEPTH: Final = 32  # a GeoJSON collection of collections needs ten
BUSY_FOR_S: Final = 5
ALWAYS_ANSWERED: Final = ("/livez", "/readyz", "/healthz", "/metrics")
_BODY_LIMITS: Final = {
    name: BODY_MAX_BYTES if kind.geometry in (GeometryType.POLYGON, GeometryType.ANY) else RECORD_MAX_BYTES
    for name, kind in KINDS.items()
}
_ROOT: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_ZONE: Final = re.compile(r"^/z/([A-Za-z0-9._-]{1,64})(/.*)?$")

# Every answer has these unless its route set its own.
DEFAULT_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=(self)"),
)

P = ParamSpec("P")


def checked_root(text: str) -> str:
    """The setting `root_path` as "" or "/map", however many slashes it came with. Raises ConfigurationProblem."""
    root = "/" + text.strip("/") if text.strip("/") else ""
    if not _ROOT.fullmatch(root):
        raise ConfigurationProblem(
            f"GRIDGOV_ROOT_PATH is {text!r}, but must be a path of letters, digits, dots and dashes, like /map."
        )
    return root


class Edge:
    """Inside the answers to faults: the proxy's path, `/z/{zone}/…` as the zone and the rest, HEAD as a GET.

    Its root_path says below which path people see the service; a proxy may leave it in the request's path or take it
    away.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self.upload_max_bytes = settings.upload_max_bytes
        self.photo_max_bytes = settings.attachment_max_bytes
        self.root = checked_root(settings.root_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        inner = dict(scope, state={**scope.get("state", {}), "set_cookies": []})
        inner["path"] = self._whole(scope["path"])
        inner["root_path"] = self.root
        cookies = inner["state"]["set_cookies"]
        send = _with_headers(send, cookies)
        path = _take_zone(inner, self.root)
        if path == "":  # relative links of the pages need the slash
            await RedirectResponse(quote(inner["path"]) + "/", 308)(inner, receive, send)
            return
        if len(scope.get("query_string", b"")) > QUERY_MAX_BYTES:
            await errors.address_too_long(Request(inner), QUERY_MAX_BYTES)(inner, receive, send)
            return
        if inner["method"] == "HEAD":
            inner["method"] = "GET"
        try:
            await self.app(inner, _limited(inner, receive, self._limit(path)), send)
        finally:
            watch = CURRENT.get()
            if watch is not None and "route" in inner:
                watch.route = inner["route"].path

    def _limit(self, path: str) -> int:
        """How many bytes the body of a request to this path may have."""
        if path in UPLOAD_ROUTES:
            return self.upload_max_bytes + FORM_ROOM_BYTES
        if PHOTO_ROUTE.fullmatch(path):
            return self.photo_max_bytes + FORM_ROOM_BYTES
        return _BODY_LIMITS.get(path.removeprefix("/api/").partition("/")[0], SMALL_MAX_BYTES)

    def _whole(self, path: str) -> str:
        """The path as people see it, whether the proxy took the root away or not."""
        return path if path == self.root or path.startswith(self.root + "/") else self.root + path


def _take_zone(scope: Scope, root: str) -> str:
    """Move `/z/{zone}` from the path to root_path and state; returns the path that the routes see.

    What is asked of the process itself has no zone: a proxy that keeps it from strangers need know one address only.
    """
    path: str = scope["path"].removeprefix(root)
    match = _ZONE.match(path)
    if match is None or match.group(2) in ALWAYS_ANSWERED:
        return path
    scope["state"]["zone"] = match.group(1)
    scope["root_path"] = root + f"/z/{match.group(1)}"
    return match.group(2) or ""


def _limited(scope: Scope, receive: Receive, limit: int) -> Receive:
    """`receive` that raises TooLarge, at once when the length is declared, else when it is passed."""
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    too_large = TooLarge(f"The body may have at most {limit} bytes here; send less at once.", limit=limit)
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        if declared.isdigit() and int(declared) > limit:
            raise too_large
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise too_large
        return message

    return limited


def _with_headers(send: Send, cookies: list[str]) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in DEFAULT_HEADERS:
                headers.setdefault(name, value)
            for cookie in cookies:
                headers.append("Set-Cookie", cookie)
        await send(message)

    return with_headers


class Room:
    """How many threads of the process one kind of work may hold: a quarter. Who finds them taken waits without one.

    what: the work, in words. waiting: how many may wait; the others are sent away at once. patience_s: how long.
    """

    def __init__(self, what: str, *, waiting: int, patience_s: float) -> None:
        self.what = what
        self.waiting = waiting
        self.patience_s = patience_s
        self._queue: RunVar[_Queue] = RunVar(what)  # each event loop has its own threads

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Raises StoreBusy when too many wait, or when it takes too long."""
        queue = self._queue.get(None)
        if queue is None:
            threads = anyio.to_thread.current_default_thread_limiter().total_tokens
            queue = _Queue(anyio.Semaphore(max(1, int(threads) // 4)))
            self._queue.set(queue)
        full = StoreBusy(
            f"Too many {self.what} are under way; try again in a moment.", retry_after=BUSY_FOR_S
        )
        try:
            queue.turns.acquire_nowait()
        except anyio.WouldBlock:
            if queue.waiting >= self.waiting:
                raise full from None
            queue.waiting += 1
            try:
                with anyio.fail_after(self.patience_s):
                    await queue.turns.acquire()
            except TimeoutError as error:
                raise full from error
            finally:
                queue.waiting -= 1
        try:
            yield
        finally:
            queue.turns.release()


@dataclass(slots=True)
class _Queue:
    turns: anyio.Semaphore
    waiting: int = 0


def apart(room: Room) -> Callable[[Callable[P, Response]], Callable[P, Awaitable[Response]]]:
    """A route whose work has a place in `room` before it takes a thread; its upload is closed in the end."""

    def wrapped(work: Callable[P, Response]) -> Callable[P, Awaitable[Response]]:
        @wraps(work)
        async def run(*args: P.args, **kwargs: P.kwargs) -> Response:
            try:
                async with room.place():
                    return await anyio.to_thread.run_sync(partial(work, *args, **kwargs))
            finally:
                for each in kwargs.values():
                    if isinstance(each, FormData):
                        await each.close()

        return run

    return wrapped


def check_depth(value: Any) -> None:
    """Raises InvalidValue when lists and objects nest deeper than anything gridgov reads."""
    level = [value]
    for _ in range(JSON_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise InvalidValue(
        f"The body nests lists and objects more than {JSON_DEPTH} deep; nothing here needs that."
    )


async def raw_json(request: Request) -> bytes:
    """The body of a request that says it is JSON. Raises UnsupportedFormat for another type, TooLarge."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in JSON_TYPES:
        raise UnsupportedFormat(
            f"The body is {media_type or 'of no declared type'}; send it as application/json.",
            media_type=media_type,
        )
    return await request.body()


async def upload_form(request: Request) -> FormData:
    """A multipart form, its file spooled to disk as it arrives. Raises UnsupportedFormat, UnreadableFile, TooLarge."""
    media_type = request.headers.get("content-type", "")
    if not media_type.lower().startswith("multipart/form-data"):
        raise UnsupportedFormat("Send the file as multipart/form-data, in the part “file”.")
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=30)
    try:
        return await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise UnreadableFile("The multipart form cannot be read; send it again.") from error
