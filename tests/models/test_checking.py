"""Values from outside: converted to their field's type, or refused with the field, the value and what to do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridgov.errors import InvalidValue, OutOfRange, UnknownField
from gridgov.models import KINDS, PARCELS, UNITS
from gridgov.models.checking import checked, checked_values, payload_hash
from gridgov.models.identifiers import new_identifier

FIELD = {kind.name: kind.by_name for kind in KINDS.values()}


@pytest.mark.parametrize(
    ("kind", "field", "given", "expected"),
    [
        ("parcels", "stage", "净地", "clear"),
        ("parcels", "stage", "Clear land", "clear"),
        ("parcels", "land_code", "0601", "0601"),
        ("parcels", "area_claimed_m2", "66,666.7", 66666.7),
        ("parcels", "rights_clear", "是", True),
        ("parcels", "rights_clear", 0, False),
        ("parcels", "plan_year", "2026", 2026),
        ("parcels", "as_of", "2026年11月20日", dt.date(2026, 11, 20)),
        ("parcels", "as_of", "2026/1/2", dt.date(2026, 1, 2)),
        ("areas", "industries", "电气装备、尼龙新材料", ["电气装备", "尼龙新材料"]),
        (
            "listings",
            "published_at",
            "2026-11-20T14:05:00+08:00",
            dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC),
        ),
        ("parcels", "name_zh", "  ", None),
        ("parcels", "name_zh", "𠮷 地块", "𠮷 地块"),
    ],
)
def test_a_value_is_converted(kind: str, field: str, given: Any, expected: Any) -> None:
    assert checked(FIELD[kind][field], given) == expected


@pytest.mark.parametrize(
    ("kind", "field", "given", "error", "says"),
    [
        ("parcels", "land_code", 601, InvalidValue, "leading zeros"),
        ("parcels", "stage", "快好了", InvalidValue, "净地"),
        ("parcels", "plot_ratio_max", "99", OutOfRange, "0 to 50"),
        ("parcels", "plot_ratio_max", float("nan"), OutOfRange, "finite"),
        ("parcels", "area_claimed_m2", float("inf"), OutOfRange, "finite"),
        ("parcels", "area_claimed_m2", -1, OutOfRange, "0"),
        ("parcels", "plan_year", 2026.5, InvalidValue, "whole"),
        ("parcels", "as_of", "31.02.2026", InvalidValue, "2026-11-20"),
        ("listings", "published_at", "2026-11-20T14:05:00", InvalidValue, "time zone"),
        ("parcels", "name_zh", "x" * 201, InvalidValue, "200"),
        ("parcels", "name_zh", "a\x00b", InvalidValue, "NUL"),
        ("parcels", "name_zh", 7, InvalidValue, "text"),
        ("parcels", "rights_clear", "vielleicht", InvalidValue, "true or false"),
        ("units", "plant_id", "no uuid", InvalidValue, "UUID"),
        ("units", "cranes", {"a": 1}, InvalidValue, "list"),
        ("units", "unknown", {"a": float("nan")}, InvalidValue, "plain"),
    ],
)
def test_a_wrong_value_is_refused_in_words(
    kind: str, field: str, given: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        checked(FIELD[kind][field], given)


def test_clients_cannot_set_what_gridgov_writes() -> None:
    for name in ("version", "created_by", "area_geodesic_m2", "payload_hash"):
        with pytest.raises(UnknownField, match=name):
            checked_values(PARCELS, {"code": "A", name: 1})
    with pytest.raises(UnknownField, match="nonsense"):
        checked_values(PARCELS, {"code": "A", "nonsense": 1})


def test_required_fields_and_defaults() -> None:
    assert checked_values(PARCELS, {"code": "A"})["visibility"] == "public"
    with pytest.raises(InvalidValue, match="编号"):
        checked_values(PARCELS, {"name_zh": "A"})
    with pytest.raises(InvalidValue, match="所在厂房"):
        checked_values(UNITS, {"code": "A"})
    assert checked_values(UNITS, {"floor": None}, partial=True) == {"floor": None}
    with pytest.raises(InvalidValue, match="所在厂房"):
        checked_values(UNITS, {"plant_id": None}, partial=True)


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9), max_size=5))
def test_the_payload_hash_does_not_depend_on_order(values: dict[str, Any]) -> None:
    backwards = dict(reversed(values.items()))
    assert payload_hash(values) == payload_hash(backwards)
    assert payload_hash(values) != payload_hash({**values, "another key": 1})


def test_identifiers_sort_by_the_time_they_were_made() -> None:
    moments = [dt.datetime(2026, 11, 20, second=second, tzinfo=dt.UTC) for second in range(5)]
    made = [new_identifier(moment) for moment in moments]
    assert made == sorted(made)
    assert {identifier[14] for identifier in made} == {"7"}
    assert len({new_identifier(moments[0]) for _ in range(1000)}) == 1000


def test_every_vocabulary_finds_its_codes_and_labels() -> None:
    for kind in KINDS.values():
        for field in kind.fields:
            for term in field.vocabulary.terms if field.vocabulary else ():
                assert {checked(field, text) for text in (term.code, term.zh, term.en)} == {term.code}
