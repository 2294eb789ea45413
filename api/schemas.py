"""What OpenAPI says about each route: parameters, bodies and answers, made from the tables of fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from api.errors import MEDIA_TYPE
from api.querying import operators_of
from api.record_schemas import CRS, NAMES, field_schema, ref
from gridgov.models import Field, RecordKind
from gridgov.store.base import ORDERS

Route = dict[str, Any]
JSON: Final = "application/json"

_TOLD: Final = {
    304: "Not changed.",
    400: "The request cannot be used as it is; the detail names the value and what to do.",
    401: "Nobody is signed in.",
    403: "The role may not do this, or the request came from another site.",
    404: "There is nothing here that the caller may see.",
    409: "It disagrees with what is stored.",
    412: "The record was changed meanwhile; the ETag is the present version.",
    413: "Too large.",
    415: "The body is of a type that is not read here.",
    422: "A parameter does not have its form.",
    428: "If-Match is missing.",
    429: "Too many attempts; Retry-After says when to come back.",
    500: "A fault of the service; the incident number is in its log.",
    503: "The store cannot be used now; Retry-After says when to try again.",
    507: "No room is left where the store or its files lie; nothing was kept.",
}
READ_FAULTS: Final = (400, 401, 403, 404, 500, 503)
WRITE_FAULTS: Final = (*READ_FAULTS, 409, 413, 415, 507)


def problems(statuses: Iterable[int]) -> dict[int | str, Any]:
    """The problem answers of a route."""
    content = {MEDIA_TYPE: {"schema": ref("Problem")}}
    made: dict[int | str, Any] = {}
    for status in sorted(statuses):
        made[status] = {"description": _TOLD[status]} | ({"content": content} if status >= 400 else {})
    return made


def route(
    answers: Mapping[int, tuple[str, Any]],
    faults: Iterable[int] = READ_FAULTS,
    *,
    body: str = "",
    parameters: Iterable[dict[str, Any]] = (),
    more: Mapping[int, Mapping[str, Any]] | None = None,
) -> Route:
    """Keyword arguments of a route decorator. answers: status → (description, schema or None); body: a component."""
    responses = problems(faults)
    for status, (description, schema) in answers.items():
        responses[status] = {"description": description}
        if schema is not None:
            responses[status]["content"] = {JSON: {"schema": schema}}
        responses[status].update((more or {}).get(status, {}))
    extra: dict[str, Any] = {}
    if listed := list(parameters):
        extra["parameters"] = listed
    if body:
        extra["requestBody"] = {"required": True, "content": {JSON: {"schema": ref(body)}}}
    return {"responses": responses, "openapi_extra": extra}


def parameter(
    name: str, description: str, schema: Mapping[str, Any], *, place: str = "query", required: bool = False
) -> dict[str, Any]:
    """One parameter."""
    return {
        "name": name,
        "in": place,
        "description": description,
        "required": required,
        "schema": dict(schema),
    }


_IF_MATCH: Final = parameter(
    "If-Match", "The ETag of the version the change was made from.", {"type": "string", "pattern": '^"\\d{1,9}"$'},
    place="header",
)  # fmt: skip
_DEVICE: Final = parameter(
    "X-Device-Token", "What the form keeps to recognise its own device.", {"type": "string"}, place="header"
)
_NUMBERS: Final = r"^-?\d+(\.\d+)?(,-?\d+(\.\d+)?){%d}$"


def listing(kind: RecordKind) -> Route:
    """GET of a list."""
    page = {
        "description": "One page.",
        "content": {
            JSON: {"schema": ref(f"{NAMES[kind.name]}Page")},
            "application/geo+json": {"schema": ref("FeatureCollection")},
        },
    }
    return {
        "responses": {**problems(READ_FAULTS), 200: page},
        "openapi_extra": {"parameters": [*_list_parameters(kind), *_filters(kind)]},
    }


def _list_parameters(kind: RecordKind) -> list[dict[str, Any]]:
    orders = [order for order in ORDERS if order in kind.by_name]
    text, truth = {"type": "string"}, {"type": "boolean"}
    found = [
        parameter("q", "Part of a code, name, title or address.", {**text, "maxLength": 200}),
        parameter(
            "area",
            "Code of an area: only what is linked to it; of areas it and those below it, of units those in its plants.",
            text,
        ),
        parameter(
            "order", "- in front for descending.", {**text, "enum": [*orders, *(f"-{o}" for o in orders)]}
        ),
        parameter("cursor", "`next` of the page before.", text),
        parameter("limit", "Records of a page.", {"type": "integer", "minimum": 1, "maximum": 1000}),
        parameter("total", "Also count all records.", truth),
        parameter("ended", "Also records that have ended.", truth),
        parameter("format", "geojson for a FeatureCollection.", {**text, "enum": ["json", "geojson"]}),
    ]
    if kind.geometry is None:
        return found
    return [
        *found,
        parameter("bbox", "west,south,east,north.", {**text, "pattern": _NUMBERS % 3}),
        parameter("near", "lon,lat; the list is ordered by distance.", {**text, "pattern": _NUMBERS % 1}),
        parameter(
            "radius", "Metres around `near`.", {"type": "number", "exclusiveMinimum": 0, "maximum": 50_000}
        ),
        parameter("crs", "Coordinate system of bbox and near.", CRS),
    ]


def _filters(kind: RecordKind) -> list[dict[str, Any]]:
    found = []
    for field in kind.all_fields:
        if field.name == "payload_hash":
            continue
        found += [_filter(field, operator) for operator in operators_of(kind, field.name)]
    return found


def _filter(field: Field, operator: str) -> dict[str, Any]:
    label = f"{field.en} {field.zh}"
    if operator == "null":
        return parameter(f"{field.name}__null", f"{label}: unknown or not.", {"type": "boolean"})
    value = field_schema(field, nullable=False)
    if operator == "eq":
        several = {"type": "array", "items": value, "minItems": 1}
        return parameter(field.name, f"{label}: one of these.", several)
    words = "at least" if operator == "ge" else "at most"
    return parameter(f"{field.name}__{operator}", f"{label}: {words}.", value)


_EXPLAIN: Final = parameter(
    "explain", "Also say in words why the record has its links.", {"type": "string", "enum": ["zh", "en"]}
)
_ETAG: Final = {"ETag": {"description": "The version, for If-Match.", "schema": {"type": "string"}}}
_CHANGE_HEADERS: Final = {
    **_ETAG,
    "X-Revision": {"description": "Revision of the layer after this change.", "schema": {"type": "string"}},
}


def reading(kind: RecordKind) -> Route:
    """GET of one record."""
    schema = ref(NAMES[kind.name])
    return route({200: ("The record.", schema)}, parameters=[_EXPLAIN], more={200: {"headers": _ETAG}})


def history(kind: RecordKind) -> Route:
    """GET of a record's events."""
    del kind
    return route({200: ("Its events, oldest first.", ref("History"))})


