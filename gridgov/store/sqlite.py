"""The embedded store: one GeoPackage file for the map, a second file for accounts, sessions and contacts.

The private file is opened as the connection's main database and the map file is attached to it: when SQLite commits a
transaction over two write-ahead logs it commits the main one first, so a crash between the two can leave an unused
contact behind, never a report whose contact is lost.

No library but `sqlite3` may touch these files while a process holds them (DESIGN §7): closing a file elsewhere in the
process would drop its locks.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, create_engine, event, func, text
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from gridgov.access import Scope
from gridgov.errors import GridgovError, SchemaMissing, StoreBusy, StoreProblem, StoreUnavailable
from gridgov.store import migrate
from gridgov.store.bulk import bound_columns, geometry_column, geopackage_column
from gridgov.store.dialect import Box
from gridgov.store.geopackage import GEOPACKAGE_FUNCTIONS, rtree_bulk, write_layer_styles
from gridgov.store.sqlite_errors import LATER, SOON, meaning, refusal, spoils
from gridgov.store.transaction import Transaction
from gridgov.store.watching import TimedCursor, Watching

MAP = "map"  # the schema name under which the map file is attached
_APPLICATION_ID = 0x47504B47  # "GPKG"
_GEOPACKAGE_VERSION = 10300


class SqliteDialect:
    """SQLite's part of the store: see gridgov.store.dialect."""

    name = "sqlite"
    serial_writers = True
    insert = staticmethod(sqlite_insert)

    def box_candidates(self, table: Table, box: Box) -> ColumnElement[bool]:
        """By the table's R*Tree, whose 32-bit boxes are rounded outwards."""
        west, south, east, north = box
        condition = text(
            f"{table.name}.fid IN (SELECT id FROM {MAP}.rtree_{table.name}_geometry"
            " WHERE maxx >= :west AND minx <= :east AND maxy >= :south AND miny <= :north)"
        )
        return condition.bindparams(west=west, south=south, east=east, north=north)  # type: ignore[return-value]

    def bulk_insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """One prepared statement; the R*Tree is filled from the boxes at once instead of by its triggers."""
        if not rows:
            return
        columns = bound_columns(table, rows, connection.dialect)
        shapes = geometry_column(rows) if "geometry" in rows[0] else None
        if shapes is not None:
            columns["geometry"] = geopackage_column(shapes)
        names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
        with rtree_bulk(connection, table, shapes):
            connection.exec_driver_sql(
                f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})',
                list(zip(*columns.values(), strict=True)),
            )

    def refresh_statistics(self, connection: Connection, table: Table) -> None:
        """SQLite finds its indexes without."""

    def hold_boundaries(self, connection: Connection, zone: str, *, exclusive: bool) -> None:
        """Nothing to do: one writer at a time holds the whole file."""

    def lowered(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """By Python's str.lower, which stands in for SQLite's own lower (ASCII only) on each connection."""
        return func.lower(column)

    def unindexed(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A unary plus: otherwise the planner walks the codes of the zone and looks each row up in the R*Tree."""
        return UnaryExpression(column, operator=custom_op("+"))

    def translate(self, error: Exception) -> GridgovError | None:
        """See StoreDialect.translate."""
        return meaning(error)


class SqliteStore:
    """A store in two SQLite files; see gridgov.store.base.Store."""

    def __init__(self, path: Path, *, pool_size: int = 10, wait_seconds: float = 5.0) -> None:
        self.path = path.resolve()
        self.private_path = private_path(self.path)
        self.url = f"sqlite:///{self.path}"
        self.dialect = SqliteDialect()
        self._wait = wait_seconds
        self._pool_size = pool_size
        self._writer = threading.Lock()
        self._places = threading.BoundedSemaphore(2 * pool_size)  # as many as the pool has connections
        self._opened = False  # whether the files were there once
        self._generation = 0  # of connections; those of an older one are closed
        self._engine: Engine = create_engine(
            "sqlite://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=wait_seconds,
            query_cache_size=2_000,
            hide_parameters=True,  # values may be names and phone numbers, and errors are logged
        )
        event.listen(self._engine, "begin", _begin)
        event.listen(self._engine, "handle_error", self._drop_spoiled)
        event.listen(self._engine, "connect", self._remember)
        event.listen(self._engine, "checkout", self._same_files)
        event.listen(self._engine, "checkin", self._keep_sound)
        self.watching = Watching(self._engine)

    def _connect(self) -> sqlite3.Connection:
        try:
            self._identity()
            return connect(self.path, self._wait)
        except FileNotFoundError as error:
            raise self._absent() from error
        except OSError as error:
            raise refusal(error) from error

    def _identity(self) -> tuple[tuple[int, int], ...]:
        """Which files lie at the two paths now. Raises FileNotFoundError."""
        found = [file.stat() for file in (self.path, self.private_path)]
        return tuple((each.st_dev, each.st_ino) for each in found)

    def _absent(self) -> StoreProblem:
        """A file is never made on the way: an empty one in the place of a lost one would hide the loss."""
        if self._opened:
            return StoreUnavailable(
                "The store's files were here and are gone; bring them back, or restore the newest backup.",
                retry_after=LATER,
            )
        return SchemaMissing(f"There is no store at {self.path.name} yet; run `gridgov init`.")

    def _remember(self, _: Any, record: ConnectionPoolEntry) -> None:
        record.info["files"] = self._identity()
        record.info["generation"] = self._generation
        self._opened = True

    def _drop_spoiled(self, context: ExceptionContext) -> None:
        """Close this connection, all idle ones now, and those in use when they come back."""
        if not spoils(context.original_exception):
            return
        context.is_disconnect = True
        self._generation += 1
        self._engine.dispose()

    def _keep_sound(self, _: Any, record: ConnectionPoolEntry) -> None:
        if record.info.get("generation", self._generation) != self._generation:
            record.invalidate()

    def _same_files(self, _: Any, record: ConnectionPoolEntry, __: Any) -> None:
        """A connection whose file was moved, removed or replaced would take writes that nobody finds again."""
        try:
            same = record.info["files"] == self._identity()
        except OSError:
            same = False
        if not same:
            raise DisconnectionError

    def reopen(self) -> SqliteStore:
        """See Store.reopen."""
        return SqliteStore(self.path, pool_size=self._pool_size, wait_seconds=self._wait)

    @contextmanager
    def begin(self, scope: Scope, now: dt.datetime, *, write: bool = False) -> Iterator[Transaction]:
        """See Store.begin; waits for other writers, a connection and the file for `wait_seconds` all together."""
        until = time.monotonic() + self._wait
        options = {"gridgov_write": write, "gridgov_until": until}
        with (
            _translated(self.path),
            self._turn(until, write=write),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            tx = Transaction(connection, self.dialect, scope, now, write=write)
            yield tx
            tx.finish()

    @contextmanager
    def _turn(self, until: float, *, write: bool) -> Iterator[None]:
        """Writers of this process queue here: waiting at the file, they are woken in no order and some starve."""
        with ExitStack() as held:
            if write:
                held.enter_context(_held(self._writer, until, "Another writer holds the store"))
            held.enter_context(_held(self._places, until, "All connections to the store are in use"))
            yield

    def check(self) -> None:
        """See Store.check."""
        for schema, folder in _FOLDERS:
            until = time.monotonic() + self._wait
            with (
                _translated(self.path),
                self._turn(until, write=False),
                self._engine.connect().execution_options(gridgov_until=until) as connection,
            ):
                migrate.check(SqliteMigrations(connection, schema), folder)

    def migrate(self, now: dt.datetime) -> list[str]:
        """See Store.migrate; each file is migrated over a connection of its own, in one transaction."""
        applied: list[str] = []
        for file, folder in ((self.private_path, "sqlite-private"), (self.path, "sqlite-map")):
            with _translated(file):
                _make_file(file)
                applied += migrate_file(file, folder, now, self._wait)
        return applied

    def close(self) -> None:
        """See Store.close."""
        self._engine.dispose()


_FOLDERS = ((MAP, "sqlite-map"), ("main", "sqlite-private"))


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    """Turns what the driver and its pool raise into the errors of the store in `file`."""
    try:
        yield
    except (DBAPIError, PoolTimeout, sqlite3.Error) as error:
        translated = meaning(error, writable=os.access(file.parent, os.W_OK))
        if translated is None:
            raise
        raise translated from error


@contextmanager
def _held(lock: threading.Lock | threading.Semaphore, until: float, busy: str) -> Iterator[None]:
    """Takes the lock for the block, or is told why not at the monotonic instant `until`."""
    if not lock.acquire(timeout=max(0.0, until - time.monotonic())):
        raise StoreBusy(f"{busy}; try again in a moment.", retry_after=SOON)
    try:
        yield
    finally:
        lock.release()


def _make_file(file: Path) -> None:
    """An empty file for its owner only, in a folder that is made when it is missing; one that is there stays."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise refusal(error) from error


def sqlite_facts() -> tuple[str, bool]:
    """The version of the SQLite library and whether it has the R*Tree that the embedded store needs."""
    with closing(sqlite3.connect(":memory:")) as connection:
        options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    return sqlite3.sqlite_version, "ENABLE_RTREE" in options


def private_path(path: Path) -> Path:
    """The file of accounts, sessions and contacts that belongs to a map file."""
    return path.with_name(path.stem + ".private.sqlite")


def connect(path: Path, wait_seconds: float) -> sqlite3.Connection:
    """A connection over both files with every pragma and function that the triggers need."""
    connection = sqlite3.connect(
        private_path(path), timeout=wait_seconds, check_same_thread=False, factory=_Connection
    )
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


class _Connection(sqlite3.Connection):
    """Closes its cursors with itself: SQLite keeps a connection alive behind its closing while one is open.

    An error's traceback holds its cursor for a while, and such a ghost holds what spoiled the connection.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._cursors: weakref.WeakSet[sqlite3.Cursor] = weakref.WeakSet()

    def cursor(self, *arguments: Any, **named: Any) -> Any:
        """See sqlite3.Connection.cursor."""
        made = super().cursor(*(arguments or (TimedCursor,)), **named)
        self._cursors.add(made)
        return made

    def close(self) -> None:
        """See sqlite3.Connection.close."""
        for cursor in list(self._cursors):
            cursor.close()
        super().close()


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.isolation_level = None
    for name, function in GEOPACKAGE_FUNCTIONS.items():
        connection.create_function(name, 1, function, deterministic=True)
    connection.create_function("lower", 1, _lower, deterministic=True)
    connection.execute(f"ATTACH DATABASE ? AS {MAP}", (str(path),))
    for schema in ("main", MAP):
        connection.execute(f"PRAGMA {schema}.journal_mode = WAL")
        connection.execute(f"PRAGMA {schema}.synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA {MAP}.cache_size = -65536")
    connection.execute("PRAGMA temp_store = MEMORY")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _begin(connection: Connection) -> None:
    """The time that is left is for waiting at the file; each use of a connection sets it anew."""
    options = connection.get_execution_options()
    write = options.get("gridgov_write", False)
    left = max(0, round((options["gridgov_until"] - time.monotonic()) * 1000))
    connection.connection.driver_connection.execute(f"PRAGMA busy_timeout = {left}").close()  # type: ignore[union-attr]
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


class SqliteMigrations:
    """What gridgov.store.migrate needs to know of one SQLite file."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def applied(self) -> dict[int, tuple[str, str]]:
        """Number → (name, checksum) of the migrations in the file; empty without the table."""
        there = self._connection.exec_driver_sql(
            f"SELECT 1 FROM {self._schema}.sqlite_master WHERE name = 'schema_migrations'"
        ).first()
        if there is None:
            return {}
        rows = self._connection.exec_driver_sql(
            f"SELECT number, name, checksum FROM {self._schema}.schema_migrations"
        )
        return {row[0]: (row[1], row[2]) for row in rows}


def migrate_file(file: Path, folder: str, now: dt.datetime, wait_seconds: float) -> list[str]:
    """Apply the missing migrations of `folder` to one file in one transaction; returns their names."""
    connection = sqlite3.connect(file, timeout=wait_seconds)
    connection.isolation_level = None
    try:
        for name, function in GEOPACKAGE_FUNCTIONS.items():
            connection.create_function(name, 1, function, deterministic=True)
        if folder == "sqlite-map":
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_GEOPACKAGE_VERSION}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            applied = _apply(connection, folder, now)
            if folder == "sqlite-map":
                write_layer_styles(connection, now)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return applied
    finally:
        connection.close()


def _apply(connection: sqlite3.Connection, folder: str, now: dt.datetime) -> list[str]:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").fetchone()
    rows = connection.execute("SELECT number, name, checksum FROM schema_migrations") if there else ()
    known = {row[0]: (row[1], row[2]) for row in rows}
    missing = migrate.missing(known, folder)
    for step in missing:
        for statement in migrate.statements(step.sql, sqlite3.complete_statement):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
            (step.number, step.name, step.checksum, now.isoformat()),
        )
    return [f"{folder}/{step.name}" for step in missing]
