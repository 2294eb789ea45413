"""A link in words, in both languages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gridgov.geo.words import Language
from gridgov.models.vocabulary import LINK_RULES
from gridgov.serving.linking import Link, explain
from gridgov.serving.linking.explain import SENTENCES

NAMES = {"7": ("高阳社区3号微网格", "Gaoyang cell 3"), "8": ("遵化店镇", None)}
INSIDE = Link("micro_grid", "7", "GY-03", "contains", 0.0, 12.3, False, False, 1)


def say(language: Language, accuracy_m: float | None = None, **changes: Any) -> str:
    (sentence,) = explain([replace(INSIDE, **changes)], NAMES, language, accuracy_m)
    return sentence


def test_every_rule_has_a_sentence() -> None:
    assert set(SENTENCES) == {*LINK_RULES, "overlap"}


@pytest.mark.parametrize(
    ("changes", "chinese", "english"),
    [
        (
            {},
            "微网格：高阳社区3号微网格（GY-03），距边界 12 m。",
            "Community grid cell: Gaoyang cell 3 (GY-03), 12 m from its border.",
        ),
        (
            {"rule": "border", "border_m": 0.02, "doubtful": True},
            "微网格：高阳社区3号微网格（GY-03），位于公共边界上（0.05 m 以内），归编号最小者；存疑，请核对。",
            (
                "Community grid cell: Gaoyang cell 3 (GY-03), on a shared border (within 0.05 m), "
                "so the lowest code; doubtful, please check."
            ),
        ),
        (
            {"rule": "nearest", "distance_m": 199.4, "border_m": 199.4, "doubtful": True},
            "微网格：高阳社区3号微网格（GY-03），不在任何微网格内，就近归属，相距 199 m；存疑，请核对。",
            (
                "Community grid cell: Gaoyang cell 3 (GY-03), the nearest; the point is in none, 199 m away; "
                "doubtful, please check."
            ),
        ),
        (
            {"rule": "outside", "area_id": None, "code": None, "distance_m": None, "border_m": None},
            "微网格：不在任何微网格内。",
            "Community grid cell: in none.",
        ),
        (
            {"rule": "outside", "level": "estate", "area_id": None, "code": None, "border_m": 0.04},
            "小区：不在任何小区内，最近的相距 0.04 m。",
            "Estate: in none, the nearest is 0.04 m away.",
        ),
        (
            {"hierarchy": True},
            "微网格：高阳社区3号微网格（GY-03），距边界 12 m；上级区域与位置不符，请核对。",
            (
                "Community grid cell: Gaoyang cell 3 (GY-03), 12 m from its border; "
                "its parent in the tree is not the area found one level up, please check."
            ),
        ),
        (
            {"rule": "share", "share": 0.25, "main": False, "border_m": None},
            "微网格：高阳社区3号微网格（GY-03），占面积 25 %。",
            "Community grid cell: Gaoyang cell 3 (GY-03), 25 % of the area.",
        ),
        (
            {"share": 0.99996},
            "微网格：高阳社区3号微网格（GY-03），距边界 12 m，占面积 > 99.9 %。",
            "Community grid cell: Gaoyang cell 3 (GY-03), 12 m from its border, > 99.9 % of the area.",
        ),
    ],
    ids=[
        "contains",
        "border",
        "nearest",
        "outside",
        "outside, one near",
        "hierarchy",
        "share",
        "main with share",
    ],
)
def test_the_sentence_says_which_rule_fired(changes: dict[str, Any], chinese: str, english: str) -> None:
    assert say("zh", **changes) == chinese
    assert say("en", **changes) == english


def test_an_accuracy_that_reaches_over_the_border_is_named() -> None:
    assert say("zh", 25, doubtful=True).endswith("距边界 12 m；定位精度 25 m，可能在边界另一侧，存疑。")
    assert say("en", 25, doubtful=True).endswith(
        "the accuracy of 25 m reaches over the border, so this is doubtful."
    )


def test_an_accuracy_better_than_the_border_is_far_says_nothing() -> None:
    assert say("zh", 5) == say("zh")


def test_an_area_without_an_english_name_goes_by_its_chinese_one_and_an_unknown_one_by_its_code() -> None:
    assert say("en", area_id="8", code="ZHD", level="street").startswith("Street or town: 遵化店镇 (ZHD), ")
    assert say("en", area_id="9", code="X9").startswith("Community grid cell: X9, ")


@pytest.mark.parametrize(
    ("border_m", "words"), [(0.042, "0.04 m"), (9.94, "9.9 m"), (999.4, "999 m"), (1234, "1.2 km")]
)
def test_distances_are_as_fine_as_a_person_needs(border_m: float, words: str) -> None:
    assert f"，距边界 {words}。" in say("zh", border_m=border_m)
