"""A file whose shapes nest by the thousand is answered with a finding; read without care it ends the process."""

from __future__ import annotations

import json
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from gridgov.geo.screening import TOO_DEEP
from tests.exchange.files import geopackage, workbook
from tests.factories import square

# read in a process of its own: what is tested here would take this one along
READ = """
import sys
from pathlib import Path
from gridgov.errors import GridgovError
from gridgov.exchange.reading import read_source
from gridgov.settings import Settings
try:
    table = read_source(Path(sys.argv[1]), Settings())
except GridgovError as error:
    print(type(error).__name__)
else:
    print([(each.row, each.how.en) for each in table.findings], [each is None for each in table.geometries])
"""
SOUND: bytes = shapely.to_wkb(square())


def collections(depth: int) -> bytes:
    return (b"\x01" + struct.pack("<II", 7, 1)) * depth + SOUND


def csv_file(folder: Path) -> Path:
    path = folder / "a.csv"
    path.write_text(f'code,wkt\nA,"{square().wkt}"\nB,{"GEOMETRYCOLLECTION(" * 40_000}\n')
    return path


def xlsx_file(folder: Path) -> Path:
    rows = [["code", "wkt"], ["A", square().wkt], ["B", "GEOMETRYCOLLECTION(" * 1_700]]
    return workbook(folder / "a.xlsx", {"a": rows})


def parquet_file(folder: Path) -> Path:
    meta = {"primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}, "version": "1.1.0"}
    table = pa.table({"code": ["A", "B"], "geometry": pa.array([SOUND, collections(20_000)], pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(meta)}), folder / "a.parquet")
    return folder / "a.parquet"


def geopackage_file(folder: Path) -> Path:
    path = geopackage(folder)
    with sqlite3.connect(path) as base:
        for (name,) in base.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            base.execute(f'drop trigger "{name}"')
        blob = b"GP\x00\x01" + struct.pack("<I", 4547) + collections(60_000)
        base.execute("update a set geom = ? where fid = 2", (blob,))
        base.execute("delete from a where fid = 3")
    base.close()
    return path


def kml_file(folder: Path) -> Path:
    sound = "<Point><coordinates>113.3,33.7</coordinates></Point>"
    deep = "<MultiGeometry>" * 5_000 + sound + "</MultiGeometry>" * 5_000
    marks = "".join(f"<Placemark>{shape}</Placemark>" for shape in (sound, deep))
    path = folder / "a.kml"
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{marks}</Document></kml>')
    return path


@pytest.mark.parametrize("make", [csv_file, xlsx_file, parquet_file, geopackage_file, kml_file])
def test_a_deep_shape_is_a_finding_of_its_row(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert read_apart(make(tmp_path)) == f"{[(1, TOO_DEEP.en)]} [False, True]"


def read_apart(path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-500:]}"
    return done.stdout.strip()


def test_a_deep_geojson_is_answered(tmp_path: Path) -> None:
    depth = 20_000
    start = '{"type":"GeometryCollection","geometries":['
    point = '{"type":"Point","coordinates":[113.3,33.7]}'
    shape = start * depth + point + "]}" * depth
    path = tmp_path / "a.geojson"
    path.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":'
        + shape
        + "}]}"
    )
    assert read_apart(path) == "UnreadableFile"
