"""Reads of record tables: scope conditions, filters, keyset paging, exact geometry. One text for both databases."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
)

from gridgov import geo
from gridgov.access import Rows, Scope
from gridgov.errors import GridgovError, InvalidCursor, InvalidFilter, OutOfRange
from gridgov.models import Record, RecordKind
from gridgov.models.checking import checked, checked_identifier
from gridgov.models.vocabulary import CONFIDENTIAL_CATEGORIES
from gridgov.store.base import ORDERS, Filter, Near, Page, Query
from gridgov.store.dialect import Box, StoreDialect
from gridgov.store.schema import RECORDS, links
from gridgov.store.types import StoredGeometry, decoded

# Degrees that a metre can be at most, for the candidate box of `near`; exact distances come from gridgov.geo.
_DEGREES_PER_METRE = 1 / 110_000
_NEAR_MAX_M = 50_000
_CURSOR_LONGEST = 600
_AT_ONCE = 2_000
_TEXT_FIELDS = ("code", "name_zh", "name_en", "title", "address")


class Reading:
    """The reading half of a transaction: one connection, one dialect, one scope, one instant."""

    def __init__(self, connection: Connection, dialect: StoreDialect, scope: Scope, now: dt.datetime) -> None:
        self.connection = connection
        self.dialect = dialect
        self.scope = scope
        self.now = now

    def columns(self, kind: RecordKind, fields: Sequence[str] | None = None) -> list[Any]:
        """The columns of `kind` that the scope shows, or those of `fields` among them, geometry last."""
        table = RECORDS[kind.name]
        names = [f.name for f in kind.all_fields if self.scope.shows(kind, f.name)]
        if fields is not None:
            names = [name for name in names if name in fields]
        chosen = [table.c[name] for name in names]
        if kind.geometry is not None and (fields is None or "geometry" in fields):
            chosen.append(table.c.geometry)
        return chosen

    def visible(self, kind: RecordKind, *, by_place: bool = False) -> ColumnElement[bool]:
        """The condition that keeps the rows of `kind` this scope may read. by_place: a box narrows them already."""
        table = RECORDS[kind.name]
        zone = (self.dialect.unindexed(table.c.zone) if by_place else table.c.zone) == self.scope.zone
        match self.scope.rows(kind):
            case Rows.ALL:
                return zone
            case Rows.PUBLIC:
                return and_(zone, self.living(table), self._published(kind, table))
            case Rows.OWN:
                return and_(
                    zone, or_(self.linked(kind, self.scope.areas), table.c.created_by == self.scope.actor)
                )
            case Rows.OPENED:
                return and_(zone, self.living(table), table.c.category.not_in(CONFIDENTIAL_CATEGORIES))
            case Rows.NONE:
                return false()

    def living(self, table: Table) -> ColumnElement[bool]:
        """Rows that have not ended.

        By the clock, an area would be there beside the one that took its place: whoever waited for a lock has an
        earlier instant than what was committed meanwhile, and a clock may be set back.
        """
        return table.c.valid_to.is_(None)

    def _published(self, kind: RecordKind, table: Table) -> ColumnElement[bool]:
        if kind.live is not None:
            start, end = (table.c[name] for name in kind.live)
            return and_(start <= self.now, or_(end.is_(None), end > self.now))
        return table.c.visibility == "public"

    def linked(self, kind: RecordKind, areas: frozenset[str]) -> ColumnElement[bool]:
        """Records of `kind` that are linked to at least one of `areas`."""
        table = RECORDS[kind.name]
        if not areas:
            return false()
        return exists().where(
            links.c.zone == table.c.zone,
            links.c.record_kind == kind.name,
            links.c.record_id == table.c.id,
            links.c.area_id.in_(sorted(areas)),
        )

    def condition(self, kind: RecordKind, query: Query) -> ColumnElement[bool]:
        """Everything of the query but box exactness, order and cursor."""
        table = RECORDS[kind.name]
        box = query_box(query)
        parts = [self.visible(kind, by_place=box is not None)]
        if not query.ended:
            parts.append(self.living(table))
        parts += [self._filter(kind, each) for each in query.filters]
        if self.scope.rows(kind) is Rows.OPENED and (box is not None or query.areas is not None):
            raise InvalidFilter("Opened issues cannot be searched by place or area; sign in for that.")
        if query.areas is not None:
            parts.append(self.linked(kind, query.areas))
        if query.text:
            parts.append(self._text(kind, query.text))
        if box is not None:
            if kind.geometry is None:
                raise InvalidFilter(f"{kind.en} have no geometry; leave out bbox and near.")
            parts.append(self.dialect.box_candidates(table, box))
        return and_(*parts)

    def _filter(self, kind: RecordKind, condition: Filter) -> ColumnElement[bool]:
        if not self.scope.shows(kind, condition.field):
            raise InvalidFilter(
                f"{kind.en} cannot be filtered by “{condition.field}”.", field=condition.field
            )
        field, column = kind.by_name[condition.field], RECORDS[kind.name].c[condition.field]
        try:
            if condition.operator == "null":
                return column.is_(None) if condition.value else column.is_not(None)
            if condition.operator == "in":
                return column.in_([checked(field, value) for value in condition.value])
            value = checked(field, condition.value)
        except GridgovError as error:
            raise InvalidFilter(error.message, **error.details) from error
        if value is None and condition.operator != "eq":
            raise InvalidFilter(f"The limit of “{condition.field}” is empty; give a value or leave it out.")
        match condition.operator:
            case "eq":
                test = column == value if value is not None else column.is_(None)
            case "ge":
                test = column >= value
            case "le":
                test = column <= value
            case _:
                raise InvalidFilter(
                    f"Unknown filter operator “{condition.operator}”; use eq, in, ge, le or null."
                )
        found: ColumnElement[bool] = test
        return found

    def _text(self, kind: RecordKind, text: str) -> ColumnElement[bool]:
        table = RECORDS[kind.name]
        if "\x00" in text:
            raise InvalidFilter("The search text holds a NUL character; remove it.")
        names = [name for name in _TEXT_FIELDS if self.scope.shows(kind, name)]
        word = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        tests = [self.dialect.lowered(table.c[name]).like(f"%{word}%", escape="\\") for name in names]
        return or_(*tests) if tests else true()

    def select_page(self, kind: RecordKind, query: Query) -> Page:
        """One page in the query's order, exact geometry conditions applied."""
        if query.near is not None:
            return self._nearest(kind, query, query.near)
        name = self._order(kind, query).name
        after = read_cursor(kind, query)
        found: list[Record] = []
        while True:
            size = max(query.limit + 1 - len(found), 16)
            batch = self._batch(kind, query, after, size)
            for record in _exact(batch, query.box):
                if len(found) == query.limit:
                    return Page(self.reduced(kind, found), write_cursor(kind, query, _key(found[-1], name)))
                found.append(record)
            if len(batch) < size:
                return Page(self.reduced(kind, found), None)
            after = _key(batch[-1], name)

    def select_all(self, kind: RecordKind, query: Query) -> Iterator[Record]:
        """All records of the query in its order, exact geometry conditions applied; the database is asked once.

        With `near` it is asked for the candidates once, then for the records found, each once.
        """
        if query.near is not None:
            identifiers = [identifier for _, identifier in self._by_distance(kind, query, query.near)]
            for start in range(0, len(identifiers), _AT_ONCE):
                part = self._by_identifier(kind, identifiers[start : start + _AT_ONCE])
                yield from self.reduced(kind, part)
            return
        records = self.stream(self._ordered(kind, query, None), kind, _AT_ONCE)
        while part := list(islice(records, _AT_ONCE)):
            yield from self.reduced(kind, _exact(part, query.box))

    def _order(self, kind: RecordKind, query: Query) -> ColumnElement[Any]:
        """The column that orders the query. Raises InvalidFilter."""
        table = RECORDS[kind.name]
        name = query.order.removeprefix("-")
        if name not in ORDERS or name not in table.c or not self.scope.shows(kind, name):
            raise InvalidFilter(
                f"{kind.en} cannot be ordered by “{query.order}”; use one of {', '.join(ORDERS)}."
            )
        return table.c[name]

    def _ordered(self, kind: RecordKind, query: Query, after: tuple[Any, str] | None) -> Select[Any]:
        """The statement of a query in its order, behind the key `after`."""
        table = RECORDS[kind.name]
        order = self._order(kind, query)
        down = query.order.startswith("-")
        statement = select(*self.columns(kind)).where(self.condition(kind, query), order.is_not(None))
        if after is not None:
            edge = tuple_(order, table.c.id)
            value = checked(kind.by_name[order.name], after[0])
            bound = tuple_(literal(value, order.type), literal(after[1], table.c.id.type))
            statement = statement.where(edge < bound if down else edge > bound)
        return statement.order_by(*((order.desc(), table.c.id.desc()) if down else (order, table.c.id)))

    def _batch(
        self, kind: RecordKind, query: Query, after: tuple[Any, str] | None, size: int
    ) -> list[Record]:
        rows = self.connection.execute(self._ordered(kind, query, after).limit(size)).mappings()
        return [Record(kind, dict(row)) for row in rows]

    def reduced(self, kind: RecordKind, records: Sequence[Record]) -> tuple[Record, ...]:
        """What the scope may see of the rows it may read."""
        # An opened issue shows its block, not its door: the position is rounded to a thousandth of a degree.
        if self.scope.rows(kind) is not Rows.OPENED:
            return tuple(records)
        return tuple(Record(kind, {**record, "geometry": _block(record.geometry)}) for record in records)

    def reduced_places(self, kind: RecordKind, shapes: NDArray[Any]) -> NDArray[Any]:
        """`reduced` for the geometries of a whole column."""
        if self.scope.rows(kind) is not Rows.OPENED:
            return shapes
        return np.array([*map(_block, shapes), None], dtype=object)[:-1]

    def _nearest(self, kind: RecordKind, query: Query, near: Near) -> Page:
        """A page by distance: only ids and places are read of all candidates, the records of the page alone."""
        after = read_cursor(kind, query)
        if after is not None and not isinstance(after[0], (int, float)):
            raise InvalidCursor("This paging cursor cannot be read; start again without it.")
        found = [each for each in self._by_distance(kind, query, near) if after is None or each > after]
        page = found[: query.limit]
        more = write_cursor(kind, query, page[-1]) if len(found) > len(page) and page else None
        records = self._by_identifier(kind, [identifier for _, identifier in page])
        return Page(self.reduced(kind, records), more, tuple(distance for distance, _ in page))

    def _by_distance(self, kind: RecordKind, query: Query, near: Near) -> list[tuple[float, str]]:
        """Metres and id of every record of the query within the radius, the nearest first."""
        ids, shapes = self._candidates(kind, query)
        distances = geo.distance_to_point(shapes, near.lon, near.lat) if ids else np.empty(0)
        keep = distances <= near.radius_m
        if ids and query.box is not None:
            keep &= geo.intersects_box(shapes, *query.box)
        return sorted((float(distances[place]), ids[place]) for place in np.flatnonzero(keep).tolist())

    def _candidates(self, kind: RecordKind, query: Query) -> tuple[list[str], NDArray[Any]]:
        table = RECORDS[kind.name]
        place = type_coerce(table.c.geometry, StoredGeometry())
        rows = self.connection.execute(select(table.c.id, place).where(self.condition(kind, query))).all()
        return [row[0] for row in rows], decoded([row[1] for row in rows])

    def _by_identifier(self, kind: RecordKind, identifiers: Sequence[str]) -> list[Record]:
        table = RECORDS[kind.name]
        statement = select(*self.columns(kind)).where(self.visible(kind), table.c.id.in_(identifiers))
        found = {row["id"]: dict(row) for row in self.connection.execute(statement).mappings()}
        return [Record(kind, found[identifier]) for identifier in identifiers]

    def number(self, kind: RecordKind, query: Query) -> int:
        """How many records meet the query."""
        condition = self.condition(kind, query)
        if query.box is None and query.near is None:
            statement = select(func.count()).select_from(RECORDS[kind.name]).where(condition)
            return int(self.connection.execute(statement).scalar_one())
        ids, shapes = self._candidates(kind, query)
        keep = np.ones(len(ids), dtype=bool)
        if ids and query.box is not None:
            keep &= geo.intersects_box(shapes, *query.box)
        if ids and query.near is not None:
            keep &= geo.distance_to_point(shapes, query.near.lon, query.near.lat) <= query.near.radius_m
        return int(keep.sum())

    def stream(self, statement: Select[Any], kind: RecordKind, size: int = 2_000) -> Iterator[Record]:
        """Rows of a statement over `kind` as records, `size` at a time."""
        streaming = self.connection.execution_options(stream_results=True)
        for rows in streaming.execute(statement).mappings().partitions(size):
            for row in rows:
                yield Record(kind, dict(row))


