"""Read CSV and XLSX as text: codes keep their zeros, nothing is evaluated, places come from named columns."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
from openpyxl.utils.exceptions import InvalidFileException

from gridgov.errors import InvalidValue, TooLarge, UnreadableFile
from gridgov.exchange.archive import BROKEN_ZIP, HIGHEST_RATIO
from gridgov.exchange.limits import too_many_rows
from gridgov.exchange.neutral import restored
from gridgov.exchange.registry import Format, ReadOptions
from gridgov.exchange.source import SourceTable
from gridgov.exchange.tabular import place_rows
from gridgov.exchange.text_encoding import Encoding, choose_encoding
from gridgov.geo.words import Words

_DELIMITERS = ",\t;|"
_LONGEST_NUMBER = 1e15
_LONGEST_CELL = 1_000_000  # characters; a parcel's WKT may be long
MOST_COLUMNS = 1_000  # of a workbook's sheet, which may name 16,384 in every row
_BESIDE = 16  # cells right of the header that are looked at, to say that they are left out
_LOWEST_ROW = 1_048_576  # of any workbook
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read(path: Path, form: Format, options: ReadOptions) -> SourceTable:
    """Read a table whose first row names its columns; rows are numbered as a spreadsheet numbers them.

    Raises UnreadableFile (no header, an encoding nobody knows, damaged), TooLarge, InvalidValue (several sheets).
    """
    if form.name == "xlsx":
        layer, rows, numeric = _workbook_rows(path, options)
        encoding = Encoding("utf-8", "UTF-8", Words("格式规定", "laid down by the format"))
    else:
        layer, numeric, (rows, encoding) = "", set[int](), _csv_rows(path, options)
    header, body, numbers = _split(path, rows)
    columns: dict[str, Any] = {
        name: pa.array([_restored(row[index]) if index < len(row) else None for row in body], pa.string())
        for index, name in enumerate(header)
        if name
    }
    longer = [number for number, row in zip(numbers, body, strict=True) if any(row[len(header) :])]
    placed = place_rows(columns)
    used = placed.used if placed else frozenset()
    return SourceTable(
        format=form.name,
        layer=layer,
        columns={name: values for name, values in columns.items() if name not in used},
        geometries=placed.geometries if placed else None,
        rows=np.array(numbers, dtype=np.int64),
        order=placed.order if placed else "lon-lat",
        findings=placed.findings if placed else (),
        encoding=encoding.title,
        encoding_evidence=encoding.evidence,
        numbers=frozenset(name for index, name in enumerate(header) if index in numeric),
        notes=tuple(_too_long(number) for number in longer[:10]),
    )


def _restored(cell: str | None) -> str | None:
    return restored(cell) if cell else cell


def _too_long(number: int) -> Words:
    return Words(
        f"第 {number} 行的单元格多于表头，多出部分未读取",
        f"row {number} has more cells than the header; left out",
    )


def _split(
    path: Path, rows: Sequence[tuple[int, Sequence[str | None]]]
) -> tuple[list[str], list[Sequence[str | None]], list[int]]:
    """Header, rows with any content, and their numbers."""
    filled = [(number, row) for number, row in rows if any(cell and cell.strip() for cell in row)]
    if not filled:
        raise UnreadableFile(
            f"{path.name} holds no table; its first row must name the columns.", file=path.name
        )
    header = [(cell or "").strip() for cell in filled[0][1]]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        message = f"{path.name} has two columns named {', '.join(twice)}; rename one of them."
        raise UnreadableFile(message, file=path.name, columns=twice)
    return header, [row for _, row in filled[1:]], [number for number, _ in filled[1:]]


def _csv_rows(path: Path, options: ReadOptions) -> tuple[list[tuple[int, Sequence[str | None]]], Encoding]:
    content = path.read_bytes()
    text, encoding = _decoded(path, content)
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, Sequence[str | None]]] = []
    limit = options.settings.import_max_rows
    try:
        for row in reader:
            rows.append((reader.line_num, row))
            if len(rows) > limit + 1:
                raise too_many_rows(path, len(rows) - 1, limit)
    except csv.Error as error:
        message = (
            f"{path.name}, line {reader.line_num}: {error}; is a quotation mark left open? Export it again."
        )
        raise UnreadableFile(message, file=path.name, line=reader.line_num) from error
    return rows, encoding


def _decoded(path: Path, content: bytes) -> tuple[str, Encoding]:
    for mark, codec in _MARKS:
        if content.startswith(mark):
            words = Words("文件开头的字节序标记", "the byte-order mark at its start")
            title = "UTF-8" if codec == "utf-8-sig" else "UTF-16"
            try:
                return content.decode(codec), Encoding(codec, title, words)
            except UnicodeDecodeError as error:
                message = f"{path.name} says {title} but is cut off or damaged; export it again."
                raise UnreadableFile(message, file=path.name) from error
    encoding = choose_encoding(content.splitlines(), None, Words("文件", "the file"))
    if encoding is None:
        message = f"{path.name} is neither UTF-8 nor GB18030; save it as UTF-8."
        raise UnreadableFile(message, file=path.name)
    text = content.decode(encoding.codec, errors="replace")
    if "\x00" in text:
        raise UnreadableFile(f"{path.name} holds NUL characters; it is no table of text.", file=path.name)
    return text, encoding


def _workbook_rows(
    path: Path, options: ReadOptions
) -> tuple[str, list[tuple[int, Sequence[str | None]]], set[int]]:
    """The sheet read, its rows with their numbers, and the positions of columns that hold numbers."""
    numeric: set[int] = set()
    _check_bomb(path, options)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and extensions that openpyxl does not know
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            name = _sheet(
                path, book.sheetnames, [sheet.title for sheet in _filled(path, book)], options.layer
            )
            cells = _rows(path, book[name], _width(path, book[name]) + _BESIDE)
            rows = list(_cells(path, cells, options.settings.import_max_rows, numeric))
            book.close()
    except (
        InvalidFileException,
        *BROKEN_ZIP,
        KeyError,
        ValueError,
        TypeError,
        OSError,
        SyntaxError,
    ) as error:
        message = f"{path.name} cannot be read as XLSX: it is cut off or damaged. Save it again."
        raise UnreadableFile(message, file=path.name) from error
    return name, rows, numeric


def _filled(path: Path, book: Any) -> Iterator[Any]:
    """Sheets that hold any cell at all."""
    for sheet in book.worksheets:
        if any(True for _ in _rows(path, sheet, MOST_COLUMNS, lowest=5)):
            yield sheet


def _rows(
    path: Path, sheet: Any, columns: int, lowest: int = _LOWEST_ROW + 1
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Numbers and values of the rows that hold anything in their first `columns` cells.

    Both bounds are always given: a sheet may name any cell as its last, and each row is as long as the last one.
    Raises UnreadableFile for a row below the last that a workbook can have.
    """
    blank: Sequence[Any] | None = None
    rows = sheet.iter_rows(max_row=lowest, max_col=columns, values_only=True)
    for number, row in enumerate(rows, start=1):
        if number > _LOWEST_ROW:
            message = f"{path.name} names a row below {_LOWEST_ROW:,}, the last of a workbook. Save it again."
            raise UnreadableFile(message, file=path.name)
        if row is blank:  # rows that the sheet skips, up to a million of them, are one and the same
            continue
        if any(value is not None for value in row):
            yield number, row
        else:
            blank = row


