"""A file that is empty, cut off, too large, not what it says, or the store itself is refused with a clear error."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gridgov.errors import InvalidInput, LiveStoreFile, TooLarge, UnreadableFile, UnsupportedFormat
from gridgov.exchange.reading import read_source
from gridgov.exchange.source import SourceTable
from gridgov.settings import Settings
from tests.exchange.files import (
    flatgeobuf,
    geodatabase_zip,
    geopackage,
    geoparquet,
    parcels,
    shapefile,
    shapefile_zip,
    workbook,
    write_geojson,
    zipped,
)

SETTINGS = Settings()
NOW = dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC)


def content(name: str) -> bytes:
    """The start of a sound file of each kind, to be spoiled."""
    return {
        ".geojson": b'{"type": "FeatureCollection", "features": [{"type": "Feature", "prop',
        ".gpkg": b"SQLite format 3\x00" + b"\x10" * 60,
        ".fgb": b"fgb\x03fgb\x00" + b"\x99" * 40,
        ".parquet": b"PAR1" + b"\x15" * 30,
        ".zip": b"PK\x03\x04" + b"\x14" * 40,
        ".xlsx": b"PK\x03\x04" + b"\x14" * 40,
        ".kml": b"<?xml version='1.0'?><kml><Document><Placemark>",
        ".dxf": b"  0\nSECTION\n  2\nENTITIES\n  0\nLWPOLY",
        ".csv": b'a,b\n"open,1\n2,3\n',
    }[name]


@pytest.mark.parametrize(
    "ending", [".geojson", ".gpkg", ".fgb", ".parquet", ".zip", ".xlsx", ".kml", ".dxf", ".csv"]
)
def test_a_cut_off_file_is_refused_with_its_name(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cut{ending}"
    path.write_bytes(content(ending))
    with pytest.raises(UnreadableFile, match=f"cut{ending}") as caught:
        read_source(path, SETTINGS)
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("ending", [".geojson", ".gpkg", ".zip", ".csv", ".xlsx", ".shp", ".dwg", ""])
def test_an_empty_file_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"empty{ending}"
    path.touch()
    with pytest.raises(UnreadableFile, match="0 bytes"):
        read_source(path, SETTINGS)


def test_a_wrong_ending_is_refused_with_the_right_one(tmp_path: Path) -> None:
    path = geopackage(tmp_path).rename(tmp_path / "a.geojson")
    with pytest.raises(UnreadableFile, match=r"GeoPackage by its content.*\.gpkg"):
        read_source(path, SETTINGS)
    picture = tmp_path / "b.geojson"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UnsupportedFormat, match="a picture"):
        read_source(picture, SETTINGS)
    text = tmp_path / "c.gpkg"
    text.write_text("hello")
    with pytest.raises(UnreadableFile, match="damaged or not GeoPackage"):
        read_source(text, SETTINGS)


def test_more_rows_than_allowed_are_refused_with_the_setting(tmp_path: Path) -> None:
    small = Settings(import_max_rows=2)
    table = tmp_path / "a.csv"
    table.write_text("编号\n1\n2\n3\n")
    workbook(tmp_path / "a.xlsx", {"表": [["编号"], ["1"], ["2"], ["3"]]})
    files = [
        table, tmp_path / "a.xlsx", write_geojson(tmp_path / "a.geojson", parcels()), geopackage(tmp_path),
        geoparquet(tmp_path), shapefile(tmp_path / "shp", "GBK"),
    ]  # fmt: skip
    for path in files:
        with pytest.raises(TooLarge, match="GRIDGOV_IMPORT_MAX_ROWS = 2"):
            read_source(path, small)


@pytest.mark.slow
def test_a_million_rows_are_read_and_one_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("编号\n" + "1\n" * 1_000_000)
    assert len(read_source(path, SETTINGS)) == 1_000_000
    path.write_text("编号\n" + "1\n" * 1_000_001)
    with pytest.raises(TooLarge, match="1,000,001 rows"):
        read_source(path, SETTINGS)


def test_a_table_above_the_upload_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("编号\n" + "1\n" * 1000, encoding="utf-8")
    for file in (path, zipped(tmp_path / "a.zip", path)):
        with pytest.raises(TooLarge, match="GRIDGOV_UPLOAD_MAX_BYTES = 1,024"):
            read_source(file, Settings(upload_max_bytes=1024))


def test_the_live_store_is_never_opened(tmp_path: Path) -> None:
    store = tmp_path / "gridgov.gpkg"
    geopackage(tmp_path).rename(store)
    settings = Settings(database_url=f"sqlite:///{store}")
    link = tmp_path / "link.gpkg"
    link.symlink_to(store)
    hard = tmp_path / "hard.gpkg"
    hard.hardlink_to(store)
    private = tmp_path / "gridgov.private.sqlite"
    private.write_bytes(store.read_bytes())
    for path in (store, link, hard, private):
        with pytest.raises(LiveStoreFile, match="open store itself"):
            read_source(path, settings)
    other = tmp_path / "other.gpkg"
    other.write_bytes(store.read_bytes())
    Path(f"{other}-wal").touch()
    with pytest.raises(LiveStoreFile, match="open in another program"):
        read_source(other, SETTINGS)


def test_reading_leaves_no_trace_beside_the_file(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in [geopackage(tmp_path), flatgeobuf(tmp_path)]}
    for path, was in before.items():
        source: SourceTable = read_source(path, SETTINGS)
        assert len(source) == 3
        assert path.read_bytes() == was
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.fgb", "a.gpkg"]


def test_a_geojson_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", parcels())
    path.write_bytes(path.read_text(encoding="utf-8").encode("gbk"))
    with pytest.raises(UnreadableFile, match=r"a\.geojson"):
        read_source(path, SETTINGS)


SOUND: list[Callable[[Path], Path]] = [geopackage, flatgeobuf, geoparquet, shapefile_zip, geodatabase_zip]
SPOILED = st.one_of(
    st.tuples(st.just("cut"), st.floats(0.0, 1.0, exclude_max=True), st.just(0)),
    st.tuples(st.just("changed"), st.floats(0.0, 1.0, exclude_max=True), st.integers(0, 255)),
)


@pytest.fixture(scope="module", params=SOUND, ids=lambda write: write.__name__)
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of each binary format, to be spoiled."""
    write: Callable[[Path], Path] = request.param
    return write(tmp_path_factory.mktemp("sound"))


@hypothesis.settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
@given(spoiled=st.lists(SPOILED, min_size=1, max_size=4))
def test_a_spoiled_file_is_read_or_refused_but_never_breaks_the_program(
    tmp_path: Path, sound: Path, spoiled: list[tuple[str, float, int]]
) -> None:
    content = bytearray(sound.read_bytes())
    for how, place, value in spoiled:
        index = int(place * len(content))
        if how == "cut":
            del content[index:]
        elif content:
            content[index] = value
    path = tmp_path / sound.name
    path.write_bytes(content)
    with contextlib.suppress(InvalidInput):
        assert len(read_source(path, SETTINGS)) <= 3
