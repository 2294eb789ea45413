"""Every format gives the same rows: codes as text, Chinese names intact, the coordinate system with its origin."""

from __future__ import annotations

import datetime as dt
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pytest
import shapely
from ezdxf.filemanagement import new as new_drawing

from gridgov.errors import InvalidValue, LiveStoreFile, TooLarge, UnreadableFile, UnsupportedFormat
from gridgov.exchange.planning import Options, Plan, plan_import
from gridgov.exchange.reading import read_source
from gridgov.exchange.source import SourceTable
from gridgov.geo import Epsg, from_lonlat, parse_crs
from gridgov.models import FACILITIES, PARCELS, RecordKind
from gridgov.settings import Settings
from tests.exchange.files import ZONE, parcel, parcels, write_geojson
from tests.factories import square

SETTINGS = Settings()
NOW = dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC)
GRID = Epsg(4547)


def plan(path: Path, kind: RecordKind = PARCELS, **options: Any) -> Plan:
    return plan_import(path, kind, settings=SETTINGS, now=NOW, options=Options(**options), zone_boundary=ZONE)


def frame(rows: list[dict[str, Any]], crs: int = 4326) -> geopandas.GeoDataFrame:
    """The rows as a table of shapes in a system of the EPSG register."""
    table = geopandas.GeoDataFrame(rows, geometry="geometry", crs=4326)
    return table if crs == 4326 else table.set_geometry(from_lonlat(table.geometry, Epsg(crs)), crs=crs)


