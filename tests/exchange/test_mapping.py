"""Columns find their fields by every name a planner gives them, and nothing is dropped in silence."""

from __future__ import annotations

import pytest

from gridgov.errors import UnknownField
from gridgov.exchange.mapping import map_columns
from gridgov.models import AREAS, KINDS, PARCELS, PLANTS, UNITS, RecordKind


@pytest.mark.parametrize(
    ("column", "kind", "field", "factor"),
    [
        ("编号", PARCELS, "code", 1),
        ("code", PARCELS, "code", 1),
        ("CODE ", PARCELS, "code", 1),
        ("DKBH", PARCELS, "code", 1),
        ("YDXZDM", PARCELS, "land_code", 1),
        ("用地代码", PARCELS, "land_code", 1),
        ("land-use scheme", PARCELS, "land_scheme", 1),
        ("面积", PARCELS, "area_claimed_m2", 1),
        ("面积(亩)", PARCELS, "area_claimed_mu", 1),
        ("面积（亩）", PARCELS, "area_claimed_mu", 1),
        ("面积(平方米)", PARCELS, "area_claimed_m2", 1),
        ("面积(㎡)", PARCELS, "area_claimed_m2", 1),
        ("面积（公顷）", PARCELS, "area_claimed_m2", 10_000),
        ("证载面积(亩)", PARCELS, "area_claimed_mu", 1),
        ("面积(亩)", AREAS, "area_claimed_mu", 1),
        ("净高（米）", UNITS, "clear_height_m", 1),
        ("净高(mm)", UNITS, "clear_height_m", 0.001),
        ("楼面荷载(kN/㎡)", UNITS, "floor_load_kn_m2", 1),
        ("厂房编号", UNITS, "plant_id", 1),
        ("所在厂房", UNITS, "plant_id", 1),
        ("plant_code", UNITS, "plant_id", 1),
        ("建筑面积（万平方米）", PLANTS, "floor_area_m2", 10_000),
        ("可租面积(亩)", UNITS, "lettable_m2", pytest.approx(2000 / 3)),
        ("地类名称", PARCELS, "land_name", 1),
    ],
)
def test_a_column_is_known_by(column: str, kind: RecordKind, field: str, factor: float) -> None:
    (match,) = map_columns([column], kind)
    assert (match.field, match.factor) == (field, factor)


@pytest.mark.parametrize(
    "column", ["颜色", "id", "fid", "净高(公斤)", "面积(份)", "revision", "created_by", "payload_hash"]
)
def test_other_columns_are_left_out(column: str) -> None:
    for kind in (PARCELS, UNITS):
        (match,) = map_columns([column], kind)
        assert match.field is None


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_field_is_found_by_its_name_and_both_labels(kind: RecordKind) -> None:
    for field in kind.writable:
        if field.name != "id":
            assert map_columns([field.name], kind)[0].field == field.name
            assert map_columns([field.zh], kind)[0].field is not None
            assert map_columns([field.en], kind)[0].field is not None


def test_the_better_name_wins_and_the_other_says_why_it_is_left_out() -> None:
    alias, name = map_columns(["DKBH", "编号"], PARCELS)
    assert (name.field, alias.field, alias.taken_by) == ("code", None, "编号")


def test_a_person_decides_over_names() -> None:
    matches = map_columns(["编号", "名称", "别名"], PARCELS, {"名称": "", "别名": "name_zh"})
    assert [match.field for match in matches] == ["code", None, "name_zh"]
    assert [match.how for match in matches] == ["label", "given", "given"]


def test_a_cut_name_is_recognised_only_where_names_are_cut_and_only_when_one_field_fits() -> None:
    assert map_columns(["现状用地代"], PARCELS)[0].field is None
    assert map_columns(["现状用地代"], PARCELS, cut_names=True)[0].field == "land_code"
    assert map_columns(["规划用地"], PARCELS, cut_names=True)[0].field is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"没有": "code"}, "no column '没有'"),
        ({"编号": "nothing"}, "no field 'nothing'"),
        ({"编号": "revision"}, "revision"),
    ],
)
def test_a_mapping_to_nowhere_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(UnknownField, match=said):
        map_columns(["编号"], PARCELS, given)