def _block(point: shapely.Point) -> shapely.Point:
    return shapely.Point(round(point.x, 3), round(point.y, 3))


def query_box(query: Query) -> Box | None:
    """The candidate box of a query: its box, narrowed or replaced by the box around `near`. Raises OutOfRange."""
    box = query.box
    if box is not None:
        west, south, east, north = box
        fits = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
        if not fits:
            raise OutOfRange(
                f"bbox {box} must be west,south,east,north in degrees with west ≤ east, south ≤ north."
            )
    if query.near is None:
        return box
    near = query.near
    if not (-180 <= near.lon <= 180 and -90 < near.lat < 90 and 0 < near.radius_m <= _NEAR_MAX_M):
        raise OutOfRange(f"near needs a longitude, a latitude and a radius from 0 to {_NEAR_MAX_M} m.")
    up = near.radius_m * _DEGREES_PER_METRE
    side = min(up / max(np.cos(np.radians(min(abs(near.lat) + up, 89.9))), 1e-6), 180.0)
    return (near.lon - side, near.lat - up, near.lon + side, near.lat + up)


def _exact(records: Sequence[Record], box: Box | None) -> list[Record]:
    if box is None or not records:
        return list(records)
    shapes = np.array([record.geometry for record in records] + [None], dtype=object)[:-1]
    return [record for record, hit in zip(records, geo.intersects_box(shapes, *box), strict=True) if hit]