def zipped(path: Path, *files: Path) -> Path:
    """The files, or a folder with its files, in one zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            if file.is_dir():
                for each in sorted(file.iterdir()):
                    archive.write(each, f"{file.name}/{each.name}")
            else:
                archive.write(file, file.name)
    return path


def shapefile(
    folder: Path, encoding: str | None, rows: list[dict[str, Any]] | None = None, cpg: bool = True
) -> Path:
    """A Shapefile in a folder of its own."""
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names cut to ten bytes, which is what a Shapefile does
        frame(rows or parcels(), 4547).to_file(folder / "地块.shp", encoding=encoding)
    if not cpg:
        (folder / "地块.cpg").unlink()
    return folder / "地块.shp"


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    """A workbook of sheets by name."""
    book = openpyxl.Workbook(write_only=True)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def geopackage(folder: Path) -> Path:
    frame(parcels(), 4547).to_file(folder / "a.gpkg", driver="GPKG")
    return folder / "a.gpkg"


def flatgeobuf(folder: Path) -> Path:
    frame(parcels(), 4547).to_file(folder / "a.fgb", driver="FlatGeobuf", SPATIAL_INDEX="NO")
    return folder / "a.fgb"


def geodatabase(folder: Path) -> Path:
    frame(parcels(), 4547).to_file(folder / "a.gdb", driver="OpenFileGDB")
    return folder / "a.gdb"


def geodatabase_zip(folder: Path) -> Path:
    return zipped(folder / "a.zip", geodatabase(folder))


def geoparquet(folder: Path) -> Path:
    frame(parcels(), 4547).to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def shapefile_folder(folder: Path) -> Path:
    return shapefile(folder / "shp", "GBK").parent


def shapefile_zip(folder: Path) -> Path:
    return zipped(folder / "a.zip", *shapefile(folder / "shp", "GBK").parent.iterdir())


@pytest.mark.parametrize(
    "write",
    [geopackage, flatgeobuf, geodatabase, geodatabase_zip, geoparquet, shapefile_folder, shapefile_zip],
)
def test_a_file_that_says_its_system_gives_the_same_parcels(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    made = plan(write(tmp_path))
    assert made.report.severities["error"] == 0
    assert made.report.decision is not None
    assert (made.report.decision.crs.key, made.report.decision.origin) == ("EPSG:4547", "file")
    assert made.values["code"] == ["DK-0001", "DK-0002", "DK-0003"]
    assert made.values["name_zh"] == ["1号地块", "2号地块", "3号地块"]
    assert made.values["land_code"] == ["1001"] * 3
    assert shapely.hausdorff_distance(made.geometries[1], square(column=4)) < 1e-9


@pytest.mark.parametrize("cpg", [True, False], ids=["with .cpg", "without .cpg"])
@pytest.mark.parametrize("encoding", ["GBK", "GB18030", "UTF-8"])
def test_a_shapefile_is_read_in_its_encoding(tmp_path: Path, encoding: str, cpg: bool) -> None:
    rows = [{"编号": "DK-1", "名称": "滍阳遗址公园", "备注": "常用字", "geometry": square()}]
    source = read_source(shapefile(tmp_path / "shp", encoding, rows, cpg), SETTINGS)
    assert source.columns["名称"].to_pylist() == ["滍阳遗址公园"]
    assert list(source.columns) == ["编号", "名称", "备注"]
    assert source.encoding == ("UTF-8" if encoding == "UTF-8" else "GB18030")
    assert ("says" in source.encoding_evidence.en) == cpg


def test_a_cpg_that_lies_is_not_believed(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "shp", "GBK")
    path.with_suffix(".cpg").write_text("UTF-8")
    source = read_source(path, SETTINGS)
    assert source.columns["名称"].to_pylist()[0] == "1号地块"
    assert "does not fit" in source.encoding_evidence.en


def test_names_cut_to_ten_bytes_are_recognised_and_said(tmp_path: Path) -> None:
    rows = [
        {"编号": "DK-1", "现状用地代码": "1001", "用地分类标准": "ydyh-2023", "geometry": square()},
    ]  # fmt: skip
    for encoding in ("GBK", "UTF-8"):
        made = plan(shapefile(tmp_path / encoding, encoding, rows))
        assert made.values["land_code"] == ["1001"]
        assert "names_cut" in made.report.by_kind


def test_a_text_that_fills_the_widest_column_is_reported_as_cut(tmp_path: Path) -> None:
    rows = [{"编号": "DK-1", "坐落": "平" * 200, "geometry": square()}]
    for encoding, kept in (("GBK", 127), ("UTF-8", 84)):
        made = plan(shapefile(tmp_path / encoding, encoding, rows))
        (problem,) = [each for each in made.report.problems if each.kind == "text_cut"]
        assert (problem.row, problem.reference, problem.field) == (1, "DK-1", "坐落")
        assert made.values["address"] == ["平" * kept]


def test_deleted_rows_of_a_dbf_stay_deleted(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "shp", "GBK")
    content = bytearray(path.with_suffix(".dbf").read_bytes())
    header, width = struct.unpack_from("<HH", content, 8)
    content[header + width] = ord("*")
    path.with_suffix(".dbf").write_bytes(content)
    assert plan(path).values["code"] == ["DK-0001", "DK-0003"]


@pytest.mark.parametrize("missing", [".dbf", ".shx"])
def test_a_shapefile_without_a_companion_is_refused(tmp_path: Path, missing: str) -> None:
    path = shapefile(tmp_path / "shp", "GBK")
    path.with_suffix(missing).unlink()
    with pytest.raises(UnreadableFile, match=rf"without its {missing}"):
        read_source(path, SETTINGS)
    with pytest.raises(UnreadableFile, match=rf"without its {missing}"):
        read_source(zipped(tmp_path / "a.zip", *path.parent.iterdir()), SETTINGS)


def test_a_cut_off_dbf_is_refused(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "shp", "GBK")
    content = path.with_suffix(".dbf").read_bytes()
    path.with_suffix(".dbf").write_bytes(content[:-40])
    with pytest.raises(UnreadableFile, match="cut off"):
        read_source(path, SETTINGS)


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>一号公厕</name>
<ExtendedData><Data name="编号"><value>0012</value></Data><Data name="设施类型"><value>公厕</value></Data>
</ExtendedData><Point><coordinates>113.305,33.705</coordinates></Point></Placemark></Document></kml>"""


