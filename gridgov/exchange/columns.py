"""A file's column turned into the values of a field: whole columns at once, each fault with its row.

The rules are those of `gridgov.models.checking`; what is the same for many rows is checked once per distinct
value, and texts and numbers are checked as arrays.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridgov.errors import InvalidInput
from gridgov.exchange.expectations import expected_zh
from gridgov.geo import Words
from gridgov.models import Field, FieldType
from gridgov.models.checking import checked

_SCIENTIFIC = re.compile(r"^\d(?:\.\d+)?[eE]\+\d+$")
_FIRST_INEXACT = 1e15  # a spreadsheet keeps 15 digits of a number
_TEXTS = frozenset({FieldType.TEXT, FieldType.CODE})
_NUMBERS = frozenset({FieldType.NUMBER, FieldType.INTEGER})


@dataclass(frozen=True, slots=True)
class Fault:
    """One value that its field does not take: the row's position, the value as the file has it, and why."""

    position: int
    value: Any
    message: Words


@dataclass(frozen=True, slots=True)
class Converted:
    """A column as Python values of its field, None for unknown and for faulty ones; the faults by position.

    from_numbers: a code column that the file holds as numbers, so leading zeros may be lost.
    """

    values: list[Any]
    faults: tuple[Fault, ...] = ()
    from_numbers: bool = False


def convert(field: Field, column: Any, factor: float = 1.0) -> Converted:
    """Convert a pyarrow array to the values of `field`; numbers are multiplied by `factor`."""
    column = _plain(column)
    if field.type in _TEXTS:
        found = _texts(field, as_text(column))
        if field.type is not FieldType.CODE:
            return found
        return Converted(*_without_lost_digits(field, found), from_numbers=_is_number(column.type))
    if field.type in _NUMBERS:
        numbers = _as_numbers(column)
        if numbers is not None:
            return _numbers(field, numbers, column, factor)
        scaled = [_scaled(value, factor) for value in column.to_pylist()]
        return _each(field, scaled, lambda value: checked(field, value))
    if field.type in {FieldType.LIST, FieldType.OBJECT}:
        return _each(field, column.to_pylist(), lambda value: checked(field, _parsed(value)))
    if _is_number(column.type) and field.type is not FieldType.BOOLEAN:
        column = as_text(column)
    return _by_distinct_value(field, column)


def as_text(column: Any) -> Any:
    """Any plain column as text: whole numbers without a decimal point, times in ISO form; null stays null."""
    column = _plain(column)
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_floating(column.type):
        return pa.array([_number_text(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_integer(column.type):
        return pc.cast(column, pa.string())
    return pa.array([None if value is None else _text_of(value) for value in column.to_pylist()], pa.string())


def _plain(column: Any) -> Any:
    """One contiguous array, texts as `string`, dictionaries decoded, a column without any value as text."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type) or pa.types.is_large_string(column.type):
        column = pc.cast(column, pa.string())
    return column


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _texts(field: Field, column: Any) -> Converted:
    trimmed = pc.utf8_trim_whitespace(column)
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    suspect = pc.or_(
        pc.greater(pc.utf8_length(trimmed), field.max_length), pc.match_substring(trimmed, "\x00")
    )
    values = trimmed.to_pylist()
    faults = []
    for position in np.flatnonzero(suspect.fill_null(False).to_numpy(zero_copy_only=False)):
        faults.append(Fault(int(position), values[position], _complaint(field, values[position])))
        values[position] = None
    return Converted(values, tuple(faults))


def _without_lost_digits(field: Field, found: Converted) -> tuple[list[Any], tuple[Fault, ...]]:
    """Refuse codes like 4.10402E+17: a spreadsheet took them for numbers and dropped their last digits."""
    faults = list(found.faults)
    for position, value in enumerate(found.values):
        if value is not None and "+" in value and _SCIENTIFIC.match(value):
            message = Words(
                f"“{field.zh}”被表格软件转为数值，末几位已丢失；请将该列设为文本并重新填写",
                f"“{field.en}” ({field.zh}) is {value}: a spreadsheet turned the code into a number and its last "
                "digits are lost. Format the column as text and enter it again.",
            )
            faults.append(Fault(position, value, message))
            found.values[position] = None
    return found.values, tuple(faults)


def _as_numbers(column: Any) -> Any:
    """The column as float64 when it is one or its texts all read as numbers; None when some do not."""
    if _is_number(column.type):
        return pc.cast(column, pa.float64(), safe=False)
    if not pa.types.is_string(column.type):
        return None
    trimmed = pc.utf8_trim_whitespace(column)
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    try:
        return pc.cast(trimmed, pa.float64())
    except pa.ArrowInvalid:
        return None


def _numbers(field: Field, numbers: Any, column: Any, factor: float) -> Converted:
    scaled = numbers.to_numpy(zero_copy_only=False) * factor
    given = pc.is_valid(numbers).to_numpy(zero_copy_only=False)
    sound = np.isfinite(scaled)
    if field.minimum is not None:
        sound &= scaled >= field.minimum
    if field.maximum is not None:
        sound &= scaled <= field.maximum
    if field.type is FieldType.INTEGER:
        sound &= (scaled == np.floor(scaled)) & (np.abs(scaled) < 2.0**31)
    faults = tuple(
        Fault(int(position), column[int(position)].as_py(), _complaint(field, float(scaled[position])))
        for position in np.flatnonzero(given & ~sound)
    )
    plain = scaled.tolist()
    if field.type is FieldType.INTEGER:
        return Converted([int(v) if ok else None for v, ok in zip(plain, given & sound, strict=True)], faults)
    return Converted([v if ok else None for v, ok in zip(plain, given & sound, strict=True)], faults)


def _by_distinct_value(field: Field, column: Any) -> Converted:
    encoded = pc.dictionary_encode(column)
    distinct = encoded.dictionary.to_pylist()
    answers = _each(field, distinct, lambda value: checked(field, value))
    faulty = {fault.position: fault for fault in answers.faults}
    values: list[Any] = []
    faults: list[Fault] = []
    for position, index in enumerate(encoded.indices.to_pylist()):
        values.append(None if index is None else answers.values[index])
        if index in faulty:
            faults.append(Fault(position, distinct[index], faulty[index].message))
    return Converted(values, tuple(faults))


def _each(field: Field, values: Sequence[Any], check: Callable[[Any], Any]) -> Converted:
    kept: list[Any] = []
    faults: list[Fault] = []
    for position, value in enumerate(values):
        try:
            kept.append(check(value))
        except InvalidInput as error:
            kept.append(None)
            faults.append(Fault(position, value, Words(expected_zh(field), error.message)))
    return Converted(kept, tuple(faults))


def _complaint(field: Field, value: Any) -> Words:
    try:
        checked(field, value)
    except InvalidInput as error:
        return Words(expected_zh(field), error.message)
    return Words(expected_zh(field), f"“{field.en}” ({field.zh}) is {value!r:.80}, which it cannot be.")


def _scaled(value: Any, factor: float) -> Any:
    if factor == 1.0 or value is None:
        return value
    try:
        return float(str(value).replace(",", "")) * factor
    except ValueError:
        return value  # the check that follows says what is wrong with it


def _parsed(value: Any) -> Any:
    """A list or object that a format without them holds as JSON text."""
    if isinstance(value, str) and value.strip()[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def _number_text(value: float | None) -> str | None:
    if value is None:
        return None
    exact = math.isfinite(value) and value == int(value) and abs(value) < _FIRST_INEXACT
    return str(int(value)) if exact else f"{value:E}" if abs(value) >= _FIRST_INEXACT else repr(value)


def _text_of(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
