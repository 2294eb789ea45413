"""Numbers, dates and field values as people read them, in Chinese or English. Plain text, not yet escaped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from gridgov.geo.measure import square_metres_to_mu
from gridgov.geo.words import Language
from gridgov.models import Field, FieldType
from gridgov.models.vocabulary import UNKNOWN_REASONS
from maps.words import say

CHINA_TIME: Final = dt.timezone(dt.timedelta(hours=8), "UTC+8")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS_ZH: Final = {"m²": "㎡", "mu": "亩", "yuan/m²/month": "元/㎡·月"}
_UNITS_EN: Final = {"yuan/m²/month": "yuan/m² a month"}


def square_metres(area: float, language: Language) -> str:
    """A building's area: whole ㎡ with thousands separators."""
    return f"{area:,.0f}㎡" if language == "zh" else f"{area:,.0f} m²"


def mu(area_m2: float, language: Language) -> str:
    """Land of `area_m2` square metres in mu, one decimal."""
    return f"{square_metres_to_mu(float(area_m2)):,.1f} {say('mu', language)}"


def square_kilometres(area_m2: float) -> str:
    """A territory of `area_m2` square metres, two decimals."""
    return f"{area_m2 / 1e6:,.2f} km²"


def plain(number: float) -> str:
    """A number with thousands separators and no idle zeros: 9.0 → 9, 9.25 → 9.3."""
    return f"{number:,.1f}".removesuffix(".0")


def day(value: dt.date, language: Language) -> str:
    """A date: 2026年11月20日 or 20 Nov 2026."""
    if language == "zh":
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def instant(value: dt.datetime, now: dt.datetime, language: Language) -> str:
    """A moment in China time: 11月20日 14:05, with the year when it is not that of `now`. Both are aware."""
    local = value.astimezone(CHINA_TIME)
    same_year = local.year == now.astimezone(CHINA_TIME).year
    text = day(local.date(), language)
    if same_year:
        text = text.removeprefix(f"{local.year}年").removesuffix(f" {local.year}")
    return f"{text} {local:%H:%M}"


def value(field: Field, raw: Any, now: dt.datetime, language: Language) -> str:
    """The value of `field` with its unit; "" for None, an empty list or an empty object."""
    if raw is None or raw in ([], {}, ""):
        return ""
    match field.type:
        case FieldType.CHOICE if field.vocabulary is not None:
            text = field.vocabulary.label(raw, language)
        case FieldType.BOOLEAN:
            text = say("yes" if raw else "no", language)
        case FieldType.INSTANT:
            text = instant(raw, now, language)
        case FieldType.DAY:
            text = day(raw, language)
        case FieldType.LIST:
            text = ("、" if language == "zh" else ", ").join(_element(each) for each in raw)
        case FieldType.NUMBER | FieldType.INTEGER:
            text = _number(field, raw, language)
        case _:
            text = str(raw)
    return text


def unknown_reason(record: Mapping[str, Any], name: str, language: Language) -> str:
    """Why a value is unknown: the recorded reason, else just "unknown"."""
    reason = (record.get("unknown") or {}).get(name)
    return UNKNOWN_REASONS.label(reason, language) if reason else say("unknown", language)


def _number(field: Field, raw: float, language: Language) -> str:
    if field.name.endswith("year"):
        return str(int(raw))
    units = _UNITS_ZH if language == "zh" else _UNITS_EN
    unit = units.get(field.unit, field.unit)
    text = f"{raw:,.0f}" if field.unit == "m²" else plain(raw)
    return f"{text}{'' if unit == '㎡' else ' '}{unit}".rstrip()


def _element(each: Any) -> str:
    """One element of a list: text as it is, an object (a crane) by its plain values."""
    if isinstance(each, dict):
        return " ".join(str(part) for part in each.values() if part is not None)
    return str(each)
