"""Raw copies of the embedded store: both files as finished databases of one moment, and putting them back.

The copies are made by SQLite's own backup over a connection of the store, and are whole files without a write-ahead
log. Only they are ever opened as plain files, never the live ones (DESIGN §7).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
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

__all__ = [
    "FOLDERS",
    "KIND",
    "FileSnapshot",
    "SqliteDialect",
    "examine",
    "has_tables",
    "look_at_both",
    "require_nothing",
    "restore",
]

KIND = "sqlite"
MAP_PART, PRIVATE_PART = "map.gpkg", "private.sqlite"
# part → (schema name on the connection, folder of its migrations)
_PARTS = {PRIVATE_PART: ("main", "sqlite-private"), MAP_PART: (MAP, "sqlite-map")}
FOLDERS = tuple(folder for _, folder in _PARTS.values())
_PAGES = 2_048  # copied at once, so that Ctrl-C is heard
_WAIT_SECONDS = 5.0
_MARK = ".restoring"
_LOGS = ("-wal", "-shm", "-journal")
_LIVING_SESSIONS = (
    "SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND replaced_at IS NULL AND expires_at > ?"
)
_END_SESSIONS = "UPDATE sessions SET revoked_at = ? WHERE revoked_at IS NULL"


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
    """Raises PlaceNotEmpty unless nothing is there, SchemaTooNew and SchemaAltered for the copy."""
    require_known(contents.migrations, FOLDERS)
    require_nothing(store.path)


def restore(store: SqliteStore, open_part: OpenPart, now: dt.datetime) -> int:
    """Write both files beside their place, bring them up to date, then rename both; see gridgov.store.copying.restore.

    A mark that names both files lies there from before the first rename until after the second: after a crash between
    the two, the next restore knows the one file that is there as its own and puts both anew.
    """
    places = _places(store.path)
    drafts = {part: place.with_name(f"{place.name}.part") for part, place in places.items()}
    try:
        store.path.parent.mkdir(parents=True, exist_ok=True)
        for part, draft in drafts.items():
            _write(draft, open_part, part)
            migrate_file(draft, _PARTS[part][1], now, _WAIT_SECONDS)
        ended = _finish(drafts, now)
        require_nothing(store.path)  # still: writing took a while
        for place in places.values():
            place.unlink(missing_ok=True)
        _write_mark(store.path, drafts)
        for part, place in places.items():
            drafts[part].replace(place)
        flush_folder(store.path.parent)
        _mark(store.path).unlink()
    except OSError as error:
        raise file_trouble(error, store.path) from error
    finally:
        for draft in drafts.values():
            _remove_with_log(draft)
    return ended


def examine(contents: Contents, open_part: OpenPart, folder: Path) -> Mapping[str, int]:
    """Unpack both files into `folder`, let SQLite check them, and count; see gridgov.store.copying.examine."""
    require_known(contents.migrations, FOLDERS)
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
                ended = connection.execute(_LIVING_SESSIONS, (instant_text(now),)).fetchone()[0]
                connection.execute(_END_SESSIONS, (instant_text(now),))
            connection.execute("PRAGMA journal_mode = DELETE")
        with draft.open("rb") as finished:
            os.fsync(finished.fileno())
    return ended


def require_nothing(path: Path) -> None:
    """Raises PlaceNotEmpty when a file of a store lies there: either file, or a log, which may hold the newest records.

    What a restore left that was killed between its two renames does not count.
    """
    there = [
        file
        for place in _places(path).values()
        for file in (place, *_logs(place))
        if file.exists() and file.stat().st_size
    ]
    if there and not _is_left_half(path, there):
        raise PlaceNotEmpty(
            f"There is a store, or what is left of one, already: {', '.join(file.name for file in there)} in "
            f"{path.parent}. Take another path, or move all of these files away together: -wal holds the newest "
            "records, and without it a damaged store cannot be looked at.",
            files=[file.name for file in there],
        )


def _places(path: Path) -> dict[str, Path]:
    return {MAP_PART: path, PRIVATE_PART: private_path(path)}


def _logs(file: Path) -> list[Path]:
    return [file.with_name(file.name + ending) for ending in _LOGS]


def _mark(path: Path) -> Path:
    return path.with_name(path.name + _MARK)


def _write_mark(path: Path, drafts: Mapping[str, Path]) -> None:
    """Name both drafts, on the disk, before the first gets its place."""
    _mark(path).unlink(missing_ok=True)
    descriptor = os.open(_mark(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as target:
        json.dump({part: _identity(draft) for part, draft in drafts.items()}, target)
        target.flush()
        os.fsync(target.fileno())
    flush_folder(path.parent)


def _is_left_half(path: Path, there: Sequence[Path]) -> bool:
    """Whether these are one file only, untouched since an interrupted restore put it: nobody used that store."""
    if len(there) != 1:
        return False
    try:
        told = json.loads(_mark(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False
    part = next((part for part, place in _places(path).items() if place == there[0]), None)
    return isinstance(told, dict) and part in told and told[part] == _identity(there[0])


def _identity(file: Path) -> list[int]:
    """What stays when a file is renamed and differs for every other file, and for this one once it is written to."""
    status = file.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _remove_with_log(file: Path) -> None:
    for each in (file, *_logs(file)):
        each.unlink(missing_ok=True)
