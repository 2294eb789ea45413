"""Issues over HTTP: the public form with its limits, moving a pin, and the reporter's contact for staff."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import shapely
from fastapi import Request, Response

from api import schemas
from api.answers import answer, items, linked, sentences
from api.deps import Call, JsonObject, ScopedCall
from api.geometry import read_crs, read_position
from api.querying import known_parameters
from api.records import (
    RecordRoutes,
    changed,
    check_language,
    own_id,
    read_values,
    record_router,
    required_version,
)
from gridgov import issues
from gridgov.access import Role
from gridgov.errors import InvalidValue, NotFound, TooManyAttempts, UnknownField
from gridgov.issues import Report
from gridgov.models import ISSUES, Field, FieldType, Record
from gridgov.models.checking import checked
from gridgov.store import Tx
from gridgov.store.queries import accounts
from gridgov.store.queries.contacts import erase, read_contact, texts_of

HOUR: Final = dt.timedelta(hours=1)
# What anybody may say about an issue; the rest is for those who signed in.
_PUBLIC_FIELDS: Final = frozenset(
    {"id", "category", "position_source", "accuracy_m", "building_id", "entrance", "floor", "geometry"}
)
_TOLD: Final = frozenset({"text", "contact", "lon", "lat", "crs"})
_NUMBER: Final = Field("lon", FieldType.NUMBER, "经度", "longitude")


def _words(tx: Tx, call: Call, record: Record) -> dict[str, Any]:
    """What the reporter wrote, for those who signed in and may see the issue."""
    return {} if call.actor.role is Role.PUBLIC else {"texts": texts_of(tx, ISSUES, record.id)}


router = record_router(RecordRoutes(ISSUES, issues.report, issues.change, more=_words))


@router.post("/api/issues", response_class=Response, **schemas.reporting())
def report_issue(request: Request, call: ScopedCall, body: JsonObject) -> Response:
    """Report an issue. Anybody may, within limits; words and contact go to tables that can be erased."""
    language = known_parameters(request.query_params.multi_items(), ("lang",)).get("lang", "zh")
    check_language("lang", language)
    values, told = _report(call, body)
    public = call.actor.role is Role.PUBLIC
    with call.write() as tx:
        limits = _limits(request, call) if public else ()
        # A phone whose first answer was lost sends again, perhaps beyond the limit: that is no further report.
        if not ("id" in values and tx.holds(ISSUES, values["id"])):
            _refuse_beyond(tx, limits, call)
        write = issues.report(tx, values, call.holding_linker(tx), told)
        if write.created:
            _count(tx, limits, call)
        links = linked(tx, ISSUES, write.record.id)
        explanation = sentences(links, language, values.get("accuracy_m"))
        (issue,) = items(call, [write.record])
    revision = tx.revisions.get(ISSUES.name) if write.created else write.record.get("revision")
    result = {"issue": issue, "links": links, "explanation": explanation, "revision": revision}
    headers = {"ETag": f'"{write.record["version"]}"'} | ({"X-Revision": str(revision)} if revision else {})
    if write.created:
        headers["Location"] = f"{call.root}/api/issues/{write.record.id}"
    return answer(request, result, 201 if write.created else 200, headers)


@router.post("/api/issues/{identifier}/move", response_class=Response, **schemas.moving())
def move_issue(request: Request, identifier: str, call: ScopedCall, body: JsonObject) -> Response:
    """Move an issue's pin and link it anew. Needs If-Match."""
    known_parameters(request.query_params.multi_items(), ())
    version = required_version(request)
    unknown = set(body) - {"lon", "lat", "geometry", "crs", "position_source", "accuracy_m"}
    if unknown:
        raise UnknownField(f"Moving an issue takes no {', '.join(sorted(unknown))[:80]}.")
    values = _placed(call, body)
    if "geometry" not in values:
        raise InvalidValue("Say where the issue is now: lon and lat, or a geometry.", field="lon")
    with call.write() as tx:
        record = issues.move(
            tx,
            own_id(identifier),
            version,
            values["geometry"],
            call.holding_linker(tx),
            values.get("position_source") or "hand",
            values.get("accuracy_m"),
        )
        links = linked(tx, ISSUES, record.id)
        (item,) = items(call, [record])
    return changed(request, ISSUES, record, {**item, "links": links}, tx.revisions)


