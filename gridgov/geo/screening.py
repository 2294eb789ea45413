"""What GEOS must not be given, told from a geometry's text or bytes before it reads them.

GEOS reads collections within collections by calling itself, so a file of a few hundred kilobytes that nests tens of
thousands of them would end the whole process. Nothing in this field nests more than two or three deep. Arcs it reads,
but nothing behind it can measure them, and one among many rows would fail them all.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from gridgov.geo.words import Words

DEEPEST: Final = 32  # collections within each other, or brackets of WKT
TOO_DEEP: Final = Words(
    f"几何嵌套超过 {DEEPEST} 层，请拆分后重新导出",
    f"the geometry nests more than {DEEPEST} collections; take it apart and export it again",
)
CURVED: Final = Words(
    "几何含圆弧，请转换为折线后重新导出", "the geometry has arcs; turn them into chords and export it again"
)

_HEADER: Final = 9  # bytes that a collection takes at least: byte order, type, number of parts
_ORDERS: Final = {0: ">I", 1: "<I"}
_HAS_SRID: Final = 0x20000000
_HAS_Z: Final = 0x80000000
_HAS_M: Final = 0x40000000
_POINT: Final = 1
_LINE: Final = 2
_POLYGON: Final = 3
_COLLECTION: Final = 7
_COLLECTIONS: Final = frozenset({4, 5, 6, _COLLECTION})
_CURVES: Final = frozenset({8, 9, 10, 11, 12})
_CURVE_NAMES: Final = re.compile(
    r"CIRCULARSTRING|COMPOUNDCURVE|CURVEPOLYGON|MULTICURVE|MULTISURFACE", re.IGNORECASE
)


def refused_wkt(text: str) -> Words | None:
    """Why a WKT is not to be read: more than 32 brackets open at once, or arcs; None when it may be.

    >>> refused_wkt("POINT (1 2)")
    >>> refused_wkt("GEOMETRYCOLLECTION (" * 33).en
    'the geometry nests more than 32 collections; take it apart and export it again'
    """
    if text.count("(") > DEEPEST:
        depth = 0
        for part in text.split("(")[1:]:
            depth += 1
            if depth > DEEPEST:
                return TOO_DEEP
            depth -= part.count(")")
    return CURVED if _CURVE_NAMES.search(text) else None


def refused_wkb(wkb: bytes) -> Words | None:
    """Why a WKB (standard or extended) is not to be read: more than 32 collections within each other, or arcs.

    Only headers are read, of a single point, line or polygon only the first, and so of a short multipart shape.
    Bytes that break off or are no WKB give None: reading them fails where this stops.
    """
    try:
        kind, _ = _kind_and_width(struct.unpack_from(_ORDERS.get(wkb[0], "<I"), wkb, 1)[0])
        if kind in _CURVES:
            return CURVED
        if kind == _COLLECTION or (kind in _COLLECTIONS and len(wkb) > DEEPEST * _HEADER):
            return _walk(wkb)
    except (struct.error, IndexError):
        pass
    return None


def _walk(wkb: bytes) -> Words | None:
    place, order = 0, "<I"
    parts_left: list[int] = []  # one number for each collection that is open
    while True:
        order = _ORDERS.get(wkb[place], order)  # GEOS too keeps the order it had for a byte that names none
        (code,) = struct.unpack_from(order, wkb, place + 1)
        place += 9 if code & _HAS_SRID else 5
        kind, width = _kind_and_width(code)
        if kind in _CURVES:
            return CURVED
        if kind in _COLLECTIONS:
            if len(parts_left) == DEEPEST:
                return TOO_DEEP
            parts_left.append(struct.unpack_from(order, wkb, place)[0])
            place += 4
        else:
            place = _behind(wkb, place, order, kind, width)
        while parts_left and parts_left[-1] == 0:
            parts_left.pop()
        if not parts_left:
            return None
        parts_left[-1] -= 1


def _kind_and_width(code: int) -> tuple[int, int]:
    """The type of a geometry and the bytes of one of its vertices."""
    dimensions, kind = divmod(code & 0xFFFF, 1000)
    with_z = bool(code & _HAS_Z) or dimensions in {1, 3}
    with_m = bool(code & _HAS_M) or dimensions in {2, 3}
    return kind, 8 * (2 + with_z + with_m)


def _behind(wkb: bytes, place: int, order: str, kind: int, width: int) -> int:
    """The place behind the vertices that start at `place`. Raises struct.error where the bytes end before."""
    if kind == _POINT:
        return place + width
    (count,) = struct.unpack_from(order, wkb, place)
    place += 4
    if kind == _LINE:
        return place + int(count) * width
    if kind != _POLYGON:
        raise struct.error(kind)
    for _ in range(count):
        (vertices,) = struct.unpack_from(order, wkb, place)
        place += 4 + int(vertices) * width
    return place
