"""Raw copies of the embedded store: both files as finished databases of one moment, and putting them back.

The copies are made by SQLite's own backup over a connection of the store, and are whole files without a write-ahead
log. Only they are ever opened as plain files, never the live ones (DESIGN §7).
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import cast

from sqlalchemy import Connection

from gridgov.errors import ArchiveDamaged, PlaceNotEmpty, StoreFull
from gridgov.store.copying_parts import (
    PIECE,
    Contents,
    OpenPart,
    Target,
    file_trouble,
    flush_folder,
    require_known,
    steps_of,
)
from gridgov.store.schema_base import metadata
from gridgov.store.schema_private import PRIVATE
from gridgov.store.sqlite import (
    MAP,
    SqliteDialect,
    SqliteMigrations,
    SqliteStore,
    connect,
    migrate_file,
    private_path,
)
from gridgov.store.transaction import Transaction
from gridgov.store.types import instant_text

__all__ = ["KIND", "FileSnapshot", "SqliteDialect", "examine", "has_tables", "look_at_both", "restore"]

KIND = "sqlite"
MAP_PART, PRIVATE_PART = "map.gpkg", "private.sqlite"
# part → (schema name on the connection, folder of its migrations)
_PARTS = {PRIVATE_PART: ("main", "sqlite-private"), MAP_PART: (MAP, "sqlite-map")}
_PAGES = 2_048  # copied at once, so that Ctrl-C is heard
_WAIT_SECONDS = 5.0
_MARK = ".restoring"


class FileSnapshot:
    """Both files at one moment; see gridgov.store.copying_parts.Snapshot."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        columns = {table.name: _columns(tx.connection, table.name) for table in metadata.sorted_tables}
        self._tables = {name: there for name, there in columns.items() if there}

    def contents(self) -> Contents:
        """See Snapshot.contents."""
        connection = self.tx.connection
        return Contents(
            KIND,
            {
                folder: steps_of(SqliteMigrations(connection, schema).applied())
                for schema, folder in _PARTS.values()
            },
            self._tables,
        )

    def sizes(self) -> Mapping[str, int]:
        """See Snapshot.sizes."""
        return {part: self._size(schema) for part, (schema, _) in _PARTS.items()}

    def write(self, part: str, target: Target, scratch: Path) -> None:
        """See Snapshot.write: the copy is finished in `scratch` first, because SQLite writes no streams."""
        copy = scratch / part
        source = cast("sqlite3.Connection", self.tx.connection.connection.driver_connection)
        try:
            with closing(sqlite3.connect(copy)) as made:
                made.execute("PRAGMA synchronous = OFF")  # the archive is what is flushed
                source.backup(made, pages=_PAGES, name=_PARTS[part][0])
                made.execute("PRAGMA journal_mode = DELETE")
            with copy.open("rb") as finished:
                while piece := finished.read(PIECE):
                    target.write(piece)
        except sqlite3.OperationalError as error:
            if "full" in str(error):  # the copy's disk: the store itself is only read
                room = f"There is no room for the copy of the store in {scratch.parent}; nothing was kept."
                raise StoreFull(f"{room} Make room there, or name a file elsewhere.") from error
            raise
        finally:
            copy.unlink(missing_ok=True)

    def _size(self, schema: str) -> int:
        pages, size = (
            int(self.tx.connection.exec_driver_sql(f"PRAGMA {schema}.{word}").scalar_one())
            for word in ("page_count", "page_size")
        )
        return pages * size


def look_at_both(connection: Connection) -> None:
    """Fix the moment that a reading transaction sees of each file."""
    for schema, _ in _PARTS.values():
        connection.exec_driver_sql(f"SELECT count(*) FROM {schema}.sqlite_master").scalar_one()


def has_tables(connection: Connection) -> bool:
    """Whether the map file has gridgov's tables at all."""
    return bool(SqliteMigrations(connection, MAP).applied())


def require_place(store: SqliteStore, contents: Contents) -> None:
    """Raises PlaceNotEmpty unless neither file is there, SchemaTooNew and SchemaAltered for the copy."""
    require_known(contents.migrations, [folder for _, folder in _PARTS.values()])
    if not _mark(store).exists():
        _require_empty(store.path)


