"""Raw copies of a whole store for a backup: one consistent moment, written part by part, and put back.

What a part is differs: a finished file of the embedded store, a table's rows in PostgreSQL's own text format. A copy
goes back only into the kind of store it came from; between kinds, gridgov.store.copying_rows carries rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import func, select

from gridgov.access import Scope
from gridgov.errors import ArchiveProblem, SchemaMissing, StoreBusy, StoreReadOnly
from gridgov.store import copying_postgis, copying_sqlite
from gridgov.store.base import Store, Tx
from gridgov.store.copying_parts import Contents, OpenPart, Snapshot
from gridgov.store.postgis import FOLDER, PostgisStore
from gridgov.store.queries.connection import inside
from gridgov.store.schema import revisions, zones
from gridgov.store.schema_base import metadata
from gridgov.store.sqlite import SqliteStore
from gridgov.store.transaction import Transaction

_TRIES = 10  # of a store's waiting time each
KINDS = {copying_sqlite.KIND: "embedded store", copying_postgis.KIND: "PostgreSQL database"}
# Kind → the folders of data/schema that its migrations come from.
FOLDERS = {copying_sqlite.KIND: copying_sqlite.FOLDERS, copying_postgis.KIND: (FOLDER,)}


@contextmanager
def snapshot(store: Store, now: dt.datetime) -> Iterator[Snapshot]:
    """The whole store at one moment; it may wait for an upgrade, so that a backup can be made before.

    Raises StoreBusy, StoreUnavailable, SchemaMissing for a place without a store, SchemaTooNew, SchemaAltered.
    """
    try:
        store.check()
    except SchemaMissing:
        if not _made(store, now):
            raise
    with one_moment(store, now) as tx:
        yield _copy_of(store, tx)


@contextmanager
def one_moment(store: Store, now: dt.datetime) -> Iterator[Transaction]:
    """A reading transaction that sees one moment of everything; writers wait only until it has begun.

    PostgreSQL gives that by itself. An embedded store has two files, and a reader fixes the moment of each at its
    first look at it: so no writer may commit between the two looks.
    """
    everything = Scope.system("")
    with ExitStack() as stack:
        guard = _hold_writers(store, now) if isinstance(store, SqliteStore) else ExitStack()
        with guard:
            tx = inside(stack.enter_context(store.begin(everything, now)))
            if isinstance(store, SqliteStore):
                copying_sqlite.look_at_both(tx.connection)
        undisturbed(tx)
        yield tx


def _hold_writers(store: SqliteStore, now: dt.datetime) -> ExitStack:
    """What keeps writers waiting until it is closed. An import may hold the store for minutes, so it is tried often."""
    guard = ExitStack()
    for left in reversed(range(_TRIES)):
        try:
            guard.enter_context(store.begin(Scope.system(""), now, write=True))
        except StoreReadOnly:  # then nobody commits anyway, and a copy may be what saves the zone
            break
        except StoreBusy:
            if not left:
                raise
        else:
            break
    return guard


def undisturbed(tx: Tx) -> None:
    """Let nothing that the database's owner set for everyday work end this transaction or round its numbers."""
    transaction = inside(tx)
    if transaction.dialect.name == copying_postgis.KIND:
        copying_postgis.undisturbed(transaction.connection)


def count_rows(tx: Tx, names: Iterable[str]) -> dict[str, int]:
    """Table → rows of every zone."""
    connection = inside(tx).connection
    return {
        name: connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one()
        for name in names
    }


def list_revisions(tx: Tx) -> list[dict[str, Any]]:
    """Every revision: zone, kind, revision."""
    statement = select(revisions).order_by(revisions.c.zone, revisions.c.kind)
    return [dict(row) for row in inside(tx).connection.execute(statement).mappings()]


def restore(store: Store, contents: Contents, open_part: OpenPart, now: dt.datetime) -> int:
    """Put a raw copy into an empty place, bring it up to date and end its sessions; returns how many ended.

    All of it or nothing. Raises PlaceNotEmpty, ArchiveDamaged, SchemaTooNew, SchemaAltered, and ArchiveProblem when
    the copy is of the other kind of store.
    """
    require_empty(store, contents, now)
    if isinstance(store, PostgisStore):
        return copying_postgis.restore(store, contents, open_part, now)
    return copying_sqlite.restore(cast("SqliteStore", store), open_part, now)


def require_empty(store: Store, contents: Contents, now: dt.datetime) -> None:
    """Raises what `restore` raises before it writes: PlaceNotEmpty, ArchiveProblem, SchemaTooNew, SchemaAltered."""
    own = kind_of(store)
    if contents.kind != own:
        raise ArchiveProblem(
            f"This is a backup of a {KINDS.get(contents.kind, contents.kind)}, and {store.url} is of the other kind. "
            "Restore it into one of its own kind, then move it with `gridgov transfer`.",
            backup=contents.kind,
            place=own,
        )
    if isinstance(store, PostgisStore):
        copying_postgis.require_place(store, contents, now)
    else:
        copying_sqlite.require_place(cast("SqliteStore", store), contents)


def examine(contents: Contents, open_part: OpenPart, folder: Path) -> Mapping[str, int]:
    """Read every part to its end and count its rows; an embedded store's copy is opened in `folder` and checked.

    Table → rows. Raises ArchiveDamaged, SchemaTooNew, SchemaAltered.
    """
    if contents.kind == copying_sqlite.KIND:
        return copying_sqlite.examine(contents, open_part, folder)
    return copying_postgis.examine(contents, open_part)


def kind_of(store: Store) -> str:
    """Whether the store is "sqlite" or "postgresql"."""
    return copying_postgis.KIND if isinstance(store, PostgisStore) else copying_sqlite.KIND


def rows_there(store: Store, now: dt.datetime) -> dict[str, int]:
    """Table → rows of every zone at whatever level, changing nothing; {} for a place without tables.

    Raises PlaceNotEmpty for files that are no store or only a part of one, SchemaTooNew, SchemaAltered.
    """
    try:
        store.check()
    except SchemaMissing:
        if not _made(store, now):
            if isinstance(store, SqliteStore):
                copying_sqlite.require_nothing(store.path)
            return {}
    with store.begin(Scope.system(""), now) as tx:
        return count_rows(tx, _copy_of(store, inside(tx)).contents().tables)


def _copy_of(store: Store, tx: Transaction) -> Snapshot:
    if isinstance(store, SqliteStore):
        return copying_sqlite.FileSnapshot(tx)
    return copying_postgis.TableSnapshot(tx)


def waits_for_upgrade(store: Store, now: dt.datetime) -> bool:
    """Whether the store holds zones and lacks migrations: the moment for a backup."""
    try:
        store.check()
    except SchemaMissing:
        if _made(store, now):
            with store.begin(Scope.system(""), now) as tx:
                return count_rows(tx, [zones.name])[zones.name] > 0
    return False


def _made(store: Store, now: dt.datetime) -> bool:
    """Whether there are tables at all, of whatever level."""
    has_tables = copying_sqlite.has_tables if isinstance(store, SqliteStore) else copying_postgis.has_tables
    try:
        with store.begin(Scope.system(""), now) as tx:
            return has_tables(inside(tx).connection)
    except SchemaMissing:  # an embedded store without its files
        return False
