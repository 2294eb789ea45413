"""The production store: PostgreSQL 15+ with PostGIS 3.3+, through SQLAlchemy and psycopg2."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
import shapely
from sqlalchemy import ColumnElement, Connection, Engine, Table, collate, create_engine, func, text
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gridgov.access import Scope
from gridgov.errors import GridgovError
from gridgov.store import migrate
from gridgov.store.bulk import converted, geometry_column
from gridgov.store.dialect import Box
from gridgov.store.postgis_errors import meaning
from gridgov.store.transaction import Transaction
from gridgov.store.watching import Watching

FOLDER = "postgis"
_PIECE = 20_000
_NULL = "\\N"
_BOUNDARIES_LOCK = 0x626F7264  # "bord": seed of the lock between links and publications of a zone
_MIGRATION_LOCK = 0x67726964  # "grid": one migration at a time per database


class PostgisDialect:
    """PostgreSQL's part of the store: see gridgov.store.dialect."""

    name = "postgresql"
    serial_writers = False
    insert = staticmethod(postgres_insert)

    def box_candidates(self, table: Table, box: Box) -> ColumnElement[bool]:
        """By the GiST index: && on bounding boxes."""
        condition: ColumnElement[bool] = table.c.geometry.op("&&", is_comparison=True)(
            func.ST_MakeEnvelope(*(float(side) for side in box), 4326)
        )
        return condition

    def bulk_insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """COPY, in pieces that keep memory flat."""
        driver = connection.connection.driver_connection
        names = ", ".join(f'"{name}"' for name in rows[0]) if rows else ""
        with driver.cursor() as cursor:  # type: ignore[union-attr]
            for start in range(0, len(rows), _PIECE):
                piece = _copy_text(rows[start : start + _PIECE])
                cursor.copy_expert(f'COPY "{table.name}" ({names}) FROM STDIN', piece)

    def refresh_statistics(self, connection: Connection, table: Table) -> None:
        """ANALYZE."""
        connection.exec_driver_sql(f'ANALYZE "{table.name}"')

    def hold_boundaries(self, connection: Connection, zone: str, *, exclusive: bool) -> None:
        """An advisory lock of the transaction, whose queue is first come, first served."""
        name = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
        connection.exec_driver_sql(f"SELECT {name}(hashtextextended(%s, {_BOUNDARIES_LOCK}))", (zone,))

    def lowered(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """By ICU's rules; the columns themselves compare by bytes."""
        return func.lower(collate(column, "und-x-icu"))

    def unindexed(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """PostgreSQL's planner weighs both indexes by its statistics."""
        return column

    def translate(self, error: Exception) -> GridgovError | None:
        """See StoreDialect.translate."""
        return meaning(error)


def _copy_text(rows: Sequence[Mapping[str, Any]]) -> io.StringIO:
    columns: list[Sequence[str]] = []
    for name in rows[0]:
        if name == "geometry":
            shapes = shapely.set_srid(geometry_column(rows), 4326)
            written = shapely.to_wkb(shapes, hex=True, include_srid=True).tolist()
            columns.append([_NULL if cell is None else cell for cell in written])
        else:
            columns.append(converted([row[name] for row in rows], _copy_value))
    return io.StringIO("\n".join(map("\t".join, zip(*columns, strict=True))) + "\n")


def _copy_value(value: Any) -> str:
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    elif isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    elif isinstance(value, float):
        return repr(value)
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


class PostgisStore:
    """A store in one PostgreSQL database; see gridgov.store.base.Store."""

    def __init__(self, url: str, *, pool_size: int = 10, wait_seconds: float = 5.0) -> None:
        self._source = (url, pool_size, wait_seconds)
        parsed = make_url(url).set(drivername="postgresql+psycopg2")
        self.url = parsed.render_as_string(hide_password=True)
        self.dialect = PostgisDialect()
        self._engine: Engine = create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=wait_seconds,
            pool_pre_ping=True,
            query_cache_size=2_000,
            hide_parameters=True,  # values may be names and phone numbers, and errors are logged
            connect_args={
                "client_encoding": "utf8",  # whatever the database or PGCLIENTENCODING says
                "connect_timeout": max(2, round(wait_seconds)),
                # A server that vanished without a word (power, network) is noticed after this long, not after hours.
                "keepalives_idle": max(2, round(wait_seconds)),
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": round(wait_seconds * 2_000),
                "options": f"-c timezone=UTC -c lock_timeout={round(wait_seconds * 1000)}ms -c jit=off",
            },
        )
        self.watching = Watching(self._engine)

    def reopen(self) -> PostgisStore:
        """See Store.reopen."""
        url, pool_size, wait_seconds = self._source
        return PostgisStore(url, pool_size=pool_size, wait_seconds=wait_seconds)

    @contextmanager
    def begin(self, scope: Scope, now: dt.datetime, *, write: bool = False) -> Iterator[Transaction]:
        """See Store.begin; readers see one consistent moment (repeatable read), writers the latest committed rows."""
        level = "READ COMMITTED" if write else "REPEATABLE READ"
        options = {"isolation_level": level, "postgresql_readonly": not write}
        with (
            _translated(),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            tx = Transaction(connection, self.dialect, scope, now, write=write)
            yield tx
            tx.finish()

    def check(self) -> None:
        """See Store.check."""
        with _translated(), self._engine.connect() as connection:
            migrate.check(PostgisMigrations(connection), FOLDER)

    def migrate(self, now: dt.datetime) -> list[str]:
        """See Store.migrate; all missing steps in one transaction."""
        with _translated(), self._engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            steps = migrate.missing(PostgisMigrations(connection).applied(), FOLDER)
            return apply_migrations(connection, steps, now)

    def close(self) -> None:
        """See Store.close."""
        self._engine.dispose()


def apply_migrations(
    connection: Connection, steps: Sequence[migrate.Migration], now: dt.datetime
) -> list[str]:
    """Run these steps in the connection's transaction and note them; returns their names."""
    for step in steps:
        connection.exec_driver_sql(step.sql.replace("%", "%%"))
        connection.execute(
            text(
                "INSERT INTO schema_migrations (number, name, checksum, applied_at)"
                " VALUES (:number, :name, :checksum, :now)"
            ),
            {"number": step.number, "name": step.name, "checksum": step.checksum, "now": now},
        )
    return [f"{FOLDER}/{step.name}" for step in steps]


@contextmanager
def _translated() -> Iterator[None]:
    """Turns what the driver and its pool raise into the errors of the store."""
    try:
        yield
    except (DBAPIError, PoolTimeout, psycopg2.Error) as error:
        translated = meaning(error)
        if translated is None:
            raise
        raise translated from error


class PostgisMigrations:
    """What gridgov.store.migrate needs to know of a PostgreSQL database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def applied(self) -> dict[int, tuple[str, str]]:
        """Number → (name, checksum) of the migrations in the database; empty without the table."""
        there = self._connection.execute(text("SELECT to_regclass('schema_migrations')")).scalar_one()
        if there is None:
            return {}
        rows = self._connection.execute(text("SELECT number, name, checksum FROM schema_migrations"))
        return {row[0]: (row[1], row[2]) for row in rows}
