"""Rows of every table from one store into another of any kind, keeping every id, number and version.

Rows are read and written in pieces through the table descriptions, so memory stays flat. A digest of canonical values,
the same whichever database holds them, tells whether both sides are equal.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import psycopg2
import shapely
from sqlalchemy import Table, select, type_coerce

from gridgov.errors import ArchiveProblem
from gridgov.store.base import Tx
from gridgov.store.copying_parts import PIECE
from gridgov.store.copying_postgis import KIND as POSTGIS
from gridgov.store.copying_postgis import TEXT, set_identity, without_indexes
from gridgov.store.queries.connection import inside
from gridgov.store.schema_base import metadata
from gridgov.store.transaction import Transaction
from gridgov.store.types import Geometry, Instant, Json, StoredGeometry, decoded, instant_text

_PIECE, _PIECE_BYTES = 5_000, 8 * 1024**2  # rows, or so many bytes, handled at once
_FETCHED = 100  # rows
_NULL = "\\N"
_EXACT = (
    2**53
)  # whole numbers beyond are told as the nearest float: jsonb has all digits of 1e300, text has not
Row = dict[str, Any]
Pieces = Iterator[list[Row]]


@dataclass(frozen=True, slots=True)
class Digest:
    """What a table holds: how many rows, and the SHA-256 of all of them in the order of their key."""

    rows: int
    sha256: str


def tables() -> tuple[str, ...]:
    """Every table in an order in which rows can be inserted."""
    return tuple(table.name for table in metadata.sorted_tables)


def defer_references(tx: Tx) -> None:
    """Let rows of one table refer to later ones until the end: an area's parent may have been made after it.

    PostgreSQL checks each table at the end of its one COPY, which is enough.
    """
    transaction = inside(tx)
    if transaction.dialect.name != POSTGIS:
        transaction.connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")


@contextmanager
def filling(tx: Tx) -> Iterator[None]:
    """Around the filling of all tables: PostgreSQL's indexes are made at the end, SQLite's references checked then."""
    if inside(tx).dialect.name == POSTGIS:
        with without_indexes(inside(tx).connection):
            yield
    else:
        defer_references(tx)
        yield


def copy_table(source: Tx, target: Tx, name: str, advance: Callable[[int], None]) -> Digest:
    """Carry one table over; returns the digest of what was read.

    advance is told how many rows went. Raises ArchiveProblem for a value that the target cannot hold.
    """
    digest = _Running()

    def passing() -> Pieces:
        for piece in read_pieces(source, name):
            digest.add(name, piece)
            yield piece
            advance(len(piece))

    _write(inside(target), metadata.tables[name], passing())
    return digest.result()


def digest_table(tx: Tx, name: str) -> Digest:
    """The digest of a table as it is now in this transaction."""
    digest = _Running()
    for piece in read_pieces(tx, name):
        digest.add(name, piece)
    return digest.result()


def read_pieces(tx: Tx, name: str) -> Pieces:
    """All rows of a table in the order of its key; geometries are lon-lat shapely, times aware, JSON plain values.

    A piece is of _PIECE rows or of some _PIECE_BYTES, whichever comes first: a boundary may have 100,000 vertices.
    """
    table = metadata.tables[name]
    columns = [
        type_coerce(column, StoredGeometry()).label(column.name)
        if isinstance(column.type, Geometry)
        else column
        for column in table.c
    ]
    statement = select(*columns).order_by(*table.primary_key.columns)
    connection = inside(tx).connection
    result = connection.execute(statement, execution_options={"yield_per": _FETCHED})
    rows: list[Row] = []
    size = 0
    for part in result.mappings().partitions():
        rows += [dict(row) for row in part]
        size += sum(len(value) for row in part for value in row.values() if isinstance(value, (str, bytes)))
        if len(rows) >= _PIECE or size >= _PIECE_BYTES:
            yield _with_shapes(table, rows)
            rows, size = [], 0
    if rows:
        yield _with_shapes(table, rows)


def _with_shapes(table: Table, rows: list[Row]) -> list[Row]:
    if "geometry" in table.c:
        shapes = decoded([row["geometry"] for row in rows])
        for row, shape in zip(rows, shapes, strict=True):
            row["geometry"] = shape
    return rows


class _Running:
    """The digest of a table while its rows go by."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._rows = 0

    def add(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        table = metadata.tables[name]
        columns: list[Sequence[Any]] = []
        for column in table.c:
            values = [row[column.name] for row in rows]
            columns.append(_canonical_column(column.type, values))
        for row in zip(*columns, strict=True):
            self._hash.update(orjson.dumps(row) + b"\n")
        self._rows += len(rows)

    def result(self) -> Digest:
        return Digest(self._rows, self._hash.hexdigest())


def _canonical_column(kind: Any, values: list[Any]) -> Sequence[Any]:
    """Values as both stores give them, written one way: geometry as hexadecimal WKB, times as text."""
    if isinstance(kind, Geometry):
        shapes = np.array([*values, None], dtype=object)[:-1]
        written: Sequence[Any] = shapely.to_wkb(shapes, hex=True, flavor="iso", byte_order=1).tolist()
        return written
    if isinstance(kind, Json):
        return [_canonical(value) for value in values]
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return instant_text(value)
    if isinstance(value, float):
        return value + 0.0  # SQLite keeps no negative zero
    return value


def _canonical(value: Any) -> Any:
    """JSON with sorted keys and whole numbers without a point: jsonb and text keep numbers differently."""
    if isinstance(value, dict):
        return {key: _canonical(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    whole = isinstance(value, int) or value.is_integer()
    return int(value) if whole and abs(value) <= _EXACT else float(value)


def _write(target: Transaction, table: Table, pieces: Pieces) -> None:
    if target.dialect.name != POSTGIS:
        for piece in pieces:
            target.dialect.bulk_insert(target.connection, table, piece)
        return
    stream = _CopyStream(table, pieces)
    names = ", ".join(f'"{name}"' for name in table.c.keys())  # noqa: SIM118 (a column collection iterates columns)
    with target.connection.connection.driver_connection.cursor() as cursor:  # type: ignore[union-attr]
        try:
            cursor.copy_expert(f'COPY "{table.name}" ({names}) FROM STDIN {TEXT}', stream, PIECE)
        except psycopg2.Error as error:
            if stream.fault is not None:
                raise stream.fault from error
            if isinstance(error, (psycopg2.DataError, psycopg2.IntegrityError, psycopg2.InternalError)):
                reason = " ".join(str(error).splitlines()[:2])
                raise ArchiveProblem(
                    f"A row of {table.name} does not fit into PostgreSQL: {reason}. Mend it at its source.",
                    table=table.name,
                ) from error
            raise
    set_identity(target.connection, table.name)
    target.connection.exec_driver_sql(f'ANALYZE "{table.name}"')


class _CopyStream(io.RawIOBase):
    """Pieces of rows as one stream of PostgreSQL's COPY text, made while it is read.

    One COPY per table, because references between rows of one table are checked when it ends.
    """

    def __init__(self, table: Table, pieces: Pieces) -> None:
        self._table = table
        self._pieces = pieces
        self._text = b""
        self._read = 0  # of that text
        self.fault: BaseException | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; b"" after the last row."""
        try:
            while self._read == len(self._text) and (piece := next(self._pieces, None)) is not None:
                self._text, self._read = _copy_text(self._table, piece), 0
        except BaseException as error:
            self.fault = error
            raise
        end = len(self._text) if size < 0 else min(self._read + size, len(self._text))
        data, self._read = self._text[self._read : end], end
        return data


def _copy_text(table: Table, rows: Sequence[Mapping[str, Any]]) -> bytes:
    columns: list[Sequence[str]] = []
    for column in table.c:
        values = [row[column.name] for row in rows]
        if isinstance(column.type, Geometry):
            shapes = shapely.set_srid(np.array([*values, None], dtype=object)[:-1], column.type.srid)
            written = shapely.to_wkb(shapes, hex=True, include_srid=True).tolist()
            columns.append([_NULL if cell is None else cell for cell in written])
        elif isinstance(column.type, Json):
            columns.append([_escaped(_json(value)) for value in values])
        elif isinstance(column.type, Instant):
            columns.append([_NULL if value is None else value.isoformat() for value in values])
        else:
            columns.append([_escaped(_word(value)) for value in values])
    return "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True)).encode()


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _word(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, float):
        return repr(value)
    return str(value)


def _escaped(word: str | None) -> str:
    if word is None:
        return _NULL
    return word.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
