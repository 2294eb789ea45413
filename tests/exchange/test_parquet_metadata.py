"""What a GeoParquet says about itself may be anything: it is read, asked about or refused, never believed blindly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from gridgov.errors import UnreadableFile
from gridgov.exchange.reading import read_source
from gridgov.geo import CoordinateSystem, Epsg
from gridgov.settings import Settings
from tests.factories import square

SETTINGS = Settings()


def saying(path: Path, geo: str) -> Path:
    """A sound table with this `geo` metadata."""
    table = pa.table({"code": ["A"], "geometry": pa.array([shapely.to_wkb(square())], pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": geo}), path)
    return path


def column(**said: Any) -> str:
    return json.dumps({"primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB", **said}}})


@pytest.mark.parametrize(
    "geo", ["[" * 100_000, "[]", "{}", '{"primary_column": "geometry", "columns": {"geometry": "x"}}']
)
def test_damaged_metadata_is_refused(tmp_path: Path, geo: str) -> None:
    with pytest.raises(UnreadableFile, match="damaged GeoParquet metadata"):
        read_source(saying(tmp_path / "a.parquet", geo), SETTINGS)


@pytest.mark.parametrize(
    ("crs", "found"),
    [
        ({"id": {"authority": "EPSG", "code": 4547}}, Epsg(4547)),
        ({"id": {"authority": "EPSG", "code": 27700}}, None),
        ({"id": {"authority": "EPSG"}}, None),
        ({"id": {"authority": [], "code": {}}}, None),
        ({"id": "EPSG:4547"}, None),
        ("EPSG:4547", None),
        (None, None),
    ],
)
def test_a_system_without_a_counterpart_is_left_to_be_asked_for(
    tmp_path: Path, crs: Any, found: CoordinateSystem | None
) -> None:
    table = read_source(saying(tmp_path / "a.parquet", column(crs=crs)), SETTINGS)
    assert table.crs == found
    assert len(table) == 1
