"""A file that is empty, cut off, too large, not what it says, or the store itself is refused with a clear error."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from gridgov.errors import LiveStoreFile, TooLarge, UnreadableFile, UnsupportedFormat
from gridgov.exchange.planning import Options, Plan, plan_import
from gridgov.exchange.reading import read_source
from gridgov.exchange.source import SourceTable
from gridgov.geo import Epsg
from gridgov.models import PARCELS, RecordKind
from gridgov.settings import Settings
from tests.exchange.files import (
    ZONE,
    flatgeobuf,
    geopackage,
    geoparquet,
    parcels,
    shapefile,
    workbook,
    write_geojson,
    zipped,
)

SETTINGS = Settings()
NOW = dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC)
GRID = Epsg(4547)


def plan(path: Path, kind: RecordKind = PARCELS, **options: Any) -> Plan:
    return plan_import(path, kind, settings=SETTINGS, now=NOW, options=Options(**options), zone_boundary=ZONE)


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
