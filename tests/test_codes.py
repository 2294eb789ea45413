"""Land-use codes: the table holds together, and a doubtful code is said, never repaired."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from gridgov import codes
from gridgov.codes import CodeFault
from gridgov.errors import ConfigurationProblem, InvalidValue

HEAD = "scheme,code,name_zh,parent,level,color,successor_2023\n"


def test_the_classes_of_2023_are_24_first_111_second_and_40_third_level() -> None:
    levels = Counter(use.level for use in codes.land_uses().values() if use.scheme == "ydyh-2023")
    assert levels == {1: 24, 2: 111, 3: 40}


def test_every_class_has_a_name_and_stands_under_a_class_one_level_up() -> None:
    for use in codes.land_uses().values():
        assert use.name_zh
        if use.parent is None:
            assert use.level == 1
        else:
            parent = codes.find(use.scheme, use.parent)
            assert parent is not None
            assert parent.level == use.level - 1


def test_every_class_of_2023_has_a_plan_colour_and_older_ones_take_their_successors() -> None:
    assert all(
        codes.color(use.scheme, use.code) == use.color
        for use in codes.land_uses().values()
        if use.scheme == "ydyh-2023"
    )
    assert codes.color("sd-2019", "0601") == codes.color("ydyh-2023", "1001") == "#bb9674"
    assert codes.color("sd-2019", "9999") is None


@pytest.mark.parametrize(
    ("scheme", "name"), [("ydyh-2023", "农村道路"), ("ydyh-2020", "乡村道路用地"), ("sd-2019", "工业用地")]
)
def test_0601_means_other_land_in_each_scheme(scheme: str, name: str) -> None:
    use = codes.find(scheme, "0601")
    assert use is not None
    assert use.name_zh == name


def test_a_code_without_scheme_is_answered_with_its_disagreeing_meanings() -> None:
    verdict = codes.judge(None, "0601")
    assert verdict.fault is CodeFault.NO_SCHEME
    assert [use.name_zh for use in verdict.meanings] == ["农村道路", "乡村道路用地", "工业用地"]
    assert verdict.suggestion is None


def test_the_name_beside_a_code_suggests_its_scheme() -> None:
    assert codes.judge(None, "0601", "工业用地").suggestion == "sd-2019"
    assert codes.suggest_scheme("1001", "工业") == ("ydyh-2023", "ydyh-2020")
    assert codes.suggest_scheme("1001", None) == ()


@pytest.mark.parametrize(
    ("given", "scheme", "whole"),
    [
        ("601", "sd-2019", "0601"),
        ("7", "ydyh-2023", "07"),
        ("7.0", "ydyh-2023", "07"),
        ("10.0", "ydyh-2023", "10"),
        ("60102", "ydyh-2023", "060102"),
        ("601", None, "0601"),
    ],
)
def test_a_code_that_lost_its_zero_is_recognised(given: str, scheme: str | None, whole: str) -> None:
    verdict = codes.judge(scheme, given)
    assert verdict.fault is CodeFault.LOST_ZERO
    assert verdict.suggestion == whole
    assert verdict.use is None


@pytest.mark.parametrize("given", ["0601", "05H1", "999", "abc", "", "7.5"])
def test_other_codes_have_lost_no_zero(given: str) -> None:
    assert codes.lost_zero(given, "sd-2019") is None


def test_a_name_of_another_scheme_is_said() -> None:
    verdict = codes.judge("ydyh-2023", "05", "商业服务业用地")
    assert verdict.fault is CodeFault.OTHER_NAME
    assert verdict.suggestion == "sd-2019"
    assert "湿地" in codes.describe("ydyh-2023", "05", verdict, "zh")


def test_a_code_that_stands_has_no_fault_and_no_sentence() -> None:
    verdict = codes.judge("ydyh-2023", "100101", "一类工业")
    assert verdict.fault is None
    assert verdict.use == codes.find("ydyh-2023", "100101")
    assert codes.describe("ydyh-2023", "100101", verdict) == ""


@pytest.mark.parametrize(("scheme", "code"), [("ydyh-2023", "9901"), (None, "0601"), ("ydyh-2023", "601")])
def test_require_refuses_what_is_in_doubt(scheme: str | None, code: str) -> None:
    with pytest.raises(InvalidValue, match=code):
        codes.require(scheme, code)


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("ydyh-2023,01,耕地,,1,,\nydyh-2023,01,耕地,,1,,\n", "twice"),
        ("ydyh-2023,0101,水田,01,2,,\n", "no parent 01"),
        ("ydyh-2023,01,耕地,,2,,\n", "has no parent"),
        ("ydyh-2023,01,耕地,,1,,\nydyh-2023,010101,水田,01,3,,\n", "one level above"),
        ("sd-2019,01,耕地,,1,,0101\n", "lacks"),
        ("mine,01,耕地,,1,,\n", "scheme"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(tmp_path: Path, rows: str, fault: str) -> None:
    table = tmp_path / "land_use_codes.csv"
    table.write_text(HEAD + rows, encoding="utf-8")
    with pytest.raises(ConfigurationProblem, match=rf"land_use_codes\.csv, line \d: .*{fault}"):
        codes.read_land_uses(table)