@router.get("/api/issues/{identifier}/contact", response_class=Response, **schemas.contact())
def read_reporter(request: Request, identifier: str, call: ScopedCall) -> Response:
    """Who reported an issue and what they wrote; that somebody looked is kept as an event."""
    known_parameters(request.query_params.multi_items(), ())
    with call.write() as tx:
        record = tx.get(ISSUES, identifier)
        known = read_contact(tx, record["contact_id"]) if record["contact_id"] else None
        texts = texts_of(tx, ISSUES, record.id)
        if known is None and not texts:
            raise NotFound("This issue has no contact and no original words.", id=record.id)
        tx.record_event(ISSUES, record.id, "contact_viewed", None)
        call.audit(tx, "contacts:read", record.id)
    found = known or {"name": None, "phone": None, "erased_at": None}
    return answer(request, {**found, "texts": texts})


@router.delete("/api/issues/{identifier}/contact", response_class=Response, **schemas.contact())
def erase_reporter(request: Request, identifier: str, call: ScopedCall) -> Response:
    """Erase who reported an issue and what they wrote, for good; the issue and its history stay."""
    known_parameters(request.query_params.multi_items(), ())
    with call.write() as tx:
        record = tx.get(ISSUES, identifier)
        erase(tx, ISSUES, record.id, record["contact_id"])
        call.audit(tx, "contacts:erase", record.id)
    return answer(request, {"name": None, "phone": None, "erased_at": call.now, "texts": []})


def _report(call: Call, body: Mapping[str, Any]) -> tuple[dict[str, Any], Report]:
    """Values of the issue, and what its reporter told. Raises UnknownField for what a stranger may not set."""
    if call.actor.role is Role.PUBLIC:
        unknown = set(body) - _PUBLIC_FIELDS - _TOLD
        if unknown:
            raise UnknownField(
                f"The public form has no {', '.join(sorted(unknown))[:80]}; sign in to set more."
            )
    values = _placed(call, {name: value for name, value in body.items() if name not in ("text", "contact")})
    if call.actor.role is Role.PUBLIC:
        values["source"] = "resident"
    if "geometry" not in values:
        raise InvalidValue("Say where the issue is: lon and lat, or a geometry.", field="lon")
    contact = body.get("contact") or {}
    if not isinstance(contact, dict) or set(contact) - {"name", "phone"}:
        raise InvalidValue("“contact” must be an object with name and phone, both optional.", field="contact")
    return values, Report(body.get("text"), contact.get("name"), contact.get("phone"))


def _placed(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """Values with the point from `lon` and `lat`, or from `geometry`; both in `crs`."""
    pair = [body.get("lon"), body.get("lat")]
    if pair == [None, None]:
        return read_values(call, ISSUES, {n: v for n, v in body.items() if n not in ("lon", "lat")})
    if body.get("geometry") is not None:
        raise InvalidValue("Give either lon and lat or a geometry, not both.", field="geometry")
    lon, lat = (checked(_NUMBER, each) for each in pair)
    if lon is None or lat is None:
        raise InvalidValue("“lon” and “lat” belong together; give both.", field="lon")
    rest = {name: value for name, value in body.items() if name not in ("lon", "lat", "crs", "geometry")}
    values = read_values(call, ISSUES, rest)
    values["geometry"] = shapely.Point(read_position(lon, lat, read_crs(body.get("crs"))))
    return values


def _limits(request: Request, call: Call) -> tuple[str, ...]:
    """The counters of a public report: one per address, one per device that names itself."""
    service, zone = call.service, call.zone.zone
    keys = ["report/" + service.mark(zone, "address", call.client.address)]
    if request.headers.get("x-device-token"):
        keys.append("report/" + service.mark(zone, "device", request.headers["x-device-token"]))
    return tuple(keys)


def _refuse_beyond(tx: Tx, keys: tuple[str, ...], call: Call) -> None:
    """Before any work is done. Raises TooManyAttempts."""
    for key in keys:
        sent, until = accounts.attempts(tx, key, HOUR)
        _check_count(call, sent + 1, until)


def _count(tx: Tx, keys: tuple[str, ...], call: Call) -> None:
    """Count the report. Raises TooManyAttempts, which takes it back, when others were sent at the same moment."""
    for key in keys:
        _check_count(call, *accounts.count_attempt(tx, key, HOUR))


def _check_count(call: Call, number: int, until: dt.datetime) -> None:
    limit = call.service.settings.public_reports_per_hour
    if number > limit:
        raise TooManyAttempts(
            f"At most {limit} reports an hour can be sent without signing in; try again later or sign in.",
            retry_after=call.seconds_until(until),
        )
