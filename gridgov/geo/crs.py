"""Coordinate systems: which ones exist here, how text and files name them, which are refused.

A coordinate system is a value of one of three types: ``Epsg`` (everything pyproj knows on the CGCS2000 or
WGS 84 datum), ``Gcj02`` and ``Bd09``. WGS 84 and CGCS2000 degrees are taken as the same numbers: the
ellipsoids differ by 0.1 mm, the drift of the plate since the epoch of CGCS2000 is less than a metre. Xian
1980 and Beijing 1954 lie some hundred metres off, have no public transformation, and are refused by datum,
whatever their code.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pyproj
from pyproj.exceptions import CRSError

from gridgov.errors import OutOfRange, UnknownCoordinateSystem, UnsupportedDatum
from gridgov.geo.words import Language, Words

ZONES_3_DEGREES: Final = range(25, 46)  # central meridians 75 E to 135 E
ZONES_6_DEGREES: Final = range(13, 24)

_LOCAL_DATUMS: Final = {
    "xian": Words("1980 西安坐标系", "Xian 1980"),
    "beijing": Words("1954 北京坐标系", "Beijing 1954"),
}
_LOCAL_ELLIPSOIDS: Final = {6378140: "xian", 6378245: "beijing"}  # semi-major axis in metres
_LABELS: Final = {
    4326: Words("WGS 84 经纬度", "WGS 84 longitude and latitude"),
    4490: Words("CGCS2000 经纬度", "CGCS2000 longitude and latitude"),
    3857: Words("Web 墨卡托", "Web Mercator"),
}
_ALIASES: Final[dict[str, int | str]] = {
    "WGS84": 4326,
    "CRS84": 4326,
    "OGC:CRS84": 4326,
    "CGCS2000": 4490,
    "CHINA2000": 4490,
    "国家2000": 4490,
    "2000国家大地坐标系": 4490,
    "WEBMERCATOR": 3857,
    "GCJ02": "gcj02",
    "GCJ": "gcj02",
    "火星坐标": "gcj02",
    "高德": "gcj02",
    "AMAP": "gcj02",
    "BD09": "bd09",
    "BD09LL": "bd09",
    "BAIDU": "bd09",
    "百度": "bd09",
}
_EPSG_FORMS: Final = (
    re.compile(r"^(?:EPSG:{1,2})?(\d{4,6})$"),
    re.compile(r"^URN:OGC:DEF:CRS:EPSG:[\d.]*:(\d{4,6})$"),
    re.compile(r"^HTTPS?://WWW\.OPENGIS\.NET/DEF/CRS/EPSG/[\d.]+/(\d{4,6})$"),
)
_CRS84_FORMS: Final = re.compile(r"(?:^URN:OGC:DEF:CRS:OGC:[\d.]*:|/DEF/CRS/OGC/[\d.]+/)CRS84$")


@dataclass(frozen=True, slots=True)
class Epsg:
    """A coordinate system of the EPSG register on the CGCS2000 or WGS 84 datum; make it by ``parse_crs``."""

    code: int

    @property
    def key(self) -> str:
        """The stable text for storage and interfaces, ``EPSG:4547``; ``parse_crs`` reads it back."""
        return f"EPSG:{self.code}"

    @property
    def is_degrees(self) -> bool:
        """True when the numbers are longitude and latitude in degrees, false when they are metres."""
        return definition(self.code).is_geographic

    def label(self, language: Language) -> str:
        """The name for people.

        >>> Epsg(4547).label("zh")
        'CGCS2000 3度带 中央经线114°E(坐标不带带号)'
        """
        words = _LABELS.get(self.code) or _grid_label(self.code)
        return words.say(language) if words else f"{definition(self.code).name} ({self.key})"


@dataclass(frozen=True, slots=True)
class Gcj02:
    """GCJ-02 degrees, as AMap, Tencent and Google's map of China use them."""

    @property
    def key(self) -> str:
        """``gcj02``."""
        return "gcj02"

    @property
    def is_degrees(self) -> bool:
        """Always true."""
        return True

    def label(self, language: Language) -> str:
        """The name for people."""
        return Words("GCJ-02(高德、腾讯地图坐标)", "GCJ-02 (AMap, Tencent)").say(language)


@dataclass(frozen=True, slots=True)
class Bd09:
    """BD-09 degrees, as Baidu's maps use them."""

    @property
    def key(self) -> str:
        """``bd09``."""
        return "bd09"

    @property
    def is_degrees(self) -> bool:
        """Always true."""
        return True

    def label(self, language: Language) -> str:
        """The name for people."""
        return Words("BD-09(百度地图坐标)", "BD-09 (Baidu)").say(language)


