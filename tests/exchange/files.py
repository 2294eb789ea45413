"""Files to import, made by the tests themselves."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import shapely

from gridgov.geo import Epsg, from_lonlat
from tests.factories import square

ZONE = shapely.box(113.28, 33.68, 113.42, 33.80)
DISTRICTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "pingdingshan_districts_gcj02.geojson"


def parcel(number: int, **changes: Any) -> dict[str, Any]:
    """The columns of one parcel as a planner's table has them, with `geometry`."""
    row: dict[str, Any] = {
        "编号": f"DK-{number:04d}",
        "名称": f"{number}号地块",
        "用地代码": "1001",
        "分类标准": "ydyh-2023",
        "geometry": square(column=2 * number),
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not ...}


def parcels(count: int = 3) -> list[dict[str, Any]]:
    """Parcels that stand apart from each other."""
    return [parcel(number) for number in range(1, count + 1)]


def feature(row: dict[str, Any]) -> dict[str, Any]:
    """One row as a GeoJSON feature; its geometry may be shapely, a dict or None."""
    shape = row["geometry"]
    if isinstance(shape, shapely.Geometry):
        shape = json.loads(shapely.to_geojson(shape))
    properties = {name: value for name, value in row.items() if name != "geometry"}
    return {"type": "Feature", "properties": properties, "geometry": shape}


def write_geojson(path: Path, rows: Sequence[dict[str, Any]], **members: Any) -> Path:
    """A GeoJSON file of the rows; members: further members of the collection, such as crs."""
    collection = {"type": "FeatureCollection", **members, "features": [feature(row) for row in rows]}
    path.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    return path


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
