"""Plain ASGI around the routes: watching each request, the zone in the path, limits, headers, bodies as bytes.

The routes themselves are ordinary functions; what has to be asynchronous stands here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, Protocol
from urllib.parse import quote

from fastapi import Request
from starlette.datastructures import FormData, MutableHeaders
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors, journal
from api.proxies import Network
from gridgov.errors import ConfigurationProblem, InvalidValue, TooLarge, UnreadableFile, UnsupportedFormat
from gridgov.settings import Settings
from gridgov.store.watching import CURRENT, Watch

BODY_MAX_BYTES: Final = 20 * 1024**2
FORM_ROOM_BYTES: Final = 1024**2  # for the fields beside the file and the boundaries between them
UPLOAD_ROUTES: Final = ("/api/import", "/api/import-jobs")
PHOTO_ROUTE: Final = re.compile(r"/api/[a-z]+/[^/]+/attachments")
JSON_TYPES: Final = ("application/json", "application/geo+json", "application/merge-patch+json")
QUERY_MAX_BYTES: Final = 8 * 1024
JSON_DEPTH: Final = 32  # a GeoJSON collection of collections needs ten
MOST_UNDER_WAY: Final = 500  # requests of one process; threads answer far fewer at once, the others wait
ALWAYS_ANSWERED: Final = ("/livez", "/readyz", "/healthz", "/metrics")
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

    stopping: set once the process was told to stop; from then on every answer ends its connection.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        meters: Meters,
        stopping: Event,
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
        self._count(1)
        try:
            if self.under_way > self.most and not scope["path"].endswith(ALWAYS_ANSWERED):
                await errors.too_busy(Request(scope))(scope, receive, self._noting(send, watch, seen))
            else:
                await self.app(scope, receive, self._noting(send, watch, seen))
        finally:
            self._count(-1)
            seconds = time.perf_counter() - started
            self.meters.answered(watch, method, seen.status, seconds)
            journal.tell_access(watch, method, seen.status, seconds, 0 if method == "HEAD" else seen.size)
            if self.traces is not None:
                self.traces.end(watch, method, seen.status)

    def _count(self, step: int) -> None:
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
        return BODY_MAX_BYTES

    def _whole(self, path: str) -> str:
        """The path as people see it, whether the proxy took the root away or not."""
        return path if path == self.root or path.startswith(self.root + "/") else self.root + path


def _take_zone(scope: Scope, root: str) -> str:
    """Move `/z/{zone}` from the path to root_path and state; returns the path that the routes see."""
    path: str = scope["path"].removeprefix(root)
    match = _ZONE.match(path)
    if match is None:
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
