"""Answers as bytes: records as JSON, GeoJSON, ETag, revision headers, gzip where the client takes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
from fastapi import Request, Response
from isal import igzip

from api.deps import Call
from api.geometry import write_geometries
from gridgov.models import AREAS, Record, RecordKind
from gridgov.serving.linking import Link, explain
from gridgov.store import Filter, Page, Query, Tx
from gridgov.store.queries.links import FIELDS, links_of

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
_SMALLEST_GZIP: Final = 1_024
_LINK_FIELDS: Final = tuple(name for name in FIELDS if name != "linked_at")
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
Names = dict[str, tuple[str | None, str | None]]


def answer(
    request: Request,
    body: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = JSON,
) -> Response:
    """`body` as JSON; compressed when the client accepts gzip and it is worth it."""
    content = orjson.dumps(body, option=_OPTIONS)
    sent = dict(headers or {})
    if len(content) >= _SMALLEST_GZIP:
        sent["Vary"] = "Accept-Encoding, Cookie"
        if accepts_gzip(request):
            content = igzip.compress(content, compresslevel=1)
            sent["Content-Encoding"] = "gzip"
    return Response(content, status, sent, media_type)


def accepts_gzip(request: Request) -> bool:
    """Whether the client takes gzip."""
    return "gzip" in request.headers.get("accept-encoding", "")


def items(call: Call, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Records as JSON objects: their visible fields, and `geometry` as GeoJSON for kinds that have one."""
    if not records:
        return []
    kind, scope = records[0].kind, call.scope
    names = [name for name in kind.by_name if name != "payload_hash" and scope.shows(kind, name)]
    made = [{name: record[name] for name in names if name in record} for record in records]
    if kind.geometry is not None:
        shapes = write_geometries([record.geometry for record in records])
        for item, shape in zip(made, shapes, strict=True):
            item["geometry"] = shape
    return made


def page_body(call: Call, page: Page, total: int | None) -> dict[str, Any]:
    """`{items, next, total?}`; with `near` each item has `distance_m`."""
    made = items(call, page.records)
    if page.distances is not None:
        for item, distance in zip(made, page.distances, strict=True):
            item["distance_m"] = round(distance, 3)
    body: dict[str, Any] = {"items": made, "next": page.next}
    if total is not None:
        body["total"] = total
    return body


def as_geojson(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same page as a GeoJSON FeatureCollection; `next` and `total` beside the features."""
    features = []
    for item in body["items"]:
        properties = {name: value for name, value in item.items() if name != "geometry"}
        features.append(
            {
                "type": "Feature",
                "id": item["id"],
                "geometry": item.get("geometry"),
                "properties": properties,
            }
        )
    rest = {name: value for name, value in body.items() if name != "items"}
    return {"type": "FeatureCollection", "features": features, **rest}


def written(
    request: Request, call: Call, record: Record, revisions: Mapping[str, int], **more: Any
) -> Response:
    """The answer to a change: the record as it is now with its new version and revision, and what else was asked."""
    (item,) = items(call, [record])
    revision = revisions.get(record.kind.name)
    if revision is not None and "revision" in item:
        item["revision"] = revision
    return answer(request, {**item, **more}, headers=change_headers(record, revision))


def change_headers(record: Record, revision: int | None) -> dict[str, str]:
    """ETag of a record, and the revision its change got."""
    headers = {"ETag": f'"{record["version"]}"'}
    if revision is not None:
        headers["X-Revision"] = str(revision)
    return headers


def linked(tx: Tx, kind: RecordKind, identifier: str) -> list[dict[str, Any]]:
    """A record's stored links as JSON objects, with the names of their areas; two questions to the store."""
    rows = links_of(tx, kind, [identifier])[identifier]
    return named(tx, [{name: row[name] for name in _LINK_FIELDS} for row in rows])


def named(tx: Tx, links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Links with `name_zh` and `name_en` of their areas, None for no area; ended areas keep their name."""
    wanted = tuple(sorted({link["area_id"] for link in links if link["area_id"]}))
    names: Names = {}
    if wanted:
        query = Query(filters=(Filter("id", "in", wanted),), limit=len(wanted), ended=True)
        names = {area.id: (area["name_zh"], area["name_en"]) for area in tx.list(AREAS, query).records}
    for link in links:
        link["name_zh"], link["name_en"] = names.get(link["area_id"] or "", (None, None))
    return links


def from_linker(link: Link) -> dict[str, Any]:
    """A link as the linker gives it, with the names of the stored form."""
    item = {name: getattr(link, name) for name in Link.__slots__ if name != "code"}
    return {**item, "area_code": link.code}


def sentences(links: Iterable[Mapping[str, Any]], language: str, accuracy_m: float | None) -> list[str]:
    """Named links in words, in "zh" or "en"."""
    rows = list(links)
    names = {row["area_id"]: (row["name_zh"], row["name_en"]) for row in rows if row["area_id"]}
    made = [
        Link(code=row["area_code"], **{name: row[name] for name in Link.__slots__ if name != "code"})
        for row in rows
    ]
    return explain(made, names, "en" if language == "en" else "zh", accuracy_m)
