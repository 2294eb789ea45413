"""GeoJSON geometries from clients, in any coordinate system, into lon-lat shapely geometries; and out again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from gridgov import geo
from gridgov.errors import InvalidGeometry, InvalidValue, OutOfRange, TooLarge, UnknownCoordinateSystem
from gridgov.models import GeometryType, RecordKind

# type → how deep a position lies below `coordinates`.
_DEPTHS: Final = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
_FAMILIES: Final = {GeometryType.POINT: ("Point",), GeometryType.POLYGON: ("Polygon", "MultiPolygon")}


def read_crs(text: Any) -> geo.CoordinateSystem:
    """The coordinate system a client names; None means longitude and latitude (WGS 84 = CGCS2000 here)."""
    if text is None or text == "":
        return geo.WGS84
    if not isinstance(text, str):
        raise UnknownCoordinateSystem(f"“crs” is {text!r:.40}, but must be text such as EPSG:4547 or gcj02.")
    return geo.parse_crs(text[:200])


def read_geometry(
    value: Any, kind: RecordKind, crs: geo.CoordinateSystem, most_vertices: int
) -> shapely.Geometry:
    """A GeoJSON geometry object as a lon-lat shapely geometry; a third coordinate is dropped.

    crs: of the coordinates, east first. Raises InvalidGeometry (type, shape, unclosed ring, empty), OutOfRange (not
    finite, or no place on Earth; says when the two numbers look swapped), TooLarge.
    """
    if kind.geometry is None:
        raise InvalidGeometry(f"{kind.en} have no geometry; leave it out.")
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise InvalidGeometry("“geometry” must be a GeoJSON geometry: an object with type and coordinates.")
    name = value["type"]
    wanted = _FAMILIES.get(kind.geometry, tuple(_DEPTHS))
    if name not in wanted:
        raise InvalidGeometry(
            f"{kind.en} need a {' or '.join(wanted)}, but this is a {name:.40}.", type=name[:40]
        )
    shape = _build(name, value.get("coordinates"), most_vertices)
    if shapely.is_empty(shape):
        raise InvalidGeometry(f"This {name} is empty; leave the geometry out or give it coordinates.")
    return to_degrees(shape, crs)


def repairs(kind: RecordKind, shape: shapely.Geometry | None) -> list[dict[str, Any]]:
    """What is mended before `shape` (lon-lat) is stored, in words; [] when it is in order or there is none."""
    if shape is None or kind.geometry is None:
        return []
    families: tuple[geo.Family, ...] = ("point", "line", "polygon")
    family = (
        "polygon" if kind.geometry is GeometryType.POLYGON else families[int(shapely.get_dimensions(shape))]
    )
    return [
        {"kind": each.kind, "repaired": each.repaired, "zh": each.how.zh, "en": each.how.en}
        for each in geo.inspect([shape], family)
    ]


def to_degrees(shape: shapely.Geometry, crs: geo.CoordinateSystem) -> shapely.Geometry:
    """`shape` (east first, in `crs`) in lon-lat degrees. Raises OutOfRange for what is no place on Earth."""
    (converted,) = geo.to_lonlat([shape], crs)
    places = shapely.get_coordinates(converted)
    bad = ~((np.abs(places[:, 0]) <= 180.0) & (np.abs(places[:, 1]) <= 90.0))
    if bad.any():
        given = shapely.get_coordinates(shape)[int(np.argmax(bad))]
        raise no_place(float(given[0]), float(given[1]), crs)
    shapely.set_srid(converted, 0)
    return converted


def no_place(x: float, y: float, crs: geo.CoordinateSystem) -> OutOfRange:
    """The error for two numbers that are no place in `crs`, with the likely reason."""
    swapped = crs.is_degrees and abs(x) <= 90.0 < abs(y) <= 180.0
    reason = (
        "they look swapped: longitude comes first, then latitude"
        if swapped
        else "check the coordinate system"
    )
    return OutOfRange(
        f"The position {x}, {y} is no place in {crs.key}; {reason}.", x=x, y=y, crs=crs.key, swapped=swapped
    )


def read_position(x: float, y: float, crs: geo.CoordinateSystem) -> tuple[float, float]:
    """Longitude and latitude of one position in `crs`, east first. Raises OutOfRange."""
    if not (math.isfinite(x) and math.isfinite(y)):
        raise OutOfRange(f"The position {x}, {y} must be two finite numbers.")
    point = to_degrees(shapely.Point(x, y), crs)
    return float(point.x), float(point.y)


def read_box(text: str, crs: geo.CoordinateSystem) -> tuple[float, float, float, float]:
    """`west,south,east,north` in `crs` as degrees: the smallest box that holds the converted corners."""
    numbers = read_numbers("bbox", text, 4)
    west, south, east, north = numbers
    if west > east or south > north:
        raise OutOfRange(f"bbox {text} must be west,south,east,north with west ≤ east and south ≤ north.")
    if crs == geo.WGS84:
        return west, south, east, north
    corners = to_degrees(
        shapely.MultiPoint([(west, south), (west, north), (east, south), (east, north)]), crs
    )
    least_x, least_y, most_x, most_y = corners.bounds
    return float(least_x), float(least_y), float(most_x), float(most_y)


def read_numbers(name: str, text: str, count: int) -> list[float]:
    """`count` finite numbers between commas. Raises InvalidValue that names the parameter."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidValue(
            f"“{name}” is {text!r:.60}, but must be {count} numbers between commas.", field=name
        ) from error
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        raise InvalidValue(f"“{name}” is {text!r:.60}, but must be {count} finite numbers.", field=name)
    return numbers


