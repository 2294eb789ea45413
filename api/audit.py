"""The audit log for administrators, and the table that says what keeps the trace of each writing route."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api import schemas
from api.answers import answer
from api.deps import ScopedCall
from api.querying import known_parameters, read_limit
from gridgov.errors import InvalidCursor, InvalidValue
from gridgov.models import KINDS, Field, FieldType
from gridgov.models.checking import checked
from gridgov.store.queries.audit import list_audit

router = APIRouter(tags=["audit"])

EVENTS: Final = "events"  # the record's own history says who did it
# Writing route → the audited action it leaves, EVENTS, or in words why it leaves nothing.
TRACES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        **{("POST", f"/api/{name}"): EVENTS for name in KINDS},
        **{
            (method, f"/api/{name}/{{identifier}}"): EVENTS
            for name in KINDS
            for method in ("PATCH", "DELETE")
        },
        ("POST", "/api/issues/{identifier}/move"): EVENTS,
        ("DELETE", "/api/issues/{identifier}/contact"): "contacts:erase",
        ("POST", "/api/areas/publish"): "areas:publish",
        ("POST", "/api/import"): "import:run",
        ("POST", "/api/import-jobs"): "nothing yet: the file is only looked at until its job is confirmed",
        ("POST", "/api/jobs/{identifier}/confirm"): "import:run",
        ("DELETE", "/api/jobs/{identifier}"): "jobs:cancel",
        ("POST", "/api/{kind}/{identifier}/attachments"): EVENTS,
        ("DELETE", "/api/{kind}/{identifier}/attachments/{attachment}"): "attachments:erase",
        ("POST", "/api/session"): "sign-in",
        ("DELETE", "/api/session"): "sign-out",
        ("POST", "/api/users"): "users:add",
        ("PATCH", "/api/users/{identifier}"): "users:change",
        ("POST", "/api/tokens"): "tokens:add",
        ("DELETE", "/api/tokens/{identifier}"): "tokens:revoke",
    }
)
_SINCE: Final = Field("since", FieldType.INSTANT, "起始时间", "since")
_LOST_PLUS: Final = re.compile(r" (\d\d:?\d\d)$")
_HIDDEN: Final = frozenset({"fid", "zone"})


@router.get("/api/audit", response_class=Response, **schemas.auditing())
def read_audit(request: Request, call: ScopedCall) -> Response:
    """What was done to the service, newest first, a page at a time."""
    given = known_parameters(request.query_params.multi_items(), ("since", "cursor", "limit"))
    since = checked(_SINCE, _LOST_PLUS.sub(r"+\1", given["since"])) if "since" in given else None
    if since is None and "since" in given:
        raise InvalidValue("“since” is empty; leave it out or name an instant.", field="since")
    limit = read_limit(given.get("limit", "100"), call.service.settings.page_max)
    with call.read() as tx:
        rows = list_audit(
            tx,
            since=since,
            after=_cursor(given.get("cursor")),
            limit=limit + 1,
        )
    following = str(rows[limit - 1]["fid"]) if len(rows) > limit else None
    return answer(request, {"items": [shown(row) for row in rows[:limit]], "next": following})


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as it is shown, without the store's own numbering."""
    return {name: value for name, value in row.items() if name not in _HIDDEN}


def _cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InvalidCursor("This cursor belongs to no page of the audit log; start again without it.")
    return int(text)
