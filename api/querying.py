"""Query parameters of a list into a store query. A parameter that nobody knows is refused by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.geometry import read_box, read_crs, read_numbers, read_position
from gridgov import geo
from gridgov.errors import InvalidFilter, InvalidValue, OutOfRange, UnknownField
from gridgov.models import FieldType, RecordKind
from gridgov.store import Filter, Near, Query

LIST_PARAMETERS: Final = (
    "bbox", "crs", "near", "radius", "area", "q", "order", "cursor", "limit", "ended", "total", "format",
)  # fmt: skip
PAGE: Final = 100
RADIUS_M: Final = 500.0
TEXT_MAX: Final = 200
# field type → operators beside equality; lists and objects can only be asked for absence.
OPERATORS: Final = ("ge", "le", "null")
_UNORDERED: Final = frozenset({FieldType.BOOLEAN, FieldType.CHOICE, FieldType.REFERENCE})
_OPAQUE: Final = frozenset({FieldType.LIST, FieldType.OBJECT})
_LOST_PLUS: Final = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)$")


@dataclass(frozen=True, slots=True)
class Listing:
    """A list as it was asked for. area: code of an area still to be looked up, "" for none."""

    query: Query
    area: str = ""
    total: bool = False
    geojson: bool = False


def operators_of(kind: RecordKind, name: str) -> tuple[str, ...]:
    """The operators with which a list can be filtered by a field: eq, ge, le, null."""
    field = kind.by_name[name]
    if field.type in _OPAQUE:
        return ("null",)
    return ("eq", "null") if field.type in _UNORDERED else ("eq", *OPERATORS)


def read_listing(kind: RecordKind, pairs: Sequence[tuple[str, str]], page_max: int) -> Listing:
    """The parameters of a list. Raises UnknownField, InvalidFilter, InvalidValue or OutOfRange with the name."""
    given: dict[str, str] = {}
    filters: dict[tuple[str, str], list[str]] = {}
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise InvalidValue("A parameter holds a NUL character; remove it.")
        if name in LIST_PARAMETERS:
            if name in given:
                raise InvalidFilter(f"“{name}” is given twice; give it once.", field=name)
            given[name] = value
        else:
            filters.setdefault(_split(kind, name), []).append(value)
    crs = read_crs(given.get("crs"))
    query = Query(
        filters=tuple(_filter(kind, *key, values) for key, values in filters.items()),
        box=read_box(given["bbox"], crs) if "bbox" in given else None,
        near=_near(given, crs),
        text=_text(given.get("q", "")),
        order=given.get("order", "code"),
        after=given.get("cursor"),
        limit=read_limit(given.get("limit", str(min(PAGE, page_max))), page_max),
        ended=read_truth("ended", given.get("ended")),
    )
    style = given.get("format", "json")
    if style not in ("json", "geojson"):
        raise InvalidValue(f"“format” is {style!r:.40}, but must be json or geojson.", field="format")
    return Listing(query, given.get("area", ""), read_truth("total", given.get("total")), style == "geojson")


def _split(kind: RecordKind, name: str) -> tuple[str, str]:
    field, _, operator = name.partition("__")
    if field not in kind.by_name or field == "payload_hash":
        raise UnknownField(
            f"There is no parameter or field “{name[:60]}” for {kind.en}; /docs lists them.",
            parameter=name[:60],
        )
    operator = operator or "eq"
    if operator not in operators_of(kind, field):
        known = ", ".join(operators_of(kind, field))
        raise InvalidFilter(
            f"{kind.en} can be filtered by “{field}” with {known}, not {operator[:20]}.", field=field
        )
    return field, operator


def _filter(kind: RecordKind, name: str, operator: str, values: list[str]) -> Filter:
    if kind.by_name[name].type is FieldType.INSTANT:
        values = [_LOST_PLUS.sub(r"\1+\2", value) for value in values]
    if operator == "null":
        return Filter(name, "null", read_truth(f"{name}__null", values[-1]))
    if any(not value.strip() for value in values):
        raise InvalidFilter(
            f"“{name}” is empty; ask for records without it by {name}__null=true.", field=name
        )
    if operator != "eq" and len(values) > 1:
        raise InvalidFilter(f"“{name}__{operator}” is given twice; give it once.", field=name)
    if len(values) == 1:
        return Filter(name, operator, values[0])
    return Filter(name, "in", tuple(values))


def _near(given: dict[str, str], crs: geo.CoordinateSystem) -> Near | None:
    if "near" not in given:
        if "radius" in given:
            raise InvalidFilter("“radius” needs “near”, the point it is meant around.", field="radius")
        return None
    x, y = read_numbers("near", given["near"], 2)
    (radius,) = read_numbers("radius", given.get("radius", str(RADIUS_M)), 1)
    if "order" in given:
        raise InvalidFilter("“near” orders by distance; leave “order” out.", field="order")
    return Near(*read_position(x, y, crs), radius)


def read_limit(text: str, page_max: int) -> int:
    """The parameter `limit`. Raises OutOfRange."""
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not 1 <= int(text) <= page_max:
        raise OutOfRange(
            f"“limit” is {text[:20]}; it must be a whole number from 1 to {page_max}.", field="limit"
        )
    return int(text)


def _text(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise OutOfRange(f"“q” has {len(text)} characters; at most {TEXT_MAX} are searched for.", field="q")
    return text.strip()


def read_truth(name: str, text: Any) -> bool:
    """A parameter that is true or false; None and "" are false. Raises InvalidValue."""
    if text in (None, "", "false", "0"):
        return False
    if text in ("true", "1"):
        return True
    raise InvalidValue(f"“{name}” is {text!r:.20}, but must be true or false.", field=name)


def known_parameters(pairs: Sequence[tuple[str, str]], known: Sequence[str]) -> dict[str, str]:
    """The parameters of a route with a closed list of them, each at most once. Raises UnknownField, InvalidFilter."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise UnknownField(
                f"There is no parameter “{name[:60]}” here; the parameters are {', '.join(known) or 'none'}.",
                parameter=name[:60],
            )
        if name in given:
            raise InvalidFilter(f"“{name}” is given twice; give it once.", field=name)
        if "\x00" in value:
            raise InvalidValue(f"“{name}” holds a NUL character; remove it.", field=name)
        given[name] = value
    return given