def _key(record: Record, order: str) -> tuple[Any, str]:
    return record[order], record.id


def _fingerprint(kind: RecordKind, query: Query) -> str:
    parts = (
        kind.name,
        query.filters,
        query.box,
        query.near,
        query.areas and sorted(query.areas),
        query.text,
        query.order,
        query.ended,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def write_cursor(kind: RecordKind, query: Query, key: Sequence[Any]) -> str:
    """An opaque cursor that only the same list with the same conditions takes back."""
    first = key[0].isoformat() if isinstance(key[0], dt.datetime) else key[0]
    text = json.dumps([_fingerprint(kind, query), first, key[1]], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(kind: RecordKind, query: Query) -> tuple[Any, str] | None:
    """(order value, id) after which the page starts; None without a cursor. Raises InvalidCursor."""
    if query.after is None:
        return None
    unreadable = InvalidCursor("This paging cursor cannot be read; start again without it.")
    if len(query.after) > _CURSOR_LONGEST:
        raise unreadable
    try:
        padded = query.after + "=" * (-len(query.after) % 4)
        # A strict reader: no NaN, which nothing comes after, and no half characters, which no database takes.
        mark, value, identifier = orjson.loads(base64.urlsafe_b64decode(padded))
        identifier = checked_identifier(identifier)
        if query.near is None and query.order.removeprefix("-") in kind.by_name:
            checked(kind.by_name[query.order.removeprefix("-")], value)
    except (ValueError, TypeError, binascii.Error, GridgovError) as error:
        raise unreadable from error
    if mark != _fingerprint(kind, query):
        raise InvalidCursor("This paging cursor belongs to another list; start again without it.")
    # Nothing comes after null, which would look like the end of the list.
    if type(value) not in (str, int, float):
        raise unreadable
    return value, identifier
