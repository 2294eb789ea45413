"""Raw copies of a PostgreSQL store: each table's rows by COPY within one repeatable-read transaction, and back.

Columns are named and come from the database itself, without the generated ones, so that a copy of an older program
goes back into tables of its own migration level before they are brought up to date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from gridgov.access import Scope
from gridgov.errors import ArchiveDamaged, PlaceNotEmpty
from gridgov.store import migrate
from gridgov.store.copying_parts import PIECE, Contents, OpenPart, Part, Target, require_known, steps_of
from gridgov.store.postgis import FOLDER, PostgisMigrations, PostgisStore, apply_migrations
from gridgov.store.queries.connection import inside
from gridgov.store.schema_base import metadata
from gridgov.store.transaction import Transaction

KIND = "postgresql"
TEXT = "WITH (ENCODING 'UTF8')"  # whatever encoding the connection was given
_ENDING = ".copy"
_UNDISTURBED = text(
    "SELECT set_config('extra_float_digits', '3', true), set_config(name, '0', true) FROM pg_settings WHERE name IN"
    " ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
)
# Name and definition of every index that no primary key or unique constraint owns.
_INDEXES = text(
    "SELECT named.relname, pg_get_indexdef(found.indexrelid) FROM pg_index found"
    " JOIN pg_class named ON named.oid = found.indexrelid JOIN pg_class owner ON owner.oid = found.indrelid"
    " WHERE owner.relnamespace = current_schema()::regnamespace AND owner.relname = ANY(:names)"
    " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = found.indexrelid) ORDER BY 1"
)
_REFERENCES = text(
    "SELECT owner.relname, found.conname, pg_get_constraintdef(found.oid) FROM pg_constraint found"
    " JOIN pg_class owner ON owner.oid = found.conrelid WHERE found.contype = 'f'"
    " AND owner.relnamespace = current_schema()::regnamespace AND owner.relname = ANY(:names) ORDER BY 1, 2"
)
_LIVING_SESSIONS = text(
    "SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND replaced_at IS NULL AND expires_at > :now"
)
_END_SESSIONS = text("UPDATE sessions SET revoked_at = :now WHERE revoked_at IS NULL")
_RESTORE_LOCK = 0x72657374  # "rest": one restore at a time per database


class TableSnapshot:
    """All tables at one moment; see gridgov.store.copying_parts.Snapshot."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        columns = {table.name: _columns(tx.connection, table.name) for table in metadata.sorted_tables}
        self._columns = {name: there for name, there in columns.items() if there}

    def contents(self) -> Contents:
        """See Snapshot.contents."""
        applied = PostgisMigrations(self.tx.connection).applied()
        return Contents(KIND, {FOLDER: steps_of(applied)}, self._columns)

    def sizes(self) -> Mapping[str, int]:
        """See Snapshot.sizes; what a table takes on disk, text being of about that size."""
        statement = text("SELECT pg_table_size(to_regclass(:name))")
        return {
            name + _ENDING: int(self.tx.connection.execute(statement, {"name": name}).scalar_one())
            for name in self._columns
        }

    def write(self, part: str, target: Target, scratch: Path) -> None:  # noqa: ARG002 (nothing to put there)
        """See Snapshot.write."""
        name = part.removesuffix(_ENDING)
        gathered = _Gathered(target)
        with _cursor(self.tx.connection) as cursor:
            statement = f"COPY {_target(name, self._columns[name])} TO STDOUT {TEXT}"
            cursor.copy_expert(statement, gathered, PIECE)
        gathered.flush()


class _Gathered:
    """Takes the single rows that the driver hands out and passes them on in large pieces."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._rows: list[bytes] = []
        self._size = 0

    def write(self, row: bytes, /) -> None:
        """Take one row."""
        self._rows.append(row)
        self._size += len(row)
        if self._size >= PIECE:
            self.flush()

    def flush(self) -> None:
        """Pass on what is there."""
        self._target.write(b"".join(self._rows))
        self._rows.clear()
        self._size = 0


def undisturbed(connection: Connection) -> None:
    """For the connection's transaction: no time limit, and floating-point numbers with every digit."""
    connection.execute(_UNDISTURBED)


def has_tables(connection: Connection) -> bool:
    """Whether the database has gridgov's tables at all."""
    return bool(PostgisMigrations(connection).applied())


def require_place(store: PostgisStore, contents: Contents, now: dt.datetime) -> None:
    """Raises PlaceNotEmpty unless the database lacks gridgov's tables, SchemaTooNew and SchemaAltered for the copy."""
    require_known(contents.migrations, [FOLDER])
    with store.begin(Scope.system(""), now) as tx:
        _require_empty(inside(tx).connection, store.url)


