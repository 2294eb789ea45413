"""The schemas of OpenAPI: one per kind of record from its table of fields, and those of the other answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gridgov.models import KINDS, Field, FieldType, GeometryType, RecordKind
from gridgov.models.vocabulary import LINK_LEVELS, LINK_RULES, POSITION_SOURCES, RESERVED_STAGES

Schema = dict[str, Any]

NAMES: Final = {
    "departments": "Department",
    "areas": "Area",
    "buildings": "Building",
    "parcels": "Parcel",
    "plants": "Plant",
    "units": "Unit",
    "listings": "Listing",
    "facilities": "Facility",
    "issues": "Issue",
}
_TYPES: Final[Mapping[FieldType, Schema]] = {
    FieldType.TEXT: {"type": "string"},
    FieldType.CODE: {"type": "string"},
    FieldType.INTEGER: {"type": "integer"},
    FieldType.NUMBER: {"type": "number"},
    FieldType.BOOLEAN: {"type": "boolean"},
    FieldType.INSTANT: {"type": "string", "format": "date-time"},
    FieldType.DAY: {"type": "string", "format": "date"},
    FieldType.CHOICE: {"type": "string"},
    FieldType.LIST: {"type": "array"},
    FieldType.OBJECT: {"type": "object"},
    FieldType.REFERENCE: {"type": "string", "format": "uuid"},
}
_ALWAYS: Final = ("id", "code", "version")
_CRS: Final = {
    "type": "string",
    "description": "Coordinate system of the geometry; longitude and latitude without it.",
}
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "number"}
COUNT: Final = {"type": "integer", "minimum": 0}
COUNTS: Final = {"type": "object", "additionalProperties": COUNT}
MAYBE_TEXT: Final = {"type": ["string", "null"]}
MAYBE_NUMBER: Final = {"type": ["number", "null"]}


def ref(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def field_schema(field: Field, *, nullable: bool = True) -> Schema:
    """The schema of a field's value; unknown is null."""
    schema: Schema = dict(_TYPES[field.type])
    if field.type in (FieldType.TEXT, FieldType.CODE):
        schema["maxLength"] = field.max_length
    if field.minimum is not None:
        schema["minimum"] = field.minimum
    if field.maximum is not None:
        schema["maximum"] = field.maximum
    if field.vocabulary is not None:
        schema["enum"] = [*field.vocabulary, *([None] if nullable else [])]
    if nullable:
        schema["type"] = [schema["type"], "null"]
    unit = f", {field.unit}" if field.unit else ""
    return {**schema, "title": field.zh, "description": f"{field.en}{unit}"}


def an_object(
    properties: Mapping[str, Any], required: tuple[str, ...] = (), *, closed: bool = True
) -> Schema:
    """An object schema; closed ones have no further members."""
    schema: Schema = {"type": "object", "properties": dict(properties), "required": list(required)}
    if closed:
        schema["additionalProperties"] = False
    return schema


def a_list(item: Schema) -> Schema:
    """`{items: […]}`."""
    return an_object({"items": {"type": "array", "items": item}}, ("items",))


def _record(kind: RecordKind) -> Schema:
    properties = {
        field.name: field_schema(field) for field in kind.all_fields if field.name != "payload_hash"
    }
    for name in _ALWAYS:
        properties[name] = field_schema(kind.by_name[name], nullable=False)
    if kind.geometry is not None:
        properties["geometry"] = {"anyOf": [ref(_OF_KIND[kind.geometry][0]), {"type": "null"}]}
    properties["links"] = {"type": "array", "items": ref("Link")}
    properties["explanation"] = {"type": "array", "items": TEXT}
    properties["distance_m"] = NUMBER
    properties["repairs"] = {"type": "array", "items": {"type": "object"}}
    if kind.name == "issues":
        properties["texts"] = {"type": "array", "items": TEXT}
    return an_object(properties, _ALWAYS)


def _writable(kind: RecordKind, *, new: bool) -> Schema:
    properties = {
        field.name: field_schema(field, nullable=not field.required)
        for field in kind.writable
        if new or field.name != "id"
    }
    properties["code"]["minLength"] = 1
    if new:
        properties["id"] = {
            "type": "string",
            "format": "uuid",
            "description": "Made by the client, so that a repeat is safe.",
        }
    required = [field.name for field in kind.writable if field.required and field.default is None]
    if kind.geometry is not None:
        properties |= {"geometry": ref(_OF_KIND[kind.geometry][0]), "crs": _CRS}
        if kind.geometry_required and kind.name != "listings":
            required.append("geometry")
    return an_object(properties, tuple(required) if new else ())


