"""What a camera noted, as rows readable aloud; damaged, absurd and endless notes are none."""

from __future__ import annotations

import datetime as dt
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridgov.images.exif import Taken, read_exif
from tests.images.specimens import exif

HALF_PAST_ONE = dt.datetime(2026, 11, 20, 1, 30, tzinfo=dt.UTC)


def noted(**given: object) -> Taken:
    return read_exif(exif(**given).removeprefix(b"Exif\x00\x00"))  # type: ignore[arg-type]


def test_time_place_and_side_are_read() -> None:
    found = noted(orientation=6)
    assert (found.orientation, found.at) == (6, HALF_PAST_ONE)
    assert found.lon == pytest.approx(113.30833333, abs=1e-7)
    assert found.lat == pytest.approx(33.73676111, abs=1e-7)


@pytest.mark.parametrize(
    ("taken", "offset", "at"),
    [
        ("2026:11:20 09:30:00", None, HALF_PAST_ONE),  # China, where nothing else is said
        ("2026:11:20 09:30:00", "+08:00", HALF_PAST_ONE),
        ("2026:11:20 01:30:00", "+00:00", HALF_PAST_ONE),
        ("2026:11:19 21:30:00", "-04:00", HALF_PAST_ONE),
        ("2026-11-20 09:30:00", None, HALF_PAST_ONE),  # some programs write dashes
        ("2026:11:20 09:30:00", "nonsense", HALF_PAST_ONE),
        ("2026:11:20 09:30:00", "+99:99", HALF_PAST_ONE),
        ("0000:00:00 00:00:00", None, None),
        ("2026:13:45 99:99:99", None, None),
        ("9999:12:31 23:59:59", "-14:00", None),
        ("1904:01:01 00:00:00", None, None),
        ("    :  :     :  :  ", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_times(taken: str | None, offset: str | None, at: dt.datetime | None) -> None:
    assert noted(taken=taken, offset=offset).at == at


GOOD = ((33, 1), (44, 1), (0, 1))


@pytest.mark.parametrize(
    ("lat", "refs", "lat_found"),
    [
        (GOOD, ("N", "E"), 33.7333333),
        (GOOD, ("S", "E"), -33.7333333),
        (GOOD, ("N", "W"), 33.7333333),
        (((337333333, 10000000), (0, 1), (0, 1)), ("N", "E"), 33.7333333),
        (((33, 0), (44, 1), (0, 1)), ("N", "E"), None),  # divides by zero
        (((0, 0), (0, 0), (0, 0)), ("N", "E"), None),  # not a number
        (((91, 1), (0, 1), (0, 1)), ("N", "E"), None),
        (((33, 1), (61, 1), (0, 1)), ("N", "E"), None),
        (GOOD, ("X", "E"), None),
        (GOOD, ("", "E"), None),
        (GOOD[:2], ("N", "E"), None),
        (None, ("N", "E"), None),
    ],
)
def test_places(
    lat: tuple[tuple[int, int], ...] | None, refs: tuple[str, str], lat_found: float | None
) -> None:
    found = noted(lat=lat, refs=refs)
    assert found.lat == (lat_found if lat_found is None else pytest.approx(lat_found, abs=1e-7))
    assert (found.lon is None) == (lat_found is None)  # both or none
    if found.lon is not None:
        assert found.lon == pytest.approx(113.3083333 * (-1 if refs[1] == "W" else 1), abs=1e-7)


def test_the_gulf_of_guinea_is_no_place() -> None:
    zero = ((0, 1), (0, 1), (0, 1))
    assert noted(lat=zero, lon=zero).lon is None
    assert noted(lat=zero).lat == 0.0  # the equator is


def test_a_directory_that_leads_to_itself_ends() -> None:
    loop = b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", 1) + struct.pack("<HHII", 0x8769, 4, 1, 8)
    assert read_exif(loop) == Taken()


def test_counts_and_offsets_beyond_the_data_are_left_out() -> None:
    entry = struct.pack("<HHII", 0x9003, 2, 0xFFFFFFFF, 0xFFFFFFF0)
    data = b"II*\x00" + struct.pack("<IH", 8, 0xFFFF) + entry * 3
    assert read_exif(data) == Taken()


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    read_exif(data)
    found = read_exif(b"MM\x00*\x00\x00\x00\x08" + data)
    assert 1 <= found.orientation <= 8


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_no_damage_to_real_notes_breaks_the_reader(at: int, damage: bytes) -> None:
    whole = exif().removeprefix(b"Exif\x00\x00")
    found = read_exif(whole[:at] + damage + whole[at + len(damage) :])
    assert (found.lon is None) == (found.lat is None)
    assert found.at is None or found.at.tzinfo is not None