@pytest.mark.parametrize("packed", [False, True], ids=["kml", "kmz"])
def test_kml_and_kmz_give_places_and_extended_data(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "doc.kml"
    path.write_text(KML, encoding="utf-8")
    made = plan(zipped(tmp_path / "a.kmz", path) if packed else path, FACILITIES)
    assert made.report.severities["error"] == 0
    assert (made.values["code"], made.values["kind"]) == (["0012"], ["toilet"])
    assert made.values["name_zh"] == ["一号公厕"]
    assert made.report.decision is not None
    assert made.report.decision.origin == "implied"


def drawing(path: Path, version: str, encoding: str = "gbk") -> Path:
    document = new_drawing(version)
    document.encoding = encoding
    document.header["$DWGCODEPAGE"] = "ANSI_936"
    model = document.modelspace()
    document.layers.add("地块")
    corners = shapely.get_coordinates(from_lonlat(square(), GRID))[:-1]
    model.add_lwpolyline(corners.tolist(), close=True, dxfattribs={"layer": "地块"})
    model.add_text("编号一", dxfattribs={"layer": "地块"}).set_placement(tuple(corners.mean(axis=0)))
    hatch = model.add_hatch(dxfattribs={"layer": "地块"})
    hole = shapely.get_coordinates(from_lonlat(square(column=2), GRID))
    hatch.paths.add_polyline_path(hole.tolist(), is_closed=True, flags=1)
    inner = hole.mean(axis=0) + (hole - hole.mean(axis=0)) * 0.5
    hatch.paths.add_polyline_path(inner.tolist(), is_closed=True, flags=16)
    model.add_lwpolyline([(0, 0), (1, 1)], dxfattribs={"layer": "地块"})
    document.saveas(path)
    return path


@pytest.mark.parametrize("version", ["R2000", "R2004", "R2010"])
def test_a_drawing_gives_closed_shapes_with_layer_and_label(tmp_path: Path, version: str) -> None:
    path = drawing(tmp_path / "a.dxf", version, "utf8" if version == "R2010" else "gbk")
    source = read_source(path, SETTINGS)
    assert source.columns["code"].to_pylist() == ["编号一", None]
    assert source.columns["图层"].to_pylist() == ["地块", "地块"]
    assert source.geometries is not None
    assert shapely.get_num_interior_rings(source.geometries[1]) == 1
    assert any("open" in note.en for note in source.notes)
    made = plan(path, coordinate_system=GRID)
    assert shapely.hausdorff_distance(made.geometries[0], square()) < 1e-9


def test_a_dwg_is_answered_with_save_as_dxf(tmp_path: Path) -> None:
    path = tmp_path / "a.dwg"
    path.write_bytes(b"AC1032" + b"\x00" * 100)
    with pytest.raises(UnsupportedFormat, match="Save it as DXF"):
        read_source(path, SETTINGS)


TABLES = {
    "lon-lat": ("经度,纬度", "113.305,33.705", "EPSG:4490"),
    "north-east": ("北坐标,东坐标", None, "EPSG:4547"),
    "wkt": ("WKT,x", "POINT (113.305 33.705),1", "EPSG:4490"),
}


def table_rows(places: str) -> list[list[str]]:
    header, values, _ = TABLES[places]
    if values is None:
        x, y = shapely.get_coordinates(from_lonlat(shapely.Point(113.305, 33.705), GRID))[0]
        values = f"{y:.4f},{x:.4f}"
    return [
        ["编号", "名称", "设施类型", *header.split(",")],
        ["0012", "一号公厕", "公厕", *values.split(",")],
    ]


@pytest.mark.parametrize("places", list(TABLES))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "xlsx"])
def test_tables_place_their_rows_and_keep_codes_as_text(tmp_path: Path, places: str, encoding: str) -> None:
    rows = table_rows(places)
    if encoding == "xlsx":
        path = tmp_path / "a.xlsx"
        workbook(path, {"表": rows})
    else:
        path = tmp_path / "a.csv"
        path.write_text("\r\n".join(",".join(row) for row in rows), encoding=encoding)
    made = plan(path, FACILITIES, coordinate_system=parse_crs(TABLES[places][2]))
    assert made.report.severities["error"] == 0
    assert made.values["code"] == ["0012"]
    assert made.values["name_zh"] == ["一号公厕"]
    assert shapely.get_coordinates(made.geometries[0])[0] == pytest.approx((113.305, 33.705), abs=1e-9)


def test_rows_of_a_table_are_numbered_as_a_spreadsheet_numbers_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('编号,lon,lat\nA,113.3,33.7\n\n"B\nb",113.3,33.7\nC,113.3,33.7\n', encoding="utf-8")
    assert read_source(path, SETTINGS).rows.tolist() == [2, 5, 6]


def test_two_sheets_or_layers_must_be_chosen_from(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", {"一": [["编号"]], "二": [["编号"]], "空": []})
    with pytest.raises(InvalidValue, match="2 filled sheets"):
        read_source(tmp_path / "a.xlsx", SETTINGS)
    for layer in ("一", "二"):
        frame(parcels(1)).to_file(tmp_path / "a.gpkg", layer=layer, driver="GPKG")
    with pytest.raises(InvalidValue, match="2 layers; name one of 一, 二"):
        read_source(tmp_path / "a.gpkg", SETTINGS)
    assert read_source(tmp_path / "a.gpkg", SETTINGS, "二").layer == "二"


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
    for path in (store, link, hard):
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


def test_a_parcel_without_coordinates_in_its_table_is_reported(tmp_path: Path) -> None:
    row = parcel(1)
    del row["geometry"]
    path = tmp_path / "a.csv"
    path.write_text(",".join(row) + "\n" + ",".join(row.values()), encoding="utf-8")
    assert plan(path).report.by_kind["empty"] == 1
