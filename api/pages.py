"""The web pages, their assets and the map views, each kind under its own content security policy."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import Final

from fastapi import APIRouter, Request, Response
from isal import igzip

from api import schemas
from api.answers import accepts_gzip
from api.deps import ScopedCall, service_of
from api.querying import known_parameters
from gridgov.errors import InvalidValue
from maps.pages import PAGE_POLICY, asset, page, rooted, view_policy
from maps.views import VIEW_NAMES, render

router = APIRouter(tags=["pages"])

HTML: Final = "text/html; charset=utf-8"
_TEXTS: Final = ("text/", "image/svg+xml")
_PAGE: Final = schemas.content("text/html", "A page.", (400, 404, 500, 503))
_LANG: Final = schemas.parameter("lang", "Language of the page.", {"type": "string", "enum": ["zh", "en"]})
_STANDALONE: Final = schemas.parameter(
    "standalone", "One file that needs no service.", {"type": "string", "enum": ["0", "1"]}
)


@router.get("/", response_class=Response, **_PAGE)
def read_start(request: Request) -> Response:
    """The landing page."""
    return _page(request, "index")


@router.get("/report", response_class=Response, **_PAGE)
def read_report_form(request: Request) -> Response:
    """The public form for reporting an issue."""
    return _page(request, "report")


@router.get("/sign-in", response_class=Response, **_PAGE)
def read_sign_in(request: Request) -> Response:
    """The page for signing in."""
    return _page(request, "sign-in")


@router.get(
    "/assets/{name:path}",
    response_class=Response,
    **schemas.content("*/*", "A script, style or picture of the pages.", (304, 403, 404, 500)),
)
def read_asset(request: Request, name: str) -> Response:
    """An asset of the pages; only what is in the table of assets exists."""
    content, media_type, etag = asset(name)
    headers = {
        "ETag": etag,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if media_type.startswith(_TEXTS):
        headers["Vary"] = "Accept-Encoding"
        if accepts_gzip(request):
            content = _packed(name)
            headers["Content-Encoding"] = "gzip"
    return Response(content, headers=headers, media_type=media_type)


@router.get(
    "/maps/{view}",
    response_class=Response,
    **schemas.content("text/html", "A map.", parameters=(_LANG, _STANDALONE)),
)
def read_map(request: Request, view: str, call: ScopedCall) -> Response:
    """One of the map views: parks, land, plants, grids; with `standalone=1` as one file to keep or mail."""
    given = known_parameters(request.query_params.multi_items(), ("lang", "standalone"))
    language, standalone = given.get("lang", "zh"), given.get("standalone", "0")
    if standalone not in ("0", "1"):
        raise InvalidValue(f"“standalone” is {standalone!r:.20}, but must be 0 or 1.", field="standalone")
    nonce = secrets.token_urlsafe(16)
    with call.read() as tx:
        html = render(view, tx, language, standalone == "1", nonce).encode()
    if standalone == "0":
        html = rooted(html, request.app.state.root)
    headers = {"Content-Security-Policy": view_policy(nonce), "Vary": "Accept-Encoding, Cookie"}
    if standalone == "1" and view in VIEW_NAMES:
        name = f"{call.zone.zone}-{view}-{call.now:%Y%m%d}-{language}.html"
        headers["Content-Disposition"] = f'inline; filename="{name}"'
    if accepts_gzip(request):
        html = igzip.compress(html, compresslevel=1)
        headers["Content-Encoding"] = "gzip"
    return Response(html, headers=headers, media_type=HTML)


def _page(request: Request, name: str) -> Response:
    zone = getattr(request.state, "zone", "")
    if zone:
        service = service_of(request)
        service.directory.zone(zone, service.clock())
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
    return Response(rooted(page(name), request.app.state.root), headers=headers, media_type=HTML)


@lru_cache(maxsize=256)
def _packed(name: str) -> bytes:
    packed: bytes = igzip.compress(asset(name)[0], compresslevel=3)
    return packed
