"""Check the values of an import: columns become fields, required ones are there, the rest is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gridgov.exchange.columns import as_text, convert
from gridgov.exchange.existing import Existing
from gridgov.exchange.mapping import LAND_NAMES, ColumnMatch
from gridgov.exchange.problems import ProblemList
from gridgov.exchange.source import SourceTable
from gridgov.models import Field, FieldType, RecordKind
from gridgov.models.checking import checked

# What a record that came from a file says of itself when the file does not.
_IMPLIED: Mapping[str, Mapping[str, Any]] = {"issues": {"position_source": "import"}}


def check_values(
    source: SourceTable,
    kind: RecordKind,
    matches: Sequence[ColumnMatch],
    constants: Mapping[str, Any],
    existing: Existing,
    problems: ProblemList,
) -> dict[str, list[Any]]:
    """The values of every row by field, faulty ones None and reported; also the names beside land-use codes.

    References still hold what the file says (a code or an id). constants fill rows without a value of their
    own; a required value may be missing only in a row whose code the store has already.
    """
    values: dict[str, list[Any]] = {}
    _report_left_out(source, matches, problems)
    for match in sorted(
        matches, key=lambda each: each.field != "code"
    ):  # codes first: problems name rows by them
        if match.field is None:
            continue
        column = source.columns[match.column]
        if match.field in LAND_NAMES.values():
            values[match.field] = as_text(column).to_pylist()
            continue
        found = kind.by_name[match.field]
        converted = convert(_as_code(found), column, match.factor)
        values[match.field] = converted.values
        if match.field == "code":
            problems.references = converted.values
        for fault in converted.faults:
            problems.add(
                "wrong_value", fault.position, field=found.name, value=fault.value, text=fault.message
            )
        was_number = found.type is FieldType.CODE and match.column in source.numbers
        if converted.from_numbers or was_number:
            problems.add("number_as_code", field=match.column)
        if match.how == "cut":
            problems.add("names_cut", field=match.column, value=match.column, field_name=found.name)
    _fill_constants(kind, constants, [True] * len(source), values)
    known = frozenset(existing.codes)
    new = [code not in known for code in values.get("code") or [None] * len(source)]
    _fill_constants(kind, _IMPLIED.get(kind.name, {}), new, values)
    _check_required(kind, values, existing, len(source), problems)
    for position, column_name, value in source.cut_texts:
        problems.add("text_cut", position, field=column_name, value=value)
    return values


def _report_left_out(source: SourceTable, matches: Sequence[ColumnMatch], problems: ProblemList) -> None:
    for note in source.notes:
        problems.add("note", text=note)
    for match in matches:
        if match.taken_by is not None:
            winner = next(each.field for each in matches if each.column == match.taken_by)
            problems.add("column_taken", field=match.column, other=match.taken_by, filled=winner)
        elif match.field is None and match.how is None:
            problems.add("unknown_column", field=match.column, column=match.column)


def _as_code(field: Field) -> Field:
    """A reference is given by the code of its target, so it is read as one and resolved later."""
    if field.type is not FieldType.REFERENCE:
        return field
    return Field(field.name, FieldType.CODE, field.zh, field.en, max_length=64)


def _fill_constants(
    kind: RecordKind, constants: Mapping[str, Any], wanted: Sequence[bool], values: dict[str, list[Any]]
) -> None:
    """Put constants into the wanted rows that have no value of their own."""
    for name, given in constants.items():
        constant = checked(_as_code(kind.by_name[name]), given)
        column = values.get(name) or [None] * len(wanted)
        values[name] = [
            constant if value is None and fill else value for value, fill in zip(column, wanted, strict=True)
        ]


def _check_required(
    kind: RecordKind,
    values: Mapping[str, list[Any]],
    existing: Existing,
    count: int,
    problems: ProblemList,
) -> None:
    known = frozenset(existing.codes)
    codes = values.get("code") or [None] * count
    for field in kind.writable:
        if not field.required or field.default is not None:
            continue
        column = values.get(field.name)
        new = [position for position, code in enumerate(codes) if code not in known]
        if column is None:
            if new:
                problems.add("column_missing", field=field.name, value=field.zh, required=field.name)
            continue
        for position in new:
            if column[position] is None and not problems.bad[position]:
                problems.add("missing_value", position, field=field.name)