CoordinateSystem = Epsg | Gcj02 | Bd09

WGS84: Final = Epsg(4326)
CGCS2000: Final = Epsg(4490)
WEB_MERCATOR: Final = Epsg(3857)


@lru_cache(maxsize=256)
def definition(code: int) -> pyproj.CRS:
    """The register's definition of an EPSG code.

    Raises UnknownCoordinateSystem for a code that does not exist.
    """
    try:
        return pyproj.CRS.from_epsg(code)
    except CRSError as error:
        message = f"EPSG:{code} is not in the register; give an existing code such as EPSG:4547"
        raise UnknownCoordinateSystem(message, value=code) from error


def parse_crs(text: str) -> CoordinateSystem:
    """Read the name of a coordinate system as people, files and web addresses write it.

    Accepts codes (``4547``, ``EPSG:4547``, OGC urn and http forms), ``wgs84``, ``cgcs2000``, ``gcj02`` and
    ``bd09``, in any case, with spaces, hyphens and underscores. Raises UnknownCoordinateSystem for anything
    else, UnsupportedDatum for Xian 1980 and Beijing 1954.

    >>> parse_crs("CGCS 2000")
    Epsg(code=4490)
    >>> parse_crs("GCJ-02").key
    'gcj02'
    """
    folded = unicodedata.normalize("NFKC", text).strip().upper()  # full-width colons and digits too
    compact = re.sub(r"[\s_\-]", "", folded)
    for form in _EPSG_FORMS:
        if match := form.match(compact):
            return _supported(int(match.group(1)))
    if _CRS84_FORMS.search(folded):
        return WGS84
    known = _ALIASES.get(compact)
    if isinstance(known, int):
        return Epsg(known)
    if known is not None:
        return Gcj02() if known == "gcj02" else Bd09()
    if datum := _local_datum(compact):
        raise _refused(datum, text)
    message = (
        f"coordinate system {text!r} is not known; give an EPSG code (4490, 4513 to 4554, 4326, 3857), "
        "cgcs2000, wgs84, gcj02 or bd09"
    )
    raise UnknownCoordinateSystem(message, value=text)


@lru_cache(maxsize=256)
def crs_from_wkt(wkt: str) -> CoordinateSystem | None:
    """Find the coordinate system that a file's WKT (ESRI or OGC form) describes.

    Answers None for text that is empty, unreadable or describes a system without a counterpart here, so that
    the caller asks. Raises UnsupportedDatum for Xian 1980 and Beijing 1954, which no question can mend.
    """
    if not wkt.strip():
        return None
    try:
        system = pyproj.CRS.from_wkt(wkt)
    except CRSError:
        return None
    if datum := _datum_of(system):
        raise _refused(datum, system.name)
    code = system.to_epsg(min_confidence=70) or _code_by_parameters(system)
    if code is None:
        axis = round(system.ellipsoid.semi_major_metre) if system.ellipsoid else 0
        if datum := _LOCAL_ELLIPSOIDS.get(axis):
            raise _refused(datum, system.name)
        return None
    try:
        return _supported(code)
    except UnknownCoordinateSystem:
        return None


