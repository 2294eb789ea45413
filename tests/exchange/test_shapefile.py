"""Shapefiles: encodings proved on the bytes, cut names and texts said, companions required."""

from __future__ import annotations

import datetime as dt
import struct
from pathlib import Path
from typing import Any

import pytest

from gridgov.errors import UnreadableFile
from gridgov.exchange.planning import Options, Plan, plan_import
from gridgov.exchange.reading import read_source
from gridgov.models import PARCELS, RecordKind
from gridgov.settings import Settings
from tests.exchange.files import (
    ZONE,
    shapefile,
    zipped,
)
from tests.factories import square

SETTINGS = Settings()
NOW = dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC)


def plan(path: Path, kind: RecordKind = PARCELS, **options: Any) -> Plan:
    return plan_import(path, kind, settings=SETTINGS, now=NOW, options=Options(**options), zone_boundary=ZONE)


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
