"""Which action each route is: one literal table. A route that is not here is open to nobody.

`gridgov.access.ACTIONS` says which roles may do an action. PUBLIC marks what needs no zone and no actor, OPERATOR
what its route guards by a token of the settings: no account has a right to it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from gridgov.models import KINDS

PUBLIC: Final = "public"
OPERATOR: Final = "operator"
READ: Final = "records:read"

_WRITES: Final = {name: f"{name}:write" for name in KINDS} | {"issues": "issues:change"}


def write_action(kind: str) -> str:
    """The action of writing records of a kind."""
    return _WRITES[kind]


def _of_kind(name: str) -> dict[tuple[str, str], str]:
    base, one = f"/api/{name}", f"/api/{name}/{{identifier}}"
    return {
        ("GET", base): READ,
        ("GET", one): READ,
        ("GET", f"{one}/history"): "events:read",
        ("POST", base): "issues:report" if name == "issues" else _WRITES[name],
        ("PATCH", one): _WRITES[name],
        ("DELETE", one): _WRITES[name],
    }


RIGHTS: Final = MappingProxyType(
    {
        **{route: action for name in KINDS for route, action in _of_kind(name).items()},
        ("GET", "/api/areas/{identifier}/editions"): READ,
        ("GET", "/api/parcels/{identifier}/editions"): READ,
        ("POST", "/api/areas/publish"): "areas:publish",
        ("POST", "/api/issues/{identifier}/move"): "issues:move",
        ("GET", "/api/issues/{identifier}/contact"): "contacts:read",
        ("DELETE", "/api/issues/{identifier}/contact"): "contacts:erase",
        ("POST", "/api/{kind}/{identifier}/attachments"): "attachments:add",
        ("GET", "/api/{kind}/{identifier}/attachments"): "attachments:read",
        ("GET", "/api/{kind}/{identifier}/attachments/{attachment}"): "attachments:read",
        ("GET", "/api/{kind}/{identifier}/attachments/{attachment}/thumbnail"): "attachments:read",
        ("DELETE", "/api/{kind}/{identifier}/attachments/{attachment}"): "attachments:erase",
        ("GET", "/api/link"): "link:explain",
        ("GET", "/api/stats"): "statistics:read",
        ("POST", "/api/import"): "import:run",
        ("POST", "/api/import-jobs"): "import:run",
        ("GET", "/api/jobs"): "jobs:read",
        ("GET", "/api/jobs/{identifier}"): "jobs:read",
        ("DELETE", "/api/jobs/{identifier}"): "jobs:cancel",
        ("POST", "/api/jobs/{identifier}/confirm"): "import:run",
        ("GET", "/api/export/{name}"): "export:run",
        ("GET", "/api/session"): PUBLIC,  # a page asks who it is; the answer may be nobody
        ("POST", "/api/session"): PUBLIC,  # limited by account and address
        ("DELETE", "/api/session"): PUBLIC,  # signing out twice is no fault
        ("GET", "/api/users"): "users:manage",
        ("POST", "/api/users"): "users:manage",
        ("PATCH", "/api/users/{identifier}"): "users:manage",
        ("GET", "/api/tokens"): "tokens:manage",
        ("POST", "/api/tokens"): "tokens:manage",
        ("DELETE", "/api/tokens/{identifier}"): "tokens:manage",
        ("GET", "/api/audit"): "audit:read",
        ("GET", "/maps/{view}"): "maps:view",
        ("GET", "/"): PUBLIC,
        ("GET", "/report"): PUBLIC,
        ("GET", "/sign-in"): PUBLIC,
        ("GET", "/assets/{name:path}"): PUBLIC,
        ("GET", "/healthz"): PUBLIC,
        ("GET", "/livez"): PUBLIC,
        ("GET", "/readyz"): PUBLIC,
        ("GET", "/metrics"): OPERATOR,
        ("GET", "/openapi.json"): PUBLIC,
        ("GET", "/docs"): PUBLIC,
    }
)
