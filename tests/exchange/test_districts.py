"""The real districts of Pingdingshan: a perfect coverage, until one of them is moved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import shapely

from gridgov.exchange.planning import Options, plan_import
from gridgov.geo import Gcj02
from gridgov.models import AREAS
from gridgov.settings import Settings
from tests.exchange.files import DISTRICTS, feature
from tests.exchange.planned import NOW, plan
from tests.factories import square


def test_the_real_districts_have_no_gap_nor_overlap_and_a_moved_one_has_both(tmp_path: Path) -> None:
    options = Options(Gcj02(), columns={"adcode": "code", "level": "kind"})
    made = plan_import(DISTRICTS, AREAS, settings=Settings(), now=NOW, options=options)
    assert {"gap", "overlap"}.isdisjoint(made.report.by_kind)
    rows = [
        {"编号": code, "类型": "district", "名称": code, "geometry": shape}
        for code, shape in zip(made.values["code"], made.geometries, strict=True)
    ]
    rows[0]["geometry"] = shapely.transform(rows[0]["geometry"], lambda lonlat: np.add(lonlat, (0.0002, 0.0)))
    path = tmp_path / "moved.geojson"
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature(row) for row in rows]}),
        encoding="utf-8",
    )
    moved = plan_import(path, AREAS, settings=Settings(), now=NOW)
    assert moved.report.by_kind["gap"] >= 1
    assert moved.report.by_kind["overlap"] >= 1
    assert all(
        "410402" in {each.reference, each.value}
        for each in moved.report.problems
        if each.kind in {"gap", "overlap"}
    )


def test_districts_may_lie_outside_the_zone_and_parks_may_not(tmp_path: Path) -> None:
    far = square(column=3000)
    for kind, problems in (("district", {}), ("zone", {}), ("park", {"far_outside_zone": 1})):
        row = {"编号": "A-1", "类型": kind, "名称": "甲", "geometry": far}
        assert plan(tmp_path, [row], AREAS).report.by_kind == problems