def write_geometries(shapes: Sequence[Any]) -> list[Any]:
    """GeoJSON of lon-lat geometries, ready to stand in orjson output; None for None."""
    array = np.array([*shapes, None], dtype=object)[:-1]
    return [None if text is None else orjson.Fragment(text) for text in shapely.to_geojson(array)]


def _build(name: str, coordinates: Any, most_vertices: int) -> shapely.Geometry:
    parts = coordinates if name.startswith("Multi") else [coordinates]
    if not isinstance(parts, list):
        raise InvalidGeometry(f"The coordinates of a {name} must be an array.")
    left = [most_vertices]
    match name.removeprefix("Multi"):
        case "Point":
            points = _positions(parts, left)
            return shapely.MultiPoint(points) if name == "MultiPoint" else shapely.Point(points[0])
        case "LineString":
            lines = [_line(part, left) for part in parts]
            return shapely.MultiLineString(lines) if name == "MultiLineString" else lines[0]
        case _:
            polygons = [_polygon(part, left) for part in parts]
            return shapely.MultiPolygon(polygons) if name == "MultiPolygon" else polygons[0]


def _positions(value: Any, left: list[int]) -> NDArray[np.float64]:
    """(n, 2) numbers of an array of positions; counts them against what may still come."""
    if not isinstance(value, list):
        raise InvalidGeometry("A list of positions is missing; each position is [longitude, latitude].")
    left[0] -= len(value)
    if left[0] < 0:
        raise TooLarge(
            "The geometry has more vertices than GRIDGOV_GEOMETRY_MAX_VERTICES allows; simplify it or split it."
        )
    for position in value:
        fits = isinstance(position, list) and 2 <= len(position) <= 4
        if not fits or not all(type(number) in (int, float) for number in position):
            raise InvalidGeometry(
                f"A position is {position!r:.60}, but must be [longitude, latitude] as two numbers."
            )
    numbers = np.array([position[:2] for position in value], np.float64).reshape(-1, 2)
    if not np.isfinite(numbers).all():
        raise OutOfRange("A coordinate is not a finite number; mend it.")
    return numbers


def _line(value: Any, left: list[int]) -> shapely.LineString:
    places = _positions(value, left)
    if len(places) < 2:
        raise InvalidGeometry("A line needs at least two positions.")
    return shapely.LineString(places)


def _polygon(value: Any, left: list[int]) -> shapely.Polygon:
    if not isinstance(value, list) or not value:
        raise InvalidGeometry("A polygon needs at least one ring of positions.")
    rings = []
    for number, ring in enumerate(value, 1):
        places = _positions(ring, left)
        if len(places) < 4:
            raise InvalidGeometry(
                f"Ring {number} has {len(places)} positions; a ring needs at least four, the last equal to the first."
            )
        if not np.array_equal(places[0], places[-1]):
            raise InvalidGeometry(
                f"Ring {number} is not closed: it starts at {places[0].tolist()} and ends at {places[-1].tolist()}; "
                "repeat the first position at the end."
            )
        rings.append(places)
    return shapely.Polygon(rings[0], rings[1:])
