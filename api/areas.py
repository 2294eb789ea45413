"""Areas over HTTP. Every change of a boundary is a publication: one edition set, with all records linked anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request, Response

from api import schemas
from api.answers import answer
from api.deps import JsonObject, ScopedCall
from api.editions import edition_items
from api.geometry import read_crs
from api.querying import known_parameters
from api.records import RecordRoutes, read_values, record_router
from gridgov.boundaries import change_area, create_area, end_area
from gridgov.errors import InvalidValue, UnknownField
from gridgov.models import AREAS
from gridgov.relink import publish_and_relink
from gridgov.store.queries.editions import area_history

BOUNDARIES_MAX: Final = 20_000


router = record_router(RecordRoutes(AREAS, create_area, change_area, end_area))


@router.get("/api/areas/{identifier}/editions", response_class=Response, **schemas.editions(AREAS))
def read_editions(request: Request, identifier: str, call: ScopedCall) -> Response:
    """Every edition of an area's boundary, oldest first."""
    known_parameters(request.query_params.multi_items(), ())
    with call.read() as tx:
        record = tx.get(AREAS, identifier)
        return answer(request, {"items": edition_items(area_history(tx, record.id))})


@router.post("/api/areas/publish", response_class=Response, **schemas.publishing())
def publish_areas(request: Request, call: ScopedCall, body: JsonObject) -> Response:
    """Publish many boundaries, and end areas, as one edition set at one instant."""
    known_parameters(request.query_params.multi_items(), ())
    title, boundaries, ended = _publication(body)
    crs = {"crs": body["crs"]} if "crs" in body else {}
    read_crs(crs.get("crs"))
    rows = []
    for number, boundary in enumerate(boundaries, 1):
        if not isinstance(boundary, dict) or boundary.get("geometry") is None:
            raise InvalidValue(f"Boundary {number} must be an object with code, kind, name_zh and geometry.")
        rows.append(read_values(call, AREAS, {**crs, **boundary}))
    with call.write() as tx:
        published, relinked = publish_and_relink(tx, title, rows, ended)
        counts = {"boundaries": len(rows), "ended": len(ended)}
        call.audit(tx, "areas:publish", f"edition set {published.number}", details=counts)
    revision = tx.revisions.get(AREAS.name)
    result = {
        "edition_set": published.number,
        "created": published.created,
        "redrawn": published.redrawn,
        "ended": published.ended,
        "unchanged": published.unchanged,
        "relinked": {"examined": relinked.examined, "moved": relinked.moved},
        "revision": revision,
    }
    return answer(request, result, headers={"X-Revision": str(revision)} if revision is not None else None)


def _publication(body: Mapping[str, Any]) -> tuple[str, list[Any], list[str]]:
    unknown = set(body) - {"title", "boundaries", "ended", "crs"}
    if unknown:
        raise UnknownField(f"A publication has no {', '.join(sorted(unknown))[:80]}.")
    title, boundaries, ended = body.get("title"), body.get("boundaries", []), body.get("ended", [])
    if not isinstance(title, str) or not 1 <= len(title.strip()) <= 200 or "\x00" in title:
        raise InvalidValue("“title” must say in 1 to 200 characters what is published.", field="title")
    if not isinstance(boundaries, list) or len(boundaries) > BOUNDARIES_MAX:
        raise InvalidValue(
            f"“boundaries” must be a list of at most {BOUNDARIES_MAX} areas.", field="boundaries"
        )
    if not isinstance(ended, list) or not all(isinstance(each, str) and "\x00" not in each for each in ended):
        raise InvalidValue("“ended” must be a list of area codes.", field="ended")
    return title.strip(), boundaries, ended
