"""Plain ASGI around the routes: the zone in the path, body limits, headers of every answer, bodies as bytes.

The routes themselves are ordinary functions; what has to be asynchronous stands here.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from fastapi import Request
from starlette.datastructures import FormData, MutableHeaders
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gridgov.errors import TooLarge, UnreadableFile, UnsupportedFormat

BODY_MAX_BYTES: Final = 20 * 1024**2
FORM_ROOM_BYTES: Final = 1024**2  # for the fields beside the file and the boundaries between them
UPLOAD_ROUTES: Final = ("/api/import",)
JSON_TYPES: Final = ("application/json", "application/geo+json", "application/merge-patch+json")
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


class Edge:
    """The outermost layer: `/z/{zone}/…` becomes the zone and the rest, HEAD is a GET without body."""

    def __init__(self, app: ASGIApp, *, upload_max_bytes: int) -> None:
        self.app = app
        self.upload_max_bytes = upload_max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        inner = dict(scope, state={**scope.get("state", {}), "set_cookies": []})
        path = _take_zone(inner)
        if path == "":  # relative links of the pages need the slash
            target = quote(scope["path"]) + "/"
            await RedirectResponse(target, 308)(inner, receive, send)
            return
        if inner["method"] == "HEAD":
            inner["method"] = "GET"
        limit = self.upload_max_bytes + FORM_ROOM_BYTES if path in UPLOAD_ROUTES else BODY_MAX_BYTES
        cookies = inner["state"]["set_cookies"]
        await self.app(inner, _limited(inner, receive, limit), _with_headers(send, cookies))


def _take_zone(scope: Scope) -> str:
    """Move `/z/{zone}` from the path to root_path and state; returns the path that the routes see."""
    path: str = scope["path"]
    match = _ZONE.match(path)
    if match is None:
        return path
    scope["state"]["zone"] = match.group(1)
    scope["root_path"] = scope.get("root_path", "") + f"/z/{match.group(1)}"
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
