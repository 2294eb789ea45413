"""One transaction over either database: generic reads and writes of records, with versions, revisions and events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Table, select, type_coerce, update

from gridgov.access import Rows, Scope
from gridgov.errors import AlreadyEnded, ContentDiffers, IdentifierTaken, NotFound, VersionMismatch
from gridgov.layers import REVISION_ORDER
from gridgov.models import FieldType, Record, RecordKind
from gridgov.models.checking import checked_identifier, payload_hash
from gridgov.models.identifiers import new_identifier
from gridgov.store.base import Loaded, Page, Query, Write
from gridgov.store.dialect import StoreDialect
from gridgov.store.insertion import insert_rows
from gridgov.store.reading import Reading
from gridgov.store.schema import RECORDS, events, revisions
from gridgov.store.types import StoredGeometry, decoded, to_milliseconds

# Texts may hold a name or a phone number, so an event names the field but never repeats its value.
_TOLD_IN_EVENTS = frozenset(FieldType) - {FieldType.TEXT, FieldType.OBJECT, FieldType.LIST}


# The payload hash of a record that came with a file or the seed: no client sent it, so no client can repeat it.
_LOADED = "-"
_FEW = 20
# After so many new rows the planner's statistics of a table are refreshed, once in a transaction: checks of
# foreign keys planned for an empty table read all of it for every row.
_WORTH_STATISTICS = 1_000


# Statements of the hot path are built once: building them anew costs more than running them.
@cache
def _raise_revision(insert_of: Callable[..., Any]) -> Any:
    statement = insert_of(revisions).on_conflict_do_update(
        index_elements=["zone", "kind"], set_={"revision": revisions.c.revision + 1}
    )
    return statement.returning(revisions.c.revision)


class Transaction:
    """The one implementation of `gridgov.store.base.Tx`; the dialect supplies what differs."""

    def __init__(
        self, connection: Connection, dialect: StoreDialect, scope: Scope, now: dt.datetime, *, write: bool
    ) -> None:
        self.connection = connection
        self.dialect = dialect
        self.scope = scope
        self.now = to_milliseconds(now)
        self.writes = write
        self.reading = Reading(connection, dialect, scope, self.now)
        self._revisions: dict[str, int] = {}
        self._unstamped: dict[str, list[str]] = {}
        self._counted: set[str] = set()

    @property
    def revisions(self) -> Mapping[str, int]:
        """Kind → revision of this transaction's writes; complete once it has ended."""
        return MappingProxyType(self._revisions)

    # reads ------------------------------------------------------------------------------------------------------

    def get(self, kind: RecordKind, identifier: str) -> Record:
        """See Tx.get."""
        identifier = checked_identifier(identifier)
        statement = select(*self.reading.columns(kind)).where(
            self.reading.visible(kind), RECORDS[kind.name].c.id == identifier
        )
        row = self.connection.execute(statement).mappings().one_or_none()
        if row is None:
            raise NotFound(f"There is no record {identifier} among the {kind.en} you can see.", id=identifier)
        return self.reading.reduced(kind, [Record(kind, dict(row))])[0]

    def find(self, kind: RecordKind, code: str) -> Record | None:
        """See Tx.find."""
        table = RECORDS[kind.name]
        statement = (
            select(*self.reading.columns(kind))
            .where(self.reading.visible(kind), table.c.code == code, table.c.valid_to.is_(None))
            .order_by(table.c.fid)
            .limit(1)
        )
        row = self.connection.execute(statement).mappings().one_or_none()
        return None if row is None else self.reading.reduced(kind, [Record(kind, dict(row))])[0]

    def list(self, kind: RecordKind, query: Query) -> Page:
        """See Tx.list."""
        return self.reading.select_page(kind, query)

    def each(self, kind: RecordKind, query: Query) -> Iterator[Record]:
        """See Tx.each."""
        return self.reading.select_all(kind, query)

    def holds(self, kind: RecordKind, identifier: str) -> bool:
        """See Tx.holds."""
        table = RECORDS[kind.name]
        statement = select(table.c.version).where(
            table.c.zone == self.scope.zone, table.c.id == checked_identifier(identifier)
        )
        return self.connection.execute(statement).first() is not None

    def count(self, kind: RecordKind, query: Query) -> int:
        """See Tx.count."""
        return self.reading.number(kind, query)

    def every(self, kind: RecordKind, fields: Sequence[str] | None = None, ended: bool = False) -> Loaded:
        """See Tx.every."""
        columns = self.reading.columns(kind, fields)
        raw = [
            type_coerce(each, StoredGeometry()).label("geometry") if each.name == "geometry" else each
            for each in columns
        ]
        statement = (
            select(*raw)
            .where(self.reading.condition(kind, Query(ended=ended)))
            .order_by(RECORDS[kind.name].c.code, RECORDS[kind.name].c.id)
        )
        rows = self.connection.execute(statement).all()
        names = [column.name for column in columns]
        values = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
        shapes = decoded(values.pop("geometry")) if "geometry" in values else None
        if shapes is not None:
            shapes = self.reading.reduced_places(kind, shapes)
        return Loaded({name: list(column) for name, column in values.items()}, shapes)

    def revision(self, kind: RecordKind) -> int:
        """See Tx.revision."""
        statement = select(revisions.c.revision).where(
            revisions.c.zone == self.scope.zone, revisions.c.kind == kind.name
        )
        return int(self.connection.execute(statement).scalar_one_or_none() or 0)

    def changed_since(self, kind: RecordKind, revision: int) -> Iterator[Record]:
        """See Tx.changed_since."""
        table = RECORDS[kind.name]
        statement = (
            select(*self.reading.columns(kind))
            .where(self.reading.visible(kind), table.c.revision > revision)
            .order_by(table.c.revision, table.c.id)
        )
        return (self.reading.reduced(kind, [record])[0] for record in self.reading.stream(statement, kind))

    # writes -----------------------------------------------------------------------------------------------------

    def insert(self, kind: RecordKind, values: Mapping[str, Any], payload: Any = None) -> Write:
        """See Tx.insert."""
        digest = values.get("payload_hash") or payload_hash(values if payload is None else payload)
        row = self._new_row(kind, values, digest)
        if insert_rows(self.connection, RECORDS[kind.name], [row], once=True) == 0:
            return Write(self._same_again(kind, row), created=False)
        self._touch(kind, row["id"])
        self.record_event(kind, row["id"], "created", None, version=1)
        return Write(Record(kind, self._shown(kind, row)), created=True)

    def insert_many(self, kind: RecordKind, rows: Iterable[Mapping[str, Any]]) -> int:
        """See Tx.insert_many."""
        self.reserve(kind)
        ready = [self._new_row(kind, row, row.get("payload_hash") or _LOADED) for row in rows]
        if ready:
            self.add_rows(RECORDS[kind.name], ready)
            self.add_rows(events, [self._event(kind, row["id"], "created", None, 1) for row in ready])
        return len(ready)

    def change(self, kind: RecordKind, identifier: str, version: int, values: Mapping[str, Any]) -> Record:
        """See Tx.change."""
        before = self._living(kind, identifier, version)
        different = {name: value for name, value in values.items() if not _equal(before.get(name), value)}
        if not different:
            return before
        return self._update(kind, before, different, "changed", _told(kind, before, different))

    def end(self, kind: RecordKind, identifier: str, version: int) -> Record:
        """See Tx.end."""
        before = self._living(kind, identifier, version)
        return self._update(kind, before, {"valid_to": self.now}, "ended", None)

    def reserve(self, *kinds: RecordKind) -> None:
        """See Tx.reserve."""
        self._raise([kind.name for kind in kinds])

    def record_event(
        self,
        kind: RecordKind,
        identifier: str,
        verb: str,
        changes: Mapping[str, Any] | None,
        version: int | None = None,
    ) -> None:
        """See Tx.record_event."""
        insert_rows(self.connection, events, [self._event(kind, identifier, verb, changes, version)])

    def mark(self, kind: RecordKind, identifiers: Sequence[str], verb: str) -> None:
        """See Tx.mark."""
        table = RECORDS[kind.name]
        revision = self._revision_now(kind)
        for start in range(0, len(identifiers), 500):
            part = list(identifiers[start : start + 500])
            if revision:
                self.connection.execute(
                    update(table)
                    .where(table.c.zone == self.scope.zone, table.c.id.in_(part))
                    .values(revision=revision)
                )
            else:
                self._unstamped.setdefault(kind.name, []).extend(part)
        if identifiers:
            made = [self._event(kind, identifier, verb, None, None) for identifier in identifiers]
            self.add_rows(events, made)

    def add_rows(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert complete rows of any table: few by one statement, many the database's fastest way."""
        if 0 < len(rows) <= _FEW:
            insert_rows(self.connection, table, rows)
        elif rows:
            self.dialect.bulk_insert(self.connection, table, rows)
            if len(rows) >= _WORTH_STATISTICS and table.name not in self._counted:
                self._counted.add(table.name)
                self.dialect.refresh_statistics(self.connection, table)

    def finish(self) -> None:
        """Raise the revisions of everything written and stamp its rows; the last statements of the transaction."""
        self._raise(list(self._unstamped))
        for name, identifiers in self._unstamped.items():
            table = RECORDS[name]
            for start in range(0, len(identifiers), 5_000):
                part = identifiers[start : start + 5_000]
                self.connection.execute(
                    update(table)
                    .where(table.c.zone == self.scope.zone, table.c.id.in_(part))
                    .values(revision=self._revisions[name])
                )
        self._unstamped.clear()

    # parts ------------------------------------------------------------------------------------------------------

    def _new_row(self, kind: RecordKind, values: Mapping[str, Any], digest: str) -> dict[str, Any]:
        row: dict[str, Any] = dict.fromkeys(RECORDS[kind.name].c.keys())
        del row["fid"]
        row.update(values)
        if row["id"] is None:
            row["id"] = new_identifier(self.now)
        row.update(
            zone=self.scope.zone,
            version=1,
            valid_to=None,
            changed_at=self.now,
            changed_by=self.scope.actor,
            created_by=self.scope.actor,
            revision=self._revision_now(kind),
            payload_hash=digest,
        )
        row["created_at"] = row["created_at"] or self.now
        row["valid_from"] = row["valid_from"] or self.now
        return row

    def _same_again(self, kind: RecordKind, row: Mapping[str, Any]) -> Record:
        table = RECORDS[kind.name]
        statement = select(table.c.created_by, table.c.payload_hash).where(
            table.c.zone == self.scope.zone, table.c.id == row["id"]
        )
        there = self.connection.execute(statement).one()
        if there.created_by != self.scope.actor:
            raise IdentifierTaken(f"The id {row['id']} is taken; make a new one.", id=row["id"])
        if there.payload_hash != row["payload_hash"]:
            raise ContentDiffers(
                f"The id {row['id']} was sent before with other content. Send the same content, "
                "change the record with If-Match, or make a new id.",
                id=row["id"],
            )
        return self._own(kind, row["id"])

    def _own(self, kind: RecordKind, identifier: str) -> Record:
        # The creator sees what they made once more, even where the public list does not show it.
        table = RECORDS[kind.name]
        statement = select(table).where(table.c.zone == self.scope.zone, table.c.id == identifier)
        row = self.connection.execute(statement).mappings().one()
        return Record(kind, self._shown(kind, dict(row)))

    def _shown(self, kind: RecordKind, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: row[name] for name in row if name == "geometry" or self.scope.shows(kind, name)}

    def _living(self, kind: RecordKind, identifier: str, version: int) -> Record:
        identifier = checked_identifier(identifier)
        # Revision rows are locked before record rows, everywhere: two orders would end in a deadlock.
        self._raise([kind.name])
        table = RECORDS[kind.name]
        lock = select(table).where(self.reading.visible(kind), table.c.id == identifier).with_for_update()
        row = self.connection.execute(lock).mappings().one_or_none()
        if row is None or self.scope.rows(kind) is Rows.OPENED:
            raise NotFound(f"There is no record {identifier} among the {kind.en} you can see.", id=identifier)
        record = Record(kind, {name: value for name, value in row.items() if name != "fid"})
        if record["valid_to"] is not None:
            raise AlreadyEnded(f"{kind.en} {record['code']} has ended and cannot change.", id=identifier)
        if record["version"] != version:
            raise VersionMismatch(
                f"{kind.en} {record['code']} is at version {record['version']}, the change was made from {version}. "
                "Read it again and repeat the change.",
                version=record["version"],
            )
        return record

    def _update(
        self,
        kind: RecordKind,
        before: Record,
        values: Mapping[str, Any],
        verb: str,
        told: Mapping[str, Any] | None,
    ) -> Record:
        version = before["version"] + 1
        row = {
            **values,
            "version": version,
            "changed_at": self.now,
            "changed_by": self.scope.actor,
            "revision": self._revision_now(kind),
        }
        table = RECORDS[kind.name]
        self.connection.execute(
            update(table).where(table.c.zone == self.scope.zone, table.c.id == before.id).values(row)
        )
        self._touch(kind, before.id)
        self.record_event(kind, before.id, verb, told, version=version)
        return Record(kind, self._shown(kind, {**before, **row}))

    def _revision_now(self, kind: RecordKind) -> int:
        if kind.name not in self._revisions and self.dialect.serial_writers:
            self._raise([kind.name])
        return self._revisions.get(kind.name, 0)

    def _touch(self, kind: RecordKind, identifier: str) -> None:
        if kind.name not in self._revisions:
            self._unstamped.setdefault(kind.name, []).append(identifier)

    def _raise(self, names: Sequence[str]) -> None:
        for name in sorted(set(names) - set(self._revisions), key=REVISION_ORDER.index):
            statement = _raise_revision(self.dialect.insert)
            row = {"zone": self.scope.zone, "kind": name, "revision": 1}
            self._revisions[name] = int(self.connection.execute(statement, row).scalar_one())

    def _event(
        self,
        kind: RecordKind,
        identifier: str,
        verb: str,
        changes: Mapping[str, Any] | None,
        version: int | None,
    ) -> dict[str, Any]:
        return {
            "id": new_identifier(self.now),
            "zone": self.scope.zone,
            "record_kind": kind.name,
            "record_id": identifier,
            "verb": verb,
            "at": self.now,
            "actor": self.scope.actor,
            "version": version,
            "changes": None if changes is None else dict(changes),
        }


def _equal(old: Any, new: Any) -> bool:
    if hasattr(old, "equals_exact") and hasattr(new, "equals_exact"):
        return bool(old.equals_exact(new, 0.0))
    return bool(old == new)


def _told(kind: RecordKind, before: Record, values: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"fields": sorted(values)}
    for name, value in values.items():
        field = kind.by_name.get(name)
        if field is not None and field.type in _TOLD_IN_EVENTS:
            told.setdefault("from", {})[name] = _plain(before.get(name))
            told.setdefault("to", {})[name] = _plain(value)
    return told


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value