def gauss_kruger_zone(lon: float) -> int:
    """The number of the 3-degree zone that holds a longitude (113.3 E is in zone 38, meridian 114 E).

    Raises OutOfRange for a longitude outside the zones 25 to 45 (73.5 to 136.5 E).

    >>> gauss_kruger_zone(113.3)
    38
    """
    zone = int((lon + 1.5) // 3.0) if -180.0 <= lon <= 180.0 else -1
    if zone not in ZONES_3_DEGREES:
        message = f"longitude {lon} has no CGCS2000 3-degree zone; they cover 73.5 to 136.5 degrees east"
        raise OutOfRange(message, value=lon)
    return zone


def grid_crs(lon: float, *, prefixed: bool) -> Epsg:
    """The CGCS2000 3-degree grid for a longitude, eastings with the zone number in front or without.

    >>> grid_crs(113.3, prefixed=True).key, grid_crs(113.3, prefixed=False).key
    ('EPSG:4526', 'EPSG:4547')
    """
    offset = gauss_kruger_zone(lon) - ZONES_3_DEGREES.start
    return Epsg((4513 if prefixed else 4534) + offset)


def _supported(code: int) -> Epsg:
    system = definition(code)
    if datum := _datum_of(system):
        raise _refused(datum, f"EPSG:{code}")
    flat = len(system.axis_info) == 2 and (system.is_geographic or system.is_projected)
    if flat and _datum_is_global(system):
        return Epsg(code)
    message = (
        f"EPSG:{code} ({system.name}) is not on the CGCS2000 or WGS 84 datum or is not two-dimensional; "
        "convert the file to EPSG:4490 or EPSG:4547 first"
    )
    raise UnknownCoordinateSystem(message, value=code)


def _datum_is_global(system: pyproj.CRS) -> bool:
    name = system.datum.name.lower() if system.datum else ""
    squeezed = re.sub(r"[\s_]", "", name)
    return any(
        word in squeezed for word in ("china2000", "chinageodetic", "cgcs2000", "wgs84", "wgs1984")
    ) or ("worldgeodeticsystem1984" in squeezed)


def _datum_of(system: pyproj.CRS) -> str | None:
    """``xian`` or ``beijing`` when the system stands on one of the local datums."""
    if system.datum is not None and (found := _local_datum(system.datum.name)):
        return found
    if found := _local_datum(system.name):
        return found
    return None


def _local_datum(name: str) -> str | None:
    squeezed = re.sub(r"[\s_\-]", "", name).lower()
    if "xian" in squeezed or "西安" in squeezed:
        return "xian"
    return "beijing" if "beijing" in squeezed or "北京" in squeezed else None


def _refused(datum: str, value: str) -> UnsupportedDatum:
    name = _LOCAL_DATUMS[datum].en
    message = (
        f"{value}: {name} cannot be turned into CGCS2000 without the local transformation parameters, "
        "which are not public; have the survey office convert the file to CGCS2000 (EPSG:4490 or 4547)"
    )
    return UnsupportedDatum(message, value=value)


def _grid_label(code: int) -> Words | None:
    """Words for the CGCS2000 Gauss-Krüger grids, which differ in width and in the zone prefix."""
    width, zone, prefixed = 0, 0, False
    for first, degrees, zones in ((4513, 3, ZONES_3_DEGREES), (4491, 6, ZONES_6_DEGREES)):
        count = len(zones)
        if first <= code < first + 2 * count:
            width, prefixed = degrees, code < first + count
            zone = zones.start + (code - first) % count
    if not width:
        return None
    meridian = 3 * zone if width == 3 else 6 * zone - 3
    if prefixed:
        return Words(
            f"CGCS2000 {width}度带 第{zone}带(坐标带带号)",
            f"CGCS2000 {width}-degree zone {zone}, easting with zone prefix",
        )
    return Words(
        f"CGCS2000 {width}度带 中央经线{meridian}°E(坐标不带带号)",
        f"CGCS2000 {width}-degree grid, central meridian {meridian} E, easting without prefix",
    )


def _code_by_parameters(system: pyproj.CRS) -> int | None:
    """Recognise a CGCS2000 grid whose name is home-made by its projection parameters."""
    if not _datum_is_global(system):
        return None
    if system.is_geographic:
        return 4490 if "2000" in (system.datum.name if system.datum else "") else 4326
    operation = system.coordinate_operation
    if operation is None or operation.method_name not in {
        "Transverse Mercator",
        "Gauss-Kruger",
        "Gauss_Kruger",
    }:
        return None
    values = {parameter.name.lower(): float(parameter.value) for parameter in operation.params}
    meridian = values.get("longitude of natural origin", -1.0)
    easting = values.get("false easting", -1.0)
    plain = (
        values.get("scale factor at natural origin") == 1.0
        and values.get("false northing") == 0.0
        and values.get("latitude of natural origin") == 0.0
        and {axis.unit_name for axis in system.axis_info} == {"metre"}
        and "2000" in (system.datum.name if system.datum else "")
    )
    if not plain or meridian % 3.0:
        return None
    return _grid_code(int(meridian), easting)


def _grid_code(meridian: int, easting: float) -> int | None:
    zone = meridian // 3
    if zone in ZONES_3_DEGREES and easting == 500_000.0:
        return 4534 + zone - ZONES_3_DEGREES.start
    if zone in ZONES_3_DEGREES and easting == zone * 1_000_000.0 + 500_000.0:
        return 4513 + zone - ZONES_3_DEGREES.start
    wide = (meridian + 3) // 6
    if wide in ZONES_6_DEGREES and easting == wide * 1_000_000.0 + 500_000.0 and meridian == 6 * wide - 3:
        return 4491 + wide - ZONES_6_DEGREES.start
    return None