def _width(path: Path, sheet: Any) -> int:
    """How many columns the header names. Raises UnreadableFile above 1,000."""
    _, header = next(_rows(path, sheet, MOST_COLUMNS + 1), (0, ()))
    width = max((index for index, value in enumerate(header, start=1) if value is not None), default=0)
    if width > MOST_COLUMNS:
        message = (
            f"{path.name} has more than {MOST_COLUMNS:,} columns; delete those that hold no data of its rows."
        )
        raise UnreadableFile(message, file=path.name)
    return width


def _sheet(path: Path, names: Sequence[str], filled: Sequence[str], wanted: str) -> str:
    if wanted in names:
        return wanted
    if wanted:
        message = f"{path.name} has no sheet {wanted!r}; it has {', '.join(names)}."
        raise InvalidValue(message, file=path.name, layers=list(names))
    if len(filled) > 1:
        message = f"{path.name} has {len(filled)} filled sheets; name one of {', '.join(filled)}."
        raise InvalidValue(message, file=path.name, layers=list(filled))
    return filled[0] if filled else names[0]


def _cells(
    path: Path, rows: Iterable[tuple[int, Sequence[Any]]], limit: int, numeric: set[int]
) -> Iterator[tuple[int, Sequence[str | None]]]:
    count = 0
    for number, row in rows:
        cells = [_cell(value) for value in row]
        numeric.update(index for index, value in enumerate(row) if type(value) in {int, float})
        count += any(cells)
        if count > limit + 1:
            raise too_many_rows(path, count - 1, limit)
        yield number, cells


def _cell(value: Any) -> str | None:
    """A cell as the text a person sees: whole numbers without a point, days without a time."""
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return _number_cell(value)
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case dt.date():
            return value.isoformat()
        case _:
            return str(value)


def _number_cell(value: float) -> str:
    """A spreadsheet keeps 15 digits of a number; of a longer one the power of ten shows that the rest is lost."""
    if abs(value) >= _LONGEST_NUMBER:
        return f"{value:E}"
    return str(int(value)) if value == int(value) else str(value)


def _check_bomb(path: Path, options: ReadOptions) -> None:
    """A workbook is a zip and may be a bomb too. Raises TooLarge."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except BROKEN_ZIP as error:
        message = f"{path.name} cannot be read as XLSX: it is cut off or damaged. Save it again."
        raise UnreadableFile(message, file=path.name) from error
    limit = options.settings.unpacked_max_bytes
    ratio = unpacked / max(path.stat().st_size, 1)
    if unpacked > limit or (ratio > HIGHEST_RATIO and unpacked > 100 * 1024**2):
        message = (
            f"{path.name} unpacks to {unpacked:,} bytes (GRIDGOV_UNPACKED_MAX_BYTES = {limit:,}); split it."
        )
        raise TooLarge(message, file=path.name, setting="GRIDGOV_UNPACKED_MAX_BYTES", limit=limit)
