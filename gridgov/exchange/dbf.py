"""Read a .dbf: names, widths and values as the bytes have them, so that a cut character spoils only its own text."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gridgov.errors import UnreadableFile
from gridgov.exchange.text_encoding import Encoding, decode

_HEADER, _FIELD = 32, 32
_WIDEST = 254  # bytes of the widest text a .dbf has
_LANGUAGES = {0x4D: "936", 0x7A: "936"}  # language driver byte → code page
_MEMO = frozenset("MGPBO")


@dataclass(frozen=True, slots=True)
class DbfColumn:
    """One column: its name and values as bytes. kind: C text, N and F number, D day, L truth."""

    name: bytes
    kind: str
    width: int
    values: list[bytes]


@dataclass(frozen=True, slots=True)
class Dbf:
    """The living rows of a .dbf by column. language: the code page its header names, None for none."""

    columns: tuple[DbfColumn, ...]
    rows: int
    language: str | None


def read_dbf(path: Path) -> Dbf:
    """Read all rows that are not marked as deleted. Raises UnreadableFile when the file is cut off or no .dbf."""
    content = path.read_bytes()
    try:
        count, header, width = struct.unpack_from("<IHH", content, 4)
        columns = [
            struct.unpack_from("<11sc4xB", content, start)
            for start in range(_HEADER, header - _FIELD + 1, _FIELD)
            if content[start] != 0x0D
        ]
    except (struct.error, IndexError) as error:
        raise UnreadableFile(
            f"{path.name} is no .dbf or cut off; export it again.", file=path.name
        ) from error
    if width < 1 or len(content) < header + count * width or sum(each[2] for each in columns) + 1 > width:
        have = max(0, len(content) - header) // max(width, 1)
        message = (
            f"{path.name} is cut off: it announces {count} rows and holds {have}. Copy or export it again."
        )
        raise UnreadableFile(message, file=path.name)
    body = np.frombuffer(content, dtype=np.uint8, count=count * width, offset=header).reshape(count, width)
    living = body[body[:, 0] != ord("*")] if count else body
    found, start = [], 1
    for name, kind, size in columns:
        if kind.decode("latin-1") not in _MEMO:
            values = _column(living, start, size)
            found.append(DbfColumn(name.split(b"\x00")[0], kind.decode("latin-1"), size, values))
        start += size
    return Dbf(tuple(found), len(living), _LANGUAGES.get(content[29]))


def all_texts(table: Dbf) -> list[bytes]:
    """Every name and text, for the choice of the encoding."""
    texts = [column.name for column in table.columns]
    for column in table.columns:
        if column.kind == "C":
            texts += set(column.values)
    return texts


def decoded(table: Dbf, encoding: Encoding) -> tuple[dict[str, Any], list[tuple[int, str, str]]]:
    """Columns as pyarrow arrays by name, and (position, column, value) of the texts that were cut."""
    columns: dict[str, Any] = {}
    cuts: list[tuple[int, str, str]] = []
    for column in table.columns:
        name = _unique(_readable(column.name, encoding)[0].strip(), columns)
        if column.kind != "C":
            columns[name] = _typed(column)
            continue
        texts = {value: _readable(value, encoding) for value in set(column.values)}
        columns[name] = pa.array([texts[value][0] or None for value in column.values], pa.string())
        full = {value for value, (_, cut) in texts.items() if cut or _fills(column, value, encoding)}
        if full:
            cuts += [(at, name, texts[value][0]) for at, value in enumerate(column.values) if value in full]
    return columns, cuts


def _fills(column: DbfColumn, value: bytes, encoding: Encoding) -> bool:
    """Whether a text fills the widest column there is, so that one more character would not have fitted."""
    longest_character = 3 if encoding.codec == "utf-8" else 2
    return min(column.width, len(value)) > _WIDEST - longest_character


def _column(rows: NDArray[np.uint8], start: int, size: int) -> list[bytes]:
    if not size or not len(rows):
        return [b""] * len(rows)
    cells = np.ascontiguousarray(rows[:, start : start + size]).view(f"S{size}").ravel().tolist()
    return [cell.strip(b" \x00") for cell in cells]


def _readable(value: bytes, encoding: Encoding) -> tuple[str, bool]:
    return decode(value, encoding.codec) or (value.decode(encoding.codec, errors="replace"), True)


def _typed(column: DbfColumn) -> Any:
    """Numbers as numbers, days as days, truths as truths; what is not one stays text, for the checks to name."""
    texts = pa.array([value.decode("latin-1") or None for value in column.values], pa.string())
    if column.kind == "L":
        words = {"T": "true", "Y": "true", "F": "false", "N": "false"}
        return pa.array(
            [words.get(each.upper()) if each else None for each in texts.to_pylist()], pa.string()
        )
    if column.kind not in {"N", "F"}:
        return texts
    blank = pc.match_substring_regex(texts, r"^\*+$")  # stars: a number too long for its column
    texts = pc.if_else(blank, pa.scalar(None, pa.string()), texts)
    for kind in (pa.int64(), pa.float64()):
        try:
            return pc.cast(texts, kind)
        except pa.ArrowInvalid:
            continue
    return texts


def _unique(name: str, taken: dict[str, Any]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate
