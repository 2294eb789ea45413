"""The routes that every kind of record has: list, read, history, create, change, end.

A module per kind (areas, parcels, plants, …) names its operations here and adds what only it can do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api import schemas
from api.answers import (
    GEOJSON,
    answer,
    as_geojson,
    change_headers,
    items,
    linked,
    page_body,
    sentences,
)
from api.deps import Call, JsonObject, ScopedCall
from api.geometry import read_crs, read_geometry, repairs
from api.querying import Listing, known_parameters, read_listing
from gridgov.areas import descendants
from gridgov.errors import InvalidFilter, InvalidValue, UnknownField, VersionRequired
from gridgov.models import AREAS, PLANTS, UNITS, Record, RecordKind
from gridgov.models.checking import checked_identifier
from gridgov.relink import LINKED_KINDS
from gridgov.serving.linking import Linker
from gridgov.store import Filter, Query, Tx, Write
from gridgov.store.queries.events import events_of

LANGUAGES: Final = ("zh", "en")


@dataclass(frozen=True)
class RecordRoutes:
    """The generic routes of one kind as methods.

    create: called with tx, values, linker, payload. change: with tx, identifier, version, values, linker.
    end: with tx, identifier, version. more: what a single record shows beside its fields and links.
    """

    kind: RecordKind
    create: Callable[..., Write]
    change: Callable[..., Record]
    end: Callable[..., Record] | None = None
    more: Callable[[Tx, Call, Record], dict[str, Any]] | None = None

    def linker(self, call: Call, tx: Tx) -> Linker | None:
        """The link index that a write needs; None for areas, which make a new one, and for kinds without places."""
        if self.kind is AREAS or self.kind.geometry is None:
            return None
        return call.holding_linker(tx)

    def list_records(self, request: Request, call: ScopedCall) -> Response:
        """Records that meet every condition of the query, a page at a time."""
        listing = read_listing(self.kind, request.query_params.multi_items(), call.service.settings.page_max)
        with call.read() as tx:
            query = with_area(tx, self.kind, listing)
            page = tx.list(self.kind, query)
            total = tx.count(self.kind, query) if listing.total else None
            body = page_body(call, page, total)
        if listing.geojson:
            return answer(request, as_geojson(body), media_type=GEOJSON)
        return answer(request, body)

    def read_record(self, request: Request, identifier: str, call: ScopedCall) -> Response:
        """One record with its links; `explain=zh` or `en` adds why it has them, in words."""
        given = known_parameters(request.query_params.multi_items(), ("explain",))
        language = given.get("explain")
        check_language("explain", language)
        with call.read() as tx:
            record = tx.get(self.kind, identifier)
            (body,) = items(call, [record])
            body.update(described(tx, call, record, language))
            if self.more is not None:
                body.update(self.more(tx, call, record))
        return answer(request, body, headers=change_headers(record, None))

    def read_history(self, request: Request, identifier: str, call: ScopedCall) -> Response:
        """Everything that happened to a record, oldest first."""
        known_parameters(request.query_params.multi_items(), ())
        with call.read() as tx:
            record = tx.get(self.kind, identifier)
            return answer(request, {"items": events_of(tx, self.kind, record.id)})

    def create_record(self, request: Request, call: ScopedCall, body: JsonObject) -> Response:
        """Create a record: 201 when it is new, 200 when the same was sent before under the same id."""
        known_parameters(request.query_params.multi_items(), ())
        values = read_values(call, self.kind, body)
        with call.write() as tx:
            linker = self.linker(call, tx)
            write = self.create(tx, values=values, linker=linker, payload=sent_payload(body, values))
            links = linked(tx, self.kind, write.record.id)
            (item,) = items(call, [write.record])
        body = {**item, "links": links, **mended(self.kind, values)}
        return created(request, self.kind, write, body, tx.revisions)

    def change_record(
        self, request: Request, identifier: str, call: ScopedCall, body: JsonObject
    ) -> Response:
        """Change the fields that are named; needs If-Match with the version the change was made from."""
        known_parameters(request.query_params.multi_items(), ())
        version = required_version(request)
        if "id" in body:
            raise UnknownField("The id of a record never changes; leave it out.", field="id")
        values = read_values(call, self.kind, body)
        with call.write() as tx:
            linker = self.linker(call, tx)
            record = self.change(
                tx, identifier=own_id(identifier), version=version, values=values, linker=linker
            )
            links = linked(tx, self.kind, record.id)
            (item,) = items(call, [record])
        answered = {**item, "links": links, **mended(self.kind, values)}
        return changed(request, self.kind, record, answered, tx.revisions)

    def end_record(self, request: Request, identifier: str, call: ScopedCall) -> Response:
        """End a record now; it stays readable with its history. Needs If-Match."""
        known_parameters(request.query_params.multi_items(), ())
        version = required_version(request)
        with call.write() as tx:
            if self.end is None:
                record = tx.end(self.kind, own_id(identifier), version)
            else:
                record = self.end(tx, identifier=own_id(identifier), version=version)
            (item,) = items(call, [record])
        return changed(request, self.kind, record, item, tx.revisions)


def record_router(routes: RecordRoutes) -> APIRouter:
    """A router with the generic routes of one kind; the kind's module adds its own, specific ones first."""
    kind = routes.kind
    router = APIRouter(tags=[kind.name])
    base, one = f"/api/{kind.name}", f"/api/{kind.name}/{{identifier}}"
    add = partial(router.add_api_route, response_class=Response)
    add(base, routes.list_records, methods=["GET"], **schemas.listing(kind))
    add(one, routes.read_record, methods=["GET"], **schemas.reading(kind))
    add(f"{one}/history", routes.read_history, methods=["GET"], **schemas.history(kind))
    if kind.name != "issues":
        add(base, routes.create_record, methods=["POST"], **schemas.creating(kind))
    add(one, routes.change_record, methods=["PATCH"], **schemas.changing(kind))
    add(one, routes.end_record, methods=["DELETE"], **schemas.ending(kind))
    return router


def with_area(tx: Tx, kind: RecordKind, listing: Listing) -> Query:
    """The listing's query with its area, and everything below it, looked up.

    Most kinds are linked to areas; areas lie below one another, units in plants. Raises InvalidFilter for other kinds.
    """
    if not listing.area:
        return listing.query
    root = tx.find(AREAS, listing.area)
    if root is None:
        raise InvalidFilter(f"There is no area with the code {listing.area[:64]}.", field="area")
    linked_to = replace(listing.query, areas=frozenset({root.id}))
    if kind in LINKED_KINDS:
        return linked_to
    if kind is AREAS:
        known = tx.every(AREAS, ("id", "parent_id"), listing.query.ended).columns
        tree = [{"id": own, "parent_id": up} for own, up in zip(known["id"], known["parent_id"], strict=True)]
        inside = Filter("id", "in", tuple(sorted(descendants(tree, frozenset({root.id})))))
    elif kind is UNITS:
        plants = _identifiers(
            tx, PLANTS, Query(areas=linked_to.areas, limit=1_000, ended=listing.query.ended)
        )
        inside = Filter("plant_id", "in", tuple(plants))
    else:
        raise InvalidFilter(f"{kind.en} lie in no area; leave “area” out.", field="area")
    return replace(listing.query, filters=(*listing.query.filters, inside))


def _identifiers(tx: Tx, kind: RecordKind, query: Query) -> Iterator[str]:
    """The ids of all records that meet the query, a page at a time."""
    while True:
        page = tx.list(kind, query)
        yield from (record.id for record in page.records)
        if page.next is None:
            return
        query = replace(query, after=page.next)


def described(tx: Tx, call: Call, record: Record, language: str | None) -> dict[str, Any]:
    """`links`, and `explanation` when a language is asked for; nothing for a record in the reduced form."""
    if record.kind is AREAS or record.kind.geometry is None or not call.shows_all(record.kind):
        return {}
    links = linked(tx, record.kind, record.id)
    if language is None:
        return {"links": links}
    return {"links": links, "explanation": sentences(links, language, record.get("accuracy_m"))}


def read_values(call: Call, kind: RecordKind, body: Mapping[str, Any]) -> dict[str, Any]:
    """A client's values with `geometry` as lon-lat shapely (from `crs` when given) and `id` in its one form."""
    values = {name: value for name, value in body.items() if name != "crs"}
    crs = read_crs(body.get("crs"))
    if values.get("geometry") is not None:
        most = call.service.settings.geometry_max_vertices
        values["geometry"] = read_geometry(values["geometry"], kind, crs, most)
    elif "crs" in body:
        raise InvalidValue("“crs” is given without a geometry; leave it out.", field="crs")
    elif "geometry" in values and (kind.geometry is None or kind.geometry_required):
        del values["geometry"]
        if kind.geometry is not None:
            raise InvalidValue(f"{kind.en} need a geometry; it cannot be null.", field="geometry")
    if "id" in values:
        values["id"] = checked_identifier(values["id"])
    return values


def mended(kind: RecordKind, values: Mapping[str, Any]) -> dict[str, Any]:
    """`repairs` when the geometry could not be stored as it was sent."""
    found = repairs(kind, values.get("geometry"))
    return {"repairs": found} if found else {}


def sent_payload(body: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What the idempotency hash is made of: what the client sent, with the id in its one form."""
    return {**body, **({"id": values["id"]} if "id" in values else {})}


def own_id(identifier: str) -> str:
    """The id of the path in its one form. Raises InvalidValue when it is no UUID."""
    return checked_identifier(identifier)


def required_version(request: Request) -> int:
    """The version of If-Match. Raises VersionRequired without the header, InvalidValue when it is not one version."""
    header = request.headers.get("if-match")
    if header is None:
        raise VersionRequired('Send If-Match with the ETag you read, such as If-Match: "3".')
    text = header.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidValue(
            f'If-Match is {header[:40]!r}, but must be one version such as "3".', field="If-Match"
        )
    return int(text)


def check_language(name: str, language: str | None) -> None:
    """Raises InvalidValue unless the language is zh, en or not given."""
    if language not in (None, *LANGUAGES):
        raise InvalidValue(f"“{name}” is {language!r:.20}, but must be zh or en.", field=name)


def created(
    request: Request, kind: RecordKind, write: Write, body: dict[str, Any], revisions: Mapping[str, int]
) -> Response:
    """201 with Location for a new record, 200 for one that was there already."""
    # A repeat wrote nothing, so the record keeps the revision it has.
    response = changed(request, kind, write.record, body, revisions if write.created else {})
    if write.created:
        response.status_code = 201
        root = request.scope.get("root_path", "")
        response.headers["Location"] = f"{root}/api/{kind.name}/{write.record.id}"
    return response


def changed(
    request: Request, kind: RecordKind, record: Record, body: dict[str, Any], revisions: Mapping[str, int]
) -> Response:
    """The record as it is now, with the revision of the change in the body and in X-Revision."""
    revision = revisions.get(kind.name, record.get("revision"))
    if "revision" in body:
        body["revision"] = revision
    return answer(request, body, headers=change_headers(record, revision))