def editions(kind: RecordKind) -> Route:
    """GET of the editions of a boundary."""
    del kind
    return route({200: ("Its editions, oldest first.", ref("Editions"))})


def creating(kind: RecordKind) -> Route:
    """POST of a new record."""
    schema = ref(NAMES[kind.name])
    answers = {201: ("Created.", schema), 200: ("The same was sent before; the present state.", schema)}
    headers = {"headers": _CHANGE_HEADERS}
    return route(answers, WRITE_FAULTS, body=f"New{NAMES[kind.name]}", more={200: headers, 201: headers})


def changing(kind: RecordKind) -> Route:
    """PATCH of a record."""
    faults = (*WRITE_FAULTS, 412, 428)
    name = NAMES[kind.name]
    return route(
        {200: ("As it is now.", ref(name))}, faults, body=f"{name}Change", parameters=[_IF_MATCH],
        more={200: {"headers": _CHANGE_HEADERS}},
    )  # fmt: skip


def ending(kind: RecordKind) -> Route:
    """DELETE: a record ends."""
    faults = (*READ_FAULTS, 409, 412, 428)
    return route(
        {200: ("Ended; as it is now.", ref(NAMES[kind.name]))}, faults, parameters=[_IF_MATCH],
        more={200: {"headers": _CHANGE_HEADERS}},
    )  # fmt: skip


def publishing() -> Route:
    """POST of an edition set."""
    return route({200: ("What the publication did.", ref("Published"))}, WRITE_FAULTS, body="Publication")


def reporting() -> Route:
    """POST of an issue."""
    schema = ref("Reported")
    lang = parameter("lang", "Language of the explanation.", {"type": "string", "enum": ["zh", "en"]})
    answers = {201: ("Reported.", schema), 200: ("The same was sent before.", schema)}
    return route(answers, (*WRITE_FAULTS, 429), body="Report", parameters=[_DEVICE, lang])


def moving() -> Route:
    """POST of an issue's new position."""
    return route(
        {200: ("As it is now.", ref("Issue"))}, (*WRITE_FAULTS, 412, 428), body="Move", parameters=[_IF_MATCH]
    )