def _nested(*fewest: int) -> Schema:
    """Arrays in arrays of positions; `fewest` members of each, the outermost first."""
    schema: Schema = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 4}
    for least in reversed(fewest):
        schema = {"type": "array", "items": schema, "minItems": least}
    return schema


# geometry type → how its coordinates are nested; a ring has four positions or more.
_COORDINATES: Final = {
    "Point": _nested(),
    "MultiPoint": _nested(1),
    "LineString": _nested(2),
    "MultiLineString": _nested(1, 2),
    "Polygon": _nested(1, 4),
    "MultiPolygon": _nested(1, 1, 4),
}
_OF_KIND: Final = {
    GeometryType.POINT: ("PointGeometry", ("Point",)),
    GeometryType.POLYGON: ("PolygonGeometry", ("Polygon", "MultiPolygon")),
    GeometryType.ANY: ("Geometry", tuple(_COORDINATES)),
}


def _geometries() -> dict[str, Schema]:
    made: dict[str, Schema] = {}
    for component, types in _OF_KIND.values():
        choices = [
            an_object(
                {"type": {"const": name}, "coordinates": _COORDINATES[name]},
                ("type", "coordinates"),
                closed=False,
            )
            for name in types
        ]
        made[component] = {
            "description": "GeoJSON, longitude before latitude in degrees unless `crs` says otherwise.",
            "oneOf": choices,
        }
    return made


def _link() -> Schema:
    return an_object(
        {
            "level": {"type": "string", "enum": list(LINK_LEVELS)},
            "area_id": MAYBE_TEXT,
            "area_code": MAYBE_TEXT,
            "name_zh": MAYBE_TEXT,
            "name_en": MAYBE_TEXT,
            "rule": {"type": "string", "enum": list(LINK_RULES)},
            "distance_m": MAYBE_NUMBER,
            "border_m": MAYBE_NUMBER,
            "share": MAYBE_NUMBER,
            "main": {"type": "boolean"},
            "doubtful": {"type": "boolean"},
            "hierarchy": {"type": "boolean"},
            "edition_set": COUNT,
        },
        ("level", "rule", "doubtful"),
    )


def _problem() -> Schema:
    return an_object(
        {
            "type": TEXT,
            "title": TEXT,
            "title_zh": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "instance": TEXT,
            "details": {"type": "object"},
        },
        ("type", "title", "status", "detail"),
    )


def _shared() -> dict[str, Schema]:
    event = an_object(
        {
            "verb": TEXT,
            "at": TEXT,
            "actor": TEXT,
            "version": {"type": ["integer", "null"]},
            "changes": {"type": ["object", "null"]},
        }
    )
    links = {"type": "array", "items": ref("Link")}
    lines = {"type": "array", "items": TEXT}
    feature = an_object(
        {
            "type": {"const": "Feature"},
            "id": TEXT,
            "geometry": {"anyOf": [ref("Geometry"), {"type": "null"}]},
            "properties": {"type": "object"},
        }
    )
    return {
        "Problem": _problem(),
        **_geometries(),
        "Link": _link(),
        "FeatureCollection": an_object(
            {
                "type": {"const": "FeatureCollection"},
                "features": {"type": "array", "items": feature},
                "next": MAYBE_TEXT,
                "total": COUNT,
            },
            ("type", "features"),
        ),
        "History": a_list(event),
        "Editions": a_list({"type": "object"}),
        "PositionLinks": an_object(
            {
                "lon": NUMBER,
                "lat": NUMBER,
                "crs": TEXT,
                "accuracy_m": MAYBE_NUMBER,
                "edition_set": COUNT,
                "links": links,
                "explanation": an_object({"zh": lines, "en": lines}),
            },
            ("lon", "lat", "links", "explanation"),
        ),
        "Health": an_object({"status": {"const": "ok"}}, ("status",)),
        "Contact": an_object(
            {"name": MAYBE_TEXT, "phone": MAYBE_TEXT, "erased_at": MAYBE_TEXT, "texts": lines}
        ),
        "Reported": an_object(
            {
                "issue": ref("Issue"),
                "links": links,
                "explanation": lines,
                "revision": {"type": ["integer", "null"]},
            },
            ("issue", "links", "explanation"),
        ),
    }


