"""Geometries nested deeper than anyone draws, and those with arcs, are told apart before GEOS sees them."""

from __future__ import annotations

import struct
from typing import Literal

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgov import geo
from gridgov.geo.screening import CURVED, DEEPEST, TOO_DEEP, refused_wkb, refused_wkt

Order = Literal["<", ">"]
SQUARE = shapely.box(113.0, 33.0, 113.1, 33.1)


def nested(depth: int, core: bytes, order: Order = "<", code: int = 7, before: bytes = b"") -> bytes:
    """`core` within `depth` collections of the type `code`, each with `before` as its first part if given."""
    extra = struct.pack(f"{order}I", 4490) if code & 0x20000000 else b""
    count = struct.pack(f"{order}I", 2 if before else 1)
    mark = b"\x01" if order == "<" else b"\x00"
    return (mark + struct.pack(f"{order}I", code) + extra + count + before) * depth + core


CORES = {
    "polygon": shapely.to_wkb(shapely.box(0, 0, 1, 1).buffer(1)),
    "hole": shapely.to_wkb(shapely.box(0, 0, 9, 9).difference(shapely.box(1, 1, 2, 2))),
    "point_with_height": shapely.to_wkb(shapely.Point(1, 2, 3), flavor="iso"),
    "extended_line": shapely.to_wkb(
        shapely.set_srid(shapely.LineString([(1, 2, 3), (4, 5, 6)]), 4490),
        flavor="extended",
        include_srid=True,
    ),
    "several": shapely.to_wkb(shapely.MultiPoint([(1, 2), (3, 4)])),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("code", [4, 5, 6, 7, 1007, 3007, 0x80000007, 0xE0000007])
def test_33_collections_within_each_other_are_too_deep_and_32_are_not(order: Order, code: int) -> None:
    core = CORES["polygon"]
    assert refused_wkb(nested(DEEPEST + 1, core, order, code)) is TOO_DEEP
    assert refused_wkb(nested(DEEPEST, core, order, code)) is None


@pytest.mark.parametrize("before", CORES)
def test_depth_behind_other_parts_is_seen(before: str) -> None:
    deep = nested(DEEPEST + 1, CORES["polygon"], before=CORES[before])
    assert refused_wkb(deep) is TOO_DEEP
    wide = nested(1, nested(DEEPEST - 1, CORES["polygon"]), before=CORES[before])
    assert refused_wkb(wide) is None


def test_a_byte_that_names_no_order_keeps_the_one_before() -> None:
    deep = nested(DEEPEST + 1, CORES["polygon"], ">")
    odd = deep[:9] + deep[9:].replace(b"\x00\x00\x00\x00\x07", b"\x09\x00\x00\x00\x07")
    assert refused_wkb(odd) is TOO_DEEP


@given(st.lists(st.integers(0, 3), max_size=60), st.sampled_from(sorted(CORES)))
def test_as_deep_as_geos_reads_it(pattern: list[int], core: str) -> None:
    """Collections of up to three earlier ones: never refused where they nest 32 deep or less, else always."""
    shape, depth = shapely.from_wkb(CORES[core]), int(core == "several")
    for copies in pattern:
        shape, depth = shapely.GeometryCollection([*([SQUARE] * copies), shape]), depth + 1
    assert refused_wkb(shapely.to_wkb(shape)) == (TOO_DEEP if depth > DEEPEST else None)
    # the last bracket belongs to the vertices: one for a point or line, two for a polygon
    assert refused_wkt(shape.wkt) == (TOO_DEEP if _brackets(shape.wkt) > DEEPEST else None)


def _brackets(text: str) -> int:
    steps = np.array([{"(": 1, ")": -1}.get(each, 0) for each in text])
    return int(np.cumsum(steps).max(initial=0))


@given(st.binary(max_size=400), st.integers(0, 40))
def test_bytes_that_are_no_wkb_are_walked_without_an_error(tail: bytes, depth: int) -> None:
    assert refused_wkb(nested(depth, tail)) in {None, TOO_DEEP, CURVED}
    assert refused_wkb(nested(DEEPEST, b"")) is None


def test_a_shape_of_many_parts_is_not_deep() -> None:
    many = shapely.MultiPolygon([shapely.box(x, 0, x + 0.5, 1) for x in range(500)])
    assert refused_wkb(shapely.to_wkb(many)) is None
    assert refused_wkt(many.wkt) is None


def test_a_deep_shape_is_refused_and_its_neighbours_are_read() -> None:
    sound = shapely.to_wkb(SQUARE)
    geometries, findings = geo.read_wkb([b"", sound, nested(20_000, sound), None, "text", sound])
    assert shapely.is_missing(geometries).tolist() == [True, False, True, True, True, False]
    assert [(each.row, each.kind, each.repaired) for each in findings] == [
        (0, "empty", False),
        (2, "empty", False),
        (4, "empty", False),
    ]
    assert findings[1].how == TOO_DEEP


def test_the_caller_keeps_his_bytes() -> None:
    given_bytes = np.array([nested(40, shapely.to_wkb(SQUARE)), None], dtype=object)
    geo.read_wkb(given_bytes)
    assert given_bytes[0] is not None


ARC = b"\x01" + struct.pack("<II6d", 8, 3, 113.0, 33.0, 113.1, 33.1, 113.2, 33.0)
ARC_TEXT = "CIRCULARSTRING (113 33, 113.1 33.1, 113.2 33)"


@pytest.mark.parametrize(
    "wkb",
    [
        ARC,
        nested(1, ARC, code=9),
        nested(1, ARC, code=10),
        nested(1, ARC, code=11),
        nested(1, nested(1, ARC, code=10), code=12),
        nested(2, ARC),
        nested(1, ARC, before=CORES["hole"]),
    ],
)
def test_arcs_are_refused_wherever_they_stand(wkb: bytes) -> None:
    geometries, findings = geo.read_wkb([shapely.to_wkb(SQUARE), wkb])
    assert shapely.is_missing(geometries).tolist() == [False, True]
    assert [(each.row, each.kind, each.how) for each in findings] == [(1, "empty", CURVED)]


def test_an_arc_among_straight_parts_is_read_by_nobody() -> None:
    geometries, findings = geo.read_wkb([nested(1, ARC, code=5)])
    assert geometries.tolist() == [None]
    assert [each.repaired for each in findings] == [False]


@pytest.mark.parametrize("text", [ARC_TEXT, f"curvepolygon ({ARC_TEXT})", f"GEOMETRYCOLLECTION ({ARC_TEXT})"])
def test_arcs_in_text_are_refused(text: str) -> None:
    assert refused_wkt(text) is CURVED
    assert refused_wkt(SQUARE.wkt) is None
