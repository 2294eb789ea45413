"""How deeply a geometry is nested, told from its text or bytes before GEOS reads them.

GEOS reads collections within collections by calling itself, so a file of a few hundred kilobytes that nests tens of
thousands of them would end the whole process. Nothing in this field nests more than two or three deep.
"""

from __future__ import annotations

import struct
from typing import Final

from gridgov.geo.words import Words

DEEPEST: Final = 32  # collections within each other, or brackets of WKT
TOO_DEEP: Final = Words(
    f"几何嵌套超过 {DEEPEST} 层，请拆分后重新导出",
    f"the geometry nests more than {DEEPEST} collections; take it apart and export it again",
)

_HEADER: Final = 9  # bytes that a collection takes at least: byte order, type, number of parts
_ORDERS: Final = {0: ">I", 1: "<I"}
_HAS_SRID: Final = 0x20000000
_HAS_Z: Final = 0x80000000
_HAS_M: Final = 0x40000000
_POINT: Final = 1
_LINES: Final = frozenset({2, 8})  # line string, circular string
_POLYGON: Final = 3
_COLLECTIONS: Final = frozenset({4, 5, 6, 7, 9, 10, 11, 12})  # multi…, collection, compound and curved shapes


def wkt_nests_too_deep(text: str) -> bool:
    """Whether more than 32 brackets are open at once anywhere in a WKT.

    >>> wkt_nests_too_deep("POINT (1 2)"), wkt_nests_too_deep("GEOMETRYCOLLECTION (" * 33)
    (False, True)
    """
    if text.count("(") <= DEEPEST:
        return False
    depth = 0
    for part in text.split("(")[1:]:
        depth += 1
        if depth > DEEPEST:
            return True
        depth -= part.count(")")
    return False


def wkb_nests_too_deep(wkb: bytes) -> bool:
    """Whether a WKB (standard or extended) holds more than 32 collections within each other.

    Only headers are read, and of a single point, line or polygon only the first. Bytes that break off or are no
    WKB are not too deep as far as they go: reading them fails where this stops.
    """
    if len(wkb) <= DEEPEST * _HEADER:
        return False
    try:
        return _walk(wkb)
    except (struct.error, IndexError):
        return False


def _walk(wkb: bytes) -> bool:
    place, order = 0, "<I"
    parts_left: list[int] = []  # one number for each collection that is open
    while True:
        order = _ORDERS.get(wkb[place], order)  # GEOS too keeps the order it had for a byte that names none
        (code,) = struct.unpack_from(order, wkb, place + 1)
        place += 9 if code & _HAS_SRID else 5
        kind, width = _kind_and_width(code)
        if kind in _COLLECTIONS:
            if len(parts_left) == DEEPEST:
                return True
            parts_left.append(struct.unpack_from(order, wkb, place)[0])
            place += 4
        elif not parts_left:
            return False
        else:
            place = _behind(wkb, place, order, kind, width)
        while parts_left and parts_left[-1] == 0:
            parts_left.pop()
        if not parts_left:
            return False
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
    if kind in _LINES:
        return place + int(count) * width
    if kind != _POLYGON:
        raise struct.error(kind)
    for _ in range(count):
        (vertices,) = struct.unpack_from(order, wkb, place)
        place += 4 + int(vertices) * width
    return place
