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
from gridgov.errors import (
    AlreadyEnded,
    ContentDiffers,
    DuplicateCode,
    IdentifierTaken,
    InvalidValue,
    UnknownField,
    VersionMismatch,
)
from gridgov.models import AREAS, Record
from gridgov.models.checking import checked_values, payload_hash
from gridgov.relink import publish_and_relink
from gridgov.store import Tx, Write
from gridgov.store.queries.editions import area_history, replace_boundaries

BOUNDARIES_MAX: Final = 20_000
_BOUNDARY: Final = ("geometry", "parent_id", "kind")


def create_area(tx: Tx, values: Mapping[str, Any], linker: None = None, payload: Any = None) -> Write:
    """Publish one new area; idempotent by client id. Raises ContentDiffers, IdentifierTaken, DuplicateCode."""
    del linker, payload  # the edition set makes its own index; the hash is that of the boundary
    replace_boundaries(tx)
    if "id" in values and tx.holds(AREAS, values["id"]):
        return Write(_same_again(tx, values), created=False)
    if isinstance(values.get("code"), str) and tx.find(AREAS, values["code"].strip()) is not None:
        raise DuplicateCode(f"The code {values['code']} is taken by a living area.", code=values["code"])
    publish_and_relink(tx, f"new area {values.get('code')}", [values])
    record = tx.find(AREAS, str(values["code"]).strip())
    assert record is not None  # noqa: S101 (published just now)
    return Write(record, created=True)


def _same_again(tx: Tx, values: Mapping[str, Any]) -> Record:
    record = tx.get(AREAS, values["id"])
    if record["created_by"] != tx.scope.actor:
        raise IdentifierTaken(f"The id {record.id} is taken; make a new one.", id=record.id)
    if record["payload_hash"] != payload_hash(values):
        raise ContentDiffers(
            f"The id {record.id} was sent before with other content. Send the same content, "
            "change the area with If-Match, or make a new id.",
            id=record.id,
        )
    return record


def change_area(
    tx: Tx, identifier: str, version: int, values: Mapping[str, Any], linker: None = None
) -> Record:
    """Change an area; a new boundary, parent or kind is published as an edition set of its own.

    Raises UnknownField for the code: links name it, so an area with another code is another area.
    """
    del linker
    replace_boundaries(tx)
    record = _living(tx, identifier, version)
    if values.get("code", record["code"]) != record["code"]:
        raise UnknownField("The code of an area never changes; end it and publish a new one.", field="code")
    plain = {name: value for name, value in values.items() if name not in _BOUNDARY}
    if set(values) & set(_BOUNDARY):
        kept = {
            field.name: record[field.name] for field in AREAS.writable if record.get(field.name) is not None
        }
        boundary = {**kept, "geometry": record.geometry, **{n: values[n] for n in _BOUNDARY if n in values}}
        publish_and_relink(tx, f"boundary of {record['code']}", [boundary])
        record = tx.get(AREAS, identifier)
    return _change_plain(tx, record, plain) if plain else record


def _change_plain(tx: Tx, record: Record, values: Mapping[str, Any]) -> Record:
    """Change an area's fields beside its boundary."""
    checked = checked_values(AREAS, values, partial=True)
    return tx.change(AREAS, record.id, record["version"], checked)


def end_area(tx: Tx, identifier: str, version: int) -> Record:
    """End an area by publication, so that its records are linked anew. Raises Conflict while areas lie below it."""
    replace_boundaries(tx)
    record = _living(tx, identifier, version)
    publish_and_relink(tx, f"end of {record['code']}", [], [record["code"]])
    return tx.get(AREAS, identifier)


def _living(tx: Tx, identifier: str, version: int) -> Record:
    record = tx.get(AREAS, identifier)
    if record["valid_to"] is not None:
        raise AlreadyEnded(f"The area {record['code']} has ended and cannot change.", id=identifier)
    if record["version"] != version:
        raise VersionMismatch(
            f"The area {record['code']} is at version {record['version']}, the change was made from {version}. "
            "Read it again and repeat the change.",
            version=record["version"],
        )
    return record


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
