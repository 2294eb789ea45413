"""The report is data: JSON for programs, GeoJSON for a map; long ones are cut but counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import shapely

from gridgov.exchange.problems import MOST_LISTED, PROBLEM_KINDS, ProblemList
from tests.exchange.files import parcel
from tests.exchange.planned import BOWTIE, plan
from tests.factories import square


def test_it_is_json_and_geojson(tmp_path: Path) -> None:
    report = plan(tmp_path, [parcel(1, 颜色="红", geometry=BOWTIE), parcel(2, 进度="胡说")]).report
    told = json.loads(json.dumps(report.as_dict(), ensure_ascii=False))
    assert told["counts"] == {"rows": 2, "created": 1, "changed": 0, "unchanged": 0, "rejected": 1}
    assert told["coordinate_system"]["key"] == "EPSG:4326"
    assert {"column": "编号", "field": "code", "how": "label", "factor": 1.0} in told["mapping"]
    places = report.faulty_places()
    assert [each["properties"]["kind"] for each in places["features"]] == ["wrong_value", "self_crossing"]
    assert shapely.from_geojson(json.dumps(places["features"][0]["geometry"])).within(square(column=4))


def test_it_lists_a_thousand_of_a_kind_and_counts_all() -> None:
    problems = ProblemList(np.arange(1, 3001))
    problems.add_rows("empty", range(2500))
    assert len(list(problems)) == MOST_LISTED
    assert problems.counts["empty"] == 2500
    assert int(problems.bad.sum()) == 2500


def test_every_kind_speaks_both_languages() -> None:
    for kind in PROBLEM_KINDS.values():
        assert all((*kind.title, *kind.remedy))