def restore(store: PostgisStore, contents: Contents, open_part: OpenPart, now: dt.datetime) -> int:
    """Lay the tables as they were, fill them and bring them up to date in one transaction; see copying.restore."""
    made_by = len(contents.migrations[FOLDER])
    with store.begin(Scope.system(""), now, write=True) as tx:
        connection = inside(tx).connection
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _RESTORE_LOCK})
        undisturbed(connection)
        _require_empty(connection, store.url)
        steps = migrate.migrations(FOLDER)
        apply_migrations(connection, steps[:made_by], now)
        try:
            with without_indexes(connection):
                for name, columns in contents.tables.items():
                    with open_part(name + _ENDING) as part:
                        _fill(connection, name, columns, part)
                    set_identity(connection, name)
        except IntegrityError as error:
            reason = str(error.orig).splitlines()[0]
            raise ArchiveDamaged(f"The rows of the backup do not fit together: {reason}.") from error
        apply_migrations(connection, steps[made_by:], now)
        for table in metadata.sorted_tables:
            connection.exec_driver_sql(f'ANALYZE "{table.name}"')
        living = connection.execute(_LIVING_SESSIONS, {"now": now}).scalar_one()
        connection.execute(_END_SESSIONS, {"now": now})
        return int(living)


def examine(contents: Contents, open_part: OpenPart) -> Mapping[str, int]:
    """Count the lines of every table; see gridgov.store.copying.examine."""
    require_known(contents.migrations, [FOLDER])
    counts = {}
    for name in contents.tables:
        with open_part(name + _ENDING) as part:
            counts[name] = _lines(part)
    return counts


@contextmanager
def without_indexes(connection: Connection) -> Iterator[None]:
    """While the block fills empty tables, keep plain indexes and references away; at its end make them anew, in bulk.

    That saves keeping them row by row, and is part of the transaction like everything else.
    """
    names = [table.name for table in metadata.sorted_tables]
    indexes = connection.execute(_INDEXES, {"names": names}).all()
    references = connection.execute(_REFERENCES, {"names": names}).all()
    for table, name, _ in references:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')
    for name, _ in indexes:
        connection.exec_driver_sql(f'DROP INDEX "{name}"')
    yield
    for _, definition in indexes:
        connection.exec_driver_sql(definition.replace("%", "%%"))
    for table, name, definition in references:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {definition}')


def set_identity(connection: Connection, table: str) -> None:
    """Let the table's row numbers go on after the highest there is."""
    described = metadata.tables.get(table)
    if described is None or "fid" not in described.c:
        return
    connection.exec_driver_sql(
        f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'fid'), coalesce(max(fid), 0) + 1, false)"
        f' FROM "{table}"'
    )


def _fill(connection: Connection, name: str, columns: Any, part: Part) -> None:
    with _cursor(connection) as cursor:
        try:
            cursor.copy_expert(f"COPY {_target(name, columns)} FROM STDIN {TEXT}", part, PIECE)
        except psycopg2.Error as error:
            if (
                part.fault is not None
            ):  # raised while the driver read; it tells more than the driver's own words
                raise part.fault from error
            if isinstance(error, (psycopg2.DataError, psycopg2.IntegrityError)):
                reason = str(error).splitlines()[0]
                raise ArchiveDamaged(f"The rows of {name} do not fit: {reason}.", part=name) from error
            raise


def _lines(part: Part) -> int:
    count = 0
    while piece := part.read(PIECE):
        count += piece.count(b"\n")
    return count


def _columns(connection: Connection, table: str) -> list[str]:
    """The table's columns but the generated ones; none when the store still waits for the upgrade that makes it."""
    statement = text(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"
    )
    return list(connection.execute(statement, {"name": table}).scalars())


def _target(name: str, columns: Any) -> str:
    listed = ", ".join(f'"{column}"' for column in columns)
    return f'"{name}" ({listed})'


def _cursor(connection: Connection) -> Any:
    return connection.connection.driver_connection.cursor()  # type: ignore[union-attr]


def _require_empty(connection: Connection, url: str) -> None:
    if not has_tables(connection):
        return
    statement = text("SELECT zone FROM zones ORDER BY zone LIMIT 5")
    zones = list(connection.execute(statement).scalars())
    told = f"with the zone(s) {', '.join(zones)}" if zones else "though without a zone"
    raise PlaceNotEmpty(
        f"The database {url} has gridgov's tables already, {told}. Restore into a new database (createdb).",
        zones=zones,
    )
