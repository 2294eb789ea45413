"""Schemas of records for OpenAPI, made from the tables of fields: as read, as created, as changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gridgov.models import Field, FieldType, GeometryType, RecordKind

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
CRS: Final = {
    "type": "string",
    "description": "Coordinate system, east first; longitude and latitude without it.",
    "examples": ["EPSG:4547", "gcj02", "bd09"],
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


def record_schema(kind: RecordKind) -> Schema:
    """A record as it is read: its fields, geometry, and what stands beside them."""
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


def writable_schema(kind: RecordKind, *, new: bool) -> Schema:
    """What a client may send: a new record, or the fields of a change."""
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
        properties |= {"geometry": ref(_OF_KIND[kind.geometry][0]), "crs": CRS}
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


def geometry_schemas() -> dict[str, Schema]:
    """The components of geometries: of any type, of points, of polygons."""
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