def _bodies() -> dict[str, Schema]:
    boundary = _writable(KINDS["areas"], new=True)
    issue = _writable(KINDS["issues"], new=True)["properties"]
    place = {
        "lon": NUMBER,
        "lat": NUMBER,
        "geometry": ref("PointGeometry"),
        "crs": _CRS,
        "position_source": {"type": "string", "enum": list(POSITION_SOURCES)},
        "accuracy_m": {"type": ["number", "null"], "minimum": 0, "maximum": 100_000},
    }
    person = an_object({"name": {**MAYBE_TEXT, "maxLength": 60}, "phone": {**MAYBE_TEXT, "maxLength": 40}})
    return {
        "Report": an_object(
            {**issue, **place, "text": {**MAYBE_TEXT, "maxLength": 4_000}, "contact": person}, ("category",)
        ),
        "Move": an_object(place),
        "Publication": an_object(
            {
                "title": {"type": "string", "minLength": 1, "maxLength": 200},
                "boundaries": {"type": "array", "items": boundary},
                "ended": {"type": "array", "items": TEXT},
                "crs": _CRS,
            },
            ("title",),
        ),
        "Published": an_object(
            {
                **dict.fromkeys(("edition_set", "created", "redrawn", "ended", "unchanged"), COUNT),
                "relinked": an_object({"examined": COUNT, "moved": COUNT}),
                "revision": {"type": ["integer", "null"]},
            }
        ),
        "SignIn": an_object({"login": TEXT, "password": TEXT}, ("login", "password")),
        "Session": an_object({"user": {"anyOf": [ref("Me"), {"type": "null"}]}}, ("user",)),
        "Me": an_object(
            {
                "id": TEXT,
                "login": TEXT,
                "display_name": TEXT,
                "role": TEXT,
                "area_codes": {"type": "array", "items": TEXT},
                "department_code": MAYBE_TEXT,
                "zone": TEXT,
            }
        ),
    }


def _statistics() -> Schema:
    zone = an_object(
        {
            "zone": TEXT,
            "name_zh": TEXT,
            "name_en": MAYBE_TEXT,
            "division_code": MAYBE_TEXT,
            "opened_issues": {"type": "boolean"},
        }
    )
    rows = {"type": "array", "items": {"type": "object"}}
    stage = an_object(
        {
            "stage": {"type": "string", "enum": list(RESERVED_STAGES)},
            "count": COUNT,
            "area_m2": NUMBER,
            "area_mu": NUMBER,
        }
    )
    return an_object(
        {
            "zone": zone,
            "at": {"type": "string", "format": "date-time"},
            "counts": COUNTS,
            "areas": COUNTS,
            "parcels": COUNTS,
            "listings": COUNTS,
            "facilities": COUNTS,
            "issues": COUNTS,
            "units": rows,
            "reserved": an_object(
                {"stages": {"type": "array", "items": stage}, "area_m2": NUMBER, "area_mu": NUMBER}
            ),
            "plants": an_object(
                {
                    "by_vacancy": rows,
                    "floor_area_m2": NUMBER,
                    "idle_area_m2": NUMBER,
                    "planned_use_m2": NUMBER,
                }
            ),
        },
        ("zone", "counts"),
    )


def _accounts() -> dict[str, Schema]:
    role = {"type": "string", "enum": ["grid_worker", "staff", "admin"]}
    codes = {"type": "array", "items": {"type": "string", "maxLength": 64}, "maxItems": 50}
    plain = {
        "display_name": {"type": "string", "maxLength": 80},
        "role": role,
        "area_codes": codes,
        "department_code": MAYBE_TEXT,
    }
    password = {"type": "string", "minLength": 10, "maxLength": 200}
    login = {"type": "string", "minLength": 1, "maxLength": 80}
    user = an_object(
        {
            "id": TEXT,
            "zone": TEXT,
            "login": login,
            **plain,
            "role": TEXT,
            "created_at": TEXT,
            "disabled_at": MAYBE_TEXT,
        }
    )
    return {
        "User": user,
        "Users": a_list(ref("User")),
        "NewUser": an_object(
            {"login": login, "password": password, **plain}, ("login", "password", "role", "display_name")
        ),
        "UserChange": an_object({"password": password, **plain, "disabled": {"type": "boolean"}}),
    }


def components() -> dict[str, Schema]:
    """Every component by name."""
    made: dict[str, Schema] = {**_shared(), **_bodies(), **_accounts(), "Statistics": _statistics()}
    for kind in KINDS.values():
        name = NAMES[kind.name]
        made[name] = _record(kind)
        made[f"New{name}"] = _writable(kind, new=True)
        made[f"{name}Change"] = _writable(kind, new=False)
        made[f"{name}Page"] = an_object(
            {"items": {"type": "array", "items": ref(name)}, "next": MAYBE_TEXT, "total": COUNT},
            ("items", "next"),
        )
    return made
