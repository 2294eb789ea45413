"""Check and convert the values of a record against its table of fields."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
import uuid
from collections.abc import Mapping
from typing import Any

import shapely

from gridgov.errors import InvalidValue, OutOfRange, UnknownField
from gridgov.models.fields import Field, FieldType, RecordKind

_TRUE = frozenset({"true", "1", "yes", "是", "有"})
_FALSE = frozenset({"false", "0", "no", "否", "无"})


def checked_values(
    kind: RecordKind, values: Mapping[str, Any], *, partial: bool = False, system: bool = False
) -> dict[str, Any]:
    """`values` converted to their fields' Python types; defaults filled in unless `partial`.

    `geometry` passes as it is (the geometry rules live in gridgov.geo). system: also system fields are taken.
    Raises UnknownField, InvalidValue, OutOfRange; each names the field and the value.
    """
    result: dict[str, Any] = {}
    for name, value in values.items():
        if name == "geometry":
            result[name] = value
            continue
        field = kind.by_name.get(name)
        if field is None or (field.system and not system):
            known = ", ".join(each.name for each in kind.writable)
            raise UnknownField(
                f"{kind.en} have no field “{name}” that can be set; the fields are {known}.", field=name
            )
        result[name] = checked(field, value)
    if not partial:
        for field in kind.fields:
            if field.name not in result and field.default is not None:
                result[field.name] = field.default
    for field in (kind.by_name["code"], *kind.fields):
        absent = not partial and field.name not in result
        if field.required and (absent or (field.name in result and result[field.name] is None)):
            raise InvalidValue(f"“{field.en}” ({field.zh}) is required for {kind.en}.", field=field.name)
    return result


def checked(field: Field, value: Any) -> Any:
    """`value` as the field's Python type; None and "" (but for a list or object) mean unknown and give None.

    Raises InvalidValue (type, vocabulary, length) or OutOfRange (bounds).
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and "\x00" in value:
        raise InvalidValue(f"“{field.en}” holds a NUL character; remove it.", field=field.name)
    return _CONVERTERS[field.type](field, value)


def _wrong(field: Field, value: Any, expected: str) -> InvalidValue:
    return InvalidValue(f"“{field.en}” ({field.zh}) is {value!r:.80}, but {expected}.", field=field.name)


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(field, value, "must be text")
    if len(value) > field.max_length:
        raise _wrong(field, value[:20] + "…", f"may have at most {field.max_length} characters")
    return value.strip()


def _code(field: Field, value: Any) -> str:
    if isinstance(value, (int, float)):
        raise _wrong(field, value, "must be text: as a number it would lose its leading zeros")
    return _text(field, value)


def _number(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _wrong(field, value, "must be a number")
    try:
        number = float(value.replace(",", "")) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError) as error:
        raise _wrong(field, value, "must be a number") from error
    if not math.isfinite(number):
        raise OutOfRange(
            f"“{field.en}” ({field.zh}) is {value}; it must be a finite number.", field=field.name
        )
    if (field.minimum is not None and number < field.minimum) or (
        field.maximum is not None and number > field.maximum
    ):
        bounds = f"from {field.minimum} to {field.maximum}".replace("None", "…")
        raise OutOfRange(
            f"“{field.en}” ({field.zh}) is {value}; it must be {bounds} {field.unit}".rstrip() + ".",
            field=field.name,
        )
    return number


def _integer(field: Field, value: Any) -> int:
    number = _number(field, value)
    if number != int(number) or abs(number) > 2**31 - 1:
        raise _wrong(field, value, "must be a whole number")
    return int(number)


def _boolean(field: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise _wrong(field, value, "must be true or false (是 or 否)")
    return word in _TRUE


def _instant(field: Field, value: Any) -> dt.datetime:
    try:
        moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise _wrong(field, value, "must be a time such as 2026-11-20T14:05:00+08:00") from error
    if moment.tzinfo is None:
        raise _wrong(field, value, "needs its time zone, such as Z or +08:00")
    try:
        utc = moment.astimezone(dt.UTC)
    except OverflowError as error:
        raise _wrong(field, value, "must lie between the years 1 and 9999") from error
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _day(field: Field, value: Any) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    parts = re.fullmatch(r"(\d{4})[-/年.](\d{1,2})[-/月.](\d{1,2})日?", str(value).strip())
    try:
        if parts is None:
            return dt.date.fromisoformat(str(value))
        year, month, day = (int(part) for part in parts.groups())
        return dt.date(year, month, day)
    except ValueError as error:
        raise _wrong(field, value, "must be a date such as 2026-11-20") from error


def _choice(field: Field, value: Any) -> str:
    vocabulary = field.vocabulary
    found = vocabulary.find(str(value)) if vocabulary is not None else str(value)
    if found is None:
        known = "、".join(f"{term.code} ({term.zh})" for term in vocabulary.terms) if vocabulary else ""
        raise _wrong(field, value, f"must be one of {known}")
    return found


def _list(field: Field, value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in re.split(r"[、,，;；]", value) if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise _wrong(field, value, "must be a list")
    return list(_plain(field, value))


def _object(field: Field, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(field, value, "must be an object")
    return dict(_plain(field, value))


def _plain(field: Field, value: Any) -> Any:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise _wrong(field, value, "must hold plain values only") from error
    if "\\u0000" in text or len(text) > 20_000:
        raise _wrong(field, text[:40], "is too long or holds a NUL character")
    return json.loads(text)


def _reference(field: Field, value: Any) -> str:
    return checked_identifier(value, field.en)


def checked_identifier(value: Any, what: str = "id") -> str:
    """A UUID as lower-case text with dashes. Raises InvalidValue."""
    try:
        return str(uuid.UUID(str(value)))
    except ValueError as error:
        raise InvalidValue(f"“{what}” is {value!r:.60}, but must be a UUID.", field=what) from error


def payload_hash(values: Mapping[str, Any]) -> str:
    """SHA-256 of what a client sent, canonical: sorted keys, geometry as WKB, times as ISO text."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, default=_canonical, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, shapely.Geometry):
        return shapely.to_wkb(value, hex=True)
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise InvalidValue(f"The value {value!r:.60} cannot be stored.")


_CONVERTERS = {
    FieldType.TEXT: _text,
    FieldType.CODE: _code,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.INSTANT: _instant,
    FieldType.DAY: _day,
    FieldType.CHOICE: _choice,
    FieldType.LIST: _list,
    FieldType.OBJECT: _object,
    FieldType.REFERENCE: _reference,
}
