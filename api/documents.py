"""The description of the interface: OpenAPI as JSON, and as a plain page without scripts or foreign hosts."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from api import schemas
from api.answers import answer
from api.components import components
from api.rights import RIGHTS
from gridgov.models import KINDS
from maps.views import VIEW_NAMES

router = APIRouter(tags=["service"])

TITLE = "gridgov"
_IN_PATHS = {
    "identifier": {"format": "uuid"},
    "attachment": {"format": "uuid"},
    "kind": {"enum": list(KINDS)},
    "view": {"enum": list(VIEW_NAMES)},
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "h2{margin-top:2.5rem;border-bottom:1px solid #ccc}h3{margin:1.5rem 0 .25rem;overflow-wrap:anywhere}"
    "code{font-size:.95em}table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0;vertical-align:top}"
)
# The one inline style is allowed by its hash; nothing else runs or loads.
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get(
    "/openapi.json", response_class=Response, **schemas.content("application/json", "This description.")
)
def read_openapi(request: Request) -> Response:
    """The interface as OpenAPI 3.1."""
    return answer(request, request.app.openapi())


@router.get("/docs", response_class=Response, **schemas.content("text/html", "A page."))
def read_docs(request: Request) -> Response:
    """The interface as a page to read."""
    page = docs_page(request.app.openapi())
    return Response(page, headers={"Content-Security-Policy": _POLICY}, media_type="text/html")


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app, with the schemas made from the tables of fields. Made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=TITLE,
            version="0.1.0",
            description="Land, plants, grids and issues of a development zone. Every path also stands below /z/{zone}.",
            routes=app.routes,
            servers=[
                {"url": f"{app.state.root}/", "description": "The only zone, or the default one."},
                {
                    "url": f"{app.state.root}/z/{{zone}}",
                    "description": "A zone by its key.",
                    "variables": {"zone": {"default": "zone", "description": "The zone's key."}},
                },
            ],
        )
        document["components"] = {"schemas": components()}
        # OpenAPI writes {name:path} as {name}.
        rights = {(method, path.replace(":path", "")): action for (method, path), action in RIGHTS.items()}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                _complete(operation, rights.get((method.upper(), path), ""))
        app.openapi_schema = document
    return app.openapi_schema


def _complete(operation: dict[str, Any], action: str) -> None:
    """Say which right a route needs and what its path parameters may be; drop what only FastAPI would answer."""
    operation["x-action"] = action
    operation["responses"].pop("422", None)  # parameters are read by us and answer 400
    for each in operation.get("parameters", ()):
        if each["in"] == "path":
            each["schema"].update(_IN_PATHS.get(each["name"], {}))


def docs_page(document: dict[str, Any]) -> str:
    """All routes with their parameters as HTML."""
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{TITLE}: interface</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
    )
    intro = (
        f"<h1>{TITLE}: interface</h1><p>{escape(document['info']['description'])} "
        'The same as data: <a href="openapi.json">openapi.json</a>.</p>'
    )
    parts = [head, intro]
    group = ""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", [""])[0]
            if tag != group:
                group = tag
                parts.append(f"<h2>{escape(tag)}</h2>")
            parts.append(_operation(method, path, operation))
    return "\n".join([*parts, "</body></html>"])


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation.get("parameters", ())
    )
    bodies = operation.get("requestBody", {}).get("content", {})
    body = "".join(f"<p>Body: <code>{escape(name)}</code></p>" for name in bodies)
    answers = ", ".join(operation["responses"])
    right = f" Right: <code>{escape(operation['x-action'])}</code>." if operation.get("x-action") else ""
    return (
        f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
        f"<p>{escape(operation.get('description', ''))}{right}</p>"
        f"{body}{f'<details><summary>Parameters</summary><table>{rows}</table></details>' if rows else ''}"
        f"<p>Answers: {escape(answers)}</p>"
    )