def contact() -> Route:
    """GET of a reporter's contact, and DELETE of it."""
    return route({200: ("The contact and the original words.", ref("Contact"))}, (*READ_FAULTS, 409))


def link() -> Route:
    """GET of the explained link."""
    number = {"type": "number"}
    return route(
        {200: ("The links of the position.", ref("PositionLinks"))},
        parameters=[
            parameter("lon", "Longitude, or easting.", number, required=True),
            parameter("lat", "Latitude, or northing.", number, required=True),
            parameter("crs", "Coordinate system of the two.", CRS),
            parameter("accuracy", "Accuracy of the position in metres.", {**number, "minimum": 0}),
        ],
    )


def statistics() -> Route:
    """GET of the counts."""
    return route({200: ("Counts and sums of what the caller may see.", ref("Statistics"))})


def importing() -> Route:
    """POST of a file."""
    text, truth = {"type": "string"}, {"type": "boolean"}
    made = route(
        {200: ("The report: what was found and done.", {"type": "object"})},
        WRITE_FAULTS,
        parameters=[
            parameter("kind", "What the file holds: a kind of record or a layer.", text, required=True),
            parameter("crs", "Coordinate system; wins over what the file says.", CRS),
            parameter(
                "axes", "east-north, north-east, lon-lat or lat-lon, where the file does not tell.", text
            ),
            parameter("scheme", "Scheme of land-use codes without one.", text),
            parameter("source_layer", "Layer of a file that has several.", text),
            parameter("dry_run", "Check and report; change nothing.", truth),
            parameter("skip_bad", "Load the sound rows, leave the faulty.", truth),
            parameter("map", "COLUMN=field, any number of times.", {"type": "array", "items": text}),
        ],
    )
    made["openapi_extra"]["requestBody"] = _form()
    return made


def _form(**fields: Mapping[str, Any]) -> dict[str, Any]:
    """A body with a file and other fields."""
    properties = {"file": {"type": "string", "format": "binary"}, **fields}
    form = {"type": "object", "properties": properties, "required": ["file"]}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


def exporting(formats: Mapping[str, Any]) -> Route:
    """GET of a file."""
    lang = parameter("lang", "Labels instead of stored names.", {"type": "string", "enum": ["zh", "en"]})
    made = route({}, READ_FAULTS, parameters=[lang])
    made["responses"][200] = {
        "description": "The file.",
        "content": {
            each.media_type: {"schema": {"type": "string", "format": "binary"}} for each in formats.values()
        },
    }
    return made


def adding_photo() -> Route:
    """POST of a photo."""
    schema = ref("Photo")
    answers = {201: ("Added.", schema), 200: ("The same was sent before.", schema)}
    made = route(answers, (*WRITE_FAULTS, 429), parameters=[_DEVICE])
    identifier = {"type": "string", "format": "uuid", "description": "Makes it safe to repeat."}
    made["openapi_extra"]["requestBody"] = _form(id=identifier)
    return made


def photo() -> Route:
    """GET of a picture."""
    made = route({}, (*READ_FAULTS, 304))
    made["responses"][200] = {
        "description": "The picture.",
        "content": {
            each: {"schema": {"type": "string", "format": "binary"}} for each in ("image/jpeg", "image/webp")
        },
    }
    return made


def erasing_photo() -> Route:
    """DELETE of a photo."""
    return route({204: ("Erased.", None)}, (*READ_FAULTS, 409))


def auditing() -> Route:
    """GET of the audit log."""
    parameters = [
        parameter(
            "since", "Only entries of this instant or later.", {"type": "string", "format": "date-time"}
        ),
        parameter("cursor", "`next` of the page before.", {"type": "string"}),
        parameter("limit", "Entries of a page.", {"type": "integer", "minimum": 1, "maximum": 1000}),
    ]
    return route({200: ("One page.", ref("AuditPage"))}, parameters=parameters)


def health() -> Route:
    """GET of the health."""
    return route({200: ("The service can serve.", ref("Health"))}, (500, 503))


def simple(
    component: str, *, status: int = 200, faults: Iterable[int] = READ_FAULTS, body: str = ""
) -> Route:
    """A route with one answer that is a component, or without content when the name is empty."""
    return route({status: ("Done.", ref(component) if component else None)}, faults, body=body)


def content(
    media_type: str,
    description: str,
    faults: Iterable[int] = READ_FAULTS,
    parameters: Iterable[dict[str, Any]] = (),
) -> Route:
    """A route whose answer is a file or a page."""
    body = {media_type: {"schema": {"type": "string"}}}
    made = route({}, faults, parameters=parameters)
    made["responses"][200] = {"description": description, "content": body}
    return made
