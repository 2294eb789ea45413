"""Column types that behave the same on SQLite and PostgreSQL: geometry, instants, JSON, codes."""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Dialect, Float, Integer, String, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import DATE, Boolean, TypeDecorator, TypeEngine, UserDefinedType

from gridgov.errors import InvalidValue

_HEADER = struct.Struct("<2sBBi4d")
_SRS = 4326
# Flags: little-endian (1), envelope [minx, maxx, miny, maxy] (1 << 1); 16 more says "empty".
_FLAGS = 0b11
_EMPTY = 0b1_0000


def to_geopackage(geometry: shapely.Geometry | None) -> bytes | None:
    """The OGC GeoPackage binary of a lon-lat geometry, with its envelope in the header; None for None.

    Source of the layout: OGC 12-128r19, clause 2.1.3.
    """
    if geometry is None:
        return None
    west, south, east, north = geometry.bounds if not geometry.is_empty else (float("nan"),) * 4
    return geopackage_blob(shapely.to_wkb(geometry, flavor="iso"), west, south, east, north)


def geopackage_blob(wkb: bytes, west: float, south: float, east: float, north: float) -> bytes:
    """A GeoPackage binary from ready WKB and bounds in degrees (all NaN for an empty geometry)."""
    flags = _FLAGS | (_EMPTY if math.isnan(west) else 0)
    return _HEADER.pack(b"GP", 0, flags, _SRS, west, east, south, north) + wkb


def geopackage_wkb(blob: bytes) -> bytes:
    """The WKB part of a GeoPackage binary, whatever envelope its writer chose. Raises InvalidValue if it is none."""
    if len(blob) < 8 or blob[:2] != b"GP":
        raise InvalidValue("This is not a GeoPackage geometry; the store file may be damaged.")
    length = (0, 32, 48, 48, 64)[(blob[3] >> 1) & 7]
    return blob[8 + length :]


def geopackage_bounds(blob: bytes | None) -> tuple[float, float, float, float] | None:
    """(west, east, south, north) of a GeoPackage binary; None for NULL or an empty geometry."""
    if blob is None or blob[3] & _EMPTY:
        return None
    if (blob[3] >> 1) & 7 == 1 and blob[3] & 1:
        west, east, south, north = struct.unpack_from("<4d", blob, 8)
        return west, east, south, north
    west, south, east, north = shapely.from_wkb(geopackage_wkb(blob)).bounds
    return west, east, south, north


class Geometry(TypeDecorator[Any]):
    """A lon-lat shapely geometry (EPSG:4326): GeoPackage binary on SQLite, geometry(…, 4326) on PostGIS."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: str = "GEOMETRY", srid: int = _SRS) -> None:
        super().__init__()
        self.shape = shape
        self.srid = srid

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """A plain type with the column type's name of this database."""
        name = f"geometry({self.shape.title()},{self.srid})" if dialect.name == "postgresql" else self.shape
        return dialect.type_descriptor(_Named(name))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Shapely to what the driver takes; bytes and text pass as they are."""
        if value is None or isinstance(value, (bytes, str)):
            return value
        if dialect.name == "postgresql":
            return shapely.to_wkb(shapely.set_srid(value, self.srid), hex=True, include_srid=True)
        return to_geopackage(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """What the driver gives back to shapely."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return shapely.set_srid(shapely.from_wkb(value), 0)
        return shapely.from_wkb(geopackage_wkb(value))


class StoredGeometry(TypeDecorator[Any]):
    """A geometry as the driver hands it out, for reading many at once with `decoded`."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Nothing is converted on the way out."""
        return dialect.type_descriptor(_Named("geometry"))


def decoded(stored: Sequence[Any]) -> NDArray[Any]:
    """Geometries of a whole column read as `StoredGeometry`; (n,) object array, None for NULL."""
    if any(isinstance(each, bytes) for each in stored):
        stored = [None if each is None else geopackage_wkb(each) for each in stored]
    features: NDArray[Any] = shapely.from_wkb(np.array([*stored, None], dtype=object)[:-1])
    return np.asarray(shapely.set_srid(features, 0), dtype=object)


class _Named(UserDefinedType[Any]):
    """A column type known only by its name."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        """The name as the database writes it."""
        return self.name


class Instant(TypeDecorator[dt.datetime]):
    """An aware UTC datetime with milliseconds: fixed-width text on SQLite, timestamptz(3) on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """timestamptz(3), or the DATETIME that a GeoPackage reader understands."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True, precision=3))
        return dialect.type_descriptor(_Named("DATETIME"))

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        """Refuses naive datetimes: nobody can say which instant they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise InvalidValue(f"The time {value.isoformat()} has no time zone; give it with Z or +08:00.")
        value = to_milliseconds(value)
        return value if dialect.name == "postgresql" else instant_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 (SQLAlchemy's)
        """Always aware and in UTC."""
        if value is None:
            return None
        parsed = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
        return parsed.astimezone(dt.UTC)


def to_milliseconds(value: dt.datetime) -> dt.datetime:
    """`value` in UTC, cut (not rounded) to milliseconds, so that both stores keep the same instant."""
    utc = value.astimezone(dt.UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def instant_text(value: dt.datetime) -> str:
    """2026-11-20T06:05:00.123Z: fixed width, so that text order is time order."""
    return to_milliseconds(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Day(TypeDecorator[dt.date]):
    """A calendar day: ISO text in a DATE column on SQLite, date on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """date, or the DATE of a GeoPackage."""
        return dialect.type_descriptor(DATE() if dialect.name == "postgresql" else _Named("DATE"))

    def process_bind_param(self, value: dt.date | None, dialect: Dialect) -> Any:
        """A date; a datetime would hide which zone's day is meant, so none is taken."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.date | None:  # noqa: ARG002 (SQLAlchemy's)
        """A datetime.date."""
        if value is None or isinstance(value, dt.date):
            return value
        return dt.date.fromisoformat(str(value))


class Json(TypeDecorator[Any]):
    """A list or object: canonical JSON text on SQLite, jsonb on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Jsonb or TEXT."""
        return dialect.type_descriptor(JSONB(none_as_null=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Sorted keys and no blanks, so that equal values are equal text."""
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Plain Python values."""
        return json.loads(value) if isinstance(value, str) and dialect.name != "postgresql" else value


class Truth(TypeDecorator[bool]):
    """A boolean; SQLite gives 0 and 1 back as False and True."""

    impl = Boolean
    cache_ok = True


def Code(length: int) -> String:  # noqa: N802 (reads as a type)
    """Text compared byte by byte on both stores, so that order and cursors agree."""
    byte_order = String(length, collation="C")
    return (
        String(length)
        .with_variant(byte_order, "postgresql")
        .with_variant(_Named(f"TEXT({length})"), "sqlite")
    )


def Number() -> TypeEngine[Any]:  # noqa: N802 (reads as a type)
    """A 64-bit float."""
    return Float(53).with_variant(_Named("REAL"), "sqlite")


def Count() -> TypeEngine[Any]:  # noqa: N802 (reads as a type)
    """A 64-bit whole number."""
    return BigInteger().with_variant(Integer(), "sqlite")