def restore(store: SqliteStore, open_part: OpenPart, now: dt.datetime) -> int:
    """Write both files beside their place, bring them up to date, then rename both; see gridgov.store.copying.restore.

    A mark lies there from before the first rename until after the second: after a crash between the two, the next
    restore knows the half as its own and puts both files anew.
    """
    places = {MAP_PART: store.path, PRIVATE_PART: private_path(store.path)}
    mark = _mark(store)
    drafts = {part: place.with_name(f"{place.name}.part") for part, place in places.items()}
    try:
        store.path.parent.mkdir(parents=True, exist_ok=True)
        for part, draft in drafts.items():
            _write(draft, open_part, part)
            migrate_file(draft, _PARTS[part][1], now, _WAIT_SECONDS)
        ended = _finish(drafts, now)
        mark.touch(mode=0o600)
        for place in places.values():
            _remove_with_log(place)
        for part, place in places.items():
            drafts[part].replace(place)
        flush_folder(store.path.parent)
        mark.unlink()
    except OSError as error:
        raise file_trouble(error, store.path) from error
    finally:
        for draft in drafts.values():
            _remove_with_log(draft)
    return ended


def examine(contents: Contents, open_part: OpenPart, folder: Path) -> Mapping[str, int]:
    """Unpack both files into `folder`, let SQLite check them, and count; see gridgov.store.copying.examine."""
    require_known(contents.migrations, [folder for _, folder in _PARTS.values()])
    copy = folder / MAP_PART
    for part, file in ((MAP_PART, copy), (PRIVATE_PART, private_path(copy))):
        _write(file, open_part, part)
    with closing(connect(copy, _WAIT_SECONDS)) as connection:
        try:
            for part, (schema, _) in _PARTS.items():
                _check(connection, schema, part)
            return {
                name: connection.execute(f'SELECT count(*) FROM {_schema_of(name)}."{name}"').fetchone()[0]
                for name in contents.tables
            }
        except sqlite3.DatabaseError as error:
            raise ArchiveDamaged(f"The store in the backup cannot be read: {error}.") from error


def _check(connection: sqlite3.Connection, schema: str, part: str) -> None:
    found = [row[0] for row in connection.execute(f"PRAGMA {schema}.integrity_check(5)")]
    if found != ["ok"]:
        raise ArchiveDamaged(f"SQLite finds {part} damaged: {'; '.join(found)}.", part=part)
    loose = connection.execute(f"PRAGMA {schema}.foreign_key_check").fetchone()
    if loose is not None:
        raise ArchiveDamaged(
            f"In {part} the row {loose[1]} of {loose[0]} refers to a {loose[2]} that is not there.", part=part
        )


def _columns(connection: Connection, table: str) -> list[str]:
    """The table's columns in its file; none when the store still waits for the upgrade that makes the table."""
    rows = connection.exec_driver_sql(f"PRAGMA {_schema_of(table)}.table_info({table})")
    return [row[1] for row in rows]


def _schema_of(table: str) -> str:
    return "main" if table in PRIVATE else MAP


def _write(file: Path, open_part: OpenPart, part: str) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as target, open_part(part) as source:
        while piece := source.read(PIECE):
            target.write(piece)


def _finish(drafts: Mapping[str, Path], now: dt.datetime) -> int:
    """End the sessions and leave two whole files on the disk; returns how many sessions ended."""
    ended = 0
    for part, draft in drafts.items():
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            if part == PRIVATE_PART:
                ended = connection.execute(
                    "UPDATE sessions SET revoked_at = ? WHERE revoked_at IS NULL", (instant_text(now),)
                ).rowcount
            connection.execute("PRAGMA journal_mode = DELETE")
        with draft.open("rb") as finished:
            os.fsync(finished.fileno())
    return ended


def _mark(store: SqliteStore) -> Path:
    return store.path.with_name(store.path.name + _MARK)


def _require_empty(path: Path) -> None:
    there = [file for file in (path, private_path(path)) if file.exists() and file.stat().st_size]
    if there:
        raise PlaceNotEmpty(
            f"There is a store already: {' and '.join(file.name for file in there)} in {path.parent}. "
            "Restore into another path, or move these files away first.",
            files=[file.name for file in there],
        )


def _remove_with_log(file: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
