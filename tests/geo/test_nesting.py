"""Geometries nested deeper than anyone draws are told apart before GEOS sees them."""

from __future__ import annotations

import struct
from typing import Literal

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgov import geo
from gridgov.geo.nesting import DEEPEST, TOO_DEEP, wkb_nests_too_deep, wkt_nests_too_deep

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
@pytest.mark.parametrize("code", [4, 5, 6, 7, 11, 12, 1007, 3007, 0x80000007, 0xE0000007])
def test_33_collections_within_each_other_are_too_deep_and_32_are_not(order: Order, code: int) -> None:
    core = CORES["polygon"]
    assert wkb_nests_too_deep(nested(DEEPEST + 1, core, order, code))
    assert not wkb_nests_too_deep(nested(DEEPEST, core, order, code))


@pytest.mark.parametrize("before", CORES)
def test_depth_behind_other_parts_is_seen(before: str) -> None:
    deep = nested(DEEPEST + 1, CORES["polygon"], before=CORES[before])
    assert wkb_nests_too_deep(deep)
    wide = nested(1, nested(DEEPEST - 1, CORES["polygon"]), before=CORES[before])
    assert not wkb_nests_too_deep(wide)


def test_a_byte_that_names_no_order_keeps_the_one_before() -> None:
    deep = nested(DEEPEST + 1, CORES["polygon"], ">")
    assert wkb_nests_too_deep(deep[:9] + deep[9:].replace(b"\x00\x00\x00\x00\x07", b"\x09\x00\x00\x00\x07"))


@given(st.lists(st.integers(0, 3), max_size=60), st.sampled_from(sorted(CORES)))
def test_as_deep_as_geos_reads_it(pattern: list[int], core: str) -> None:
    """Collections of up to three earlier ones: never refused where they nest 32 deep or less, else always."""
    shape, depth = shapely.from_wkb(CORES[core]), int(core == "several")
    for copies in pattern:
        shape, depth = shapely.GeometryCollection([*([SQUARE] * copies), shape]), depth + 1
    assert wkb_nests_too_deep(shapely.to_wkb(shape)) == (depth > DEEPEST)
    # the last bracket belongs to the vertices: one for a point or line, two for a polygon
    assert wkt_nests_too_deep(shape.wkt) == (_brackets(shape.wkt) > DEEPEST)


def _brackets(text: str) -> int:
    steps = np.array([{"(": 1, ")": -1}.get(each, 0) for each in text])
    return int(np.cumsum(steps).max(initial=0))


@given(st.binary(max_size=400), st.integers(0, 40))
def test_bytes_that_are_no_wkb_are_walked_without_an_error(tail: bytes, depth: int) -> None:
    assert wkb_nests_too_deep(nested(depth, tail)) in {True, False}
    cut = nested(DEEPEST, tail)
    assert not wkb_nests_too_deep(cut[: DEEPEST * 9])


def test_a_shape_of_many_parts_is_not_deep() -> None:
    many = shapely.MultiPolygon([shapely.box(x, 0, x + 0.5, 1) for x in range(500)])
    assert not wkb_nests_too_deep(shapely.to_wkb(many))
    assert not wkt_nests_too_deep(many.wkt)


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
