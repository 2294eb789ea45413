"""Make a backup while the service runs: one moment of the store, and every file that this moment names."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path

from gridgov import __version__
from gridgov.access import Scope
from gridgov.backup.archive import ArchiveWriter, new_archive
from gridgov.backup.files import keys_of, still_wanted
from gridgov.backup.leavings import BACKUP, scratch, sweep
from gridgov.backup.manifest import (
    FILES,
    STORE,
    Manifest,
    Revision,
    TableContents,
    steps_told,
    told_settings,
)
from gridgov.blobs import BlobStore
from gridgov.errors import NotFound
from gridgov.exchange.progress import Progress, Silent
from gridgov.settings import Settings
from gridgov.store import Store
from gridgov.store.copying import count_rows, list_revisions, snapshot
from gridgov.store.copying_parts import Snapshot


def back_up(
    store: Store,
    blobs: BlobStore,
    path: Path,
    now: dt.datetime,
    *,
    settings: Settings,
    progress: Progress | None = None,
) -> Manifest:
    """Write one archive with everything that must not be lost; returns its manifest.

    Writers go on meanwhile; the copy is of one moment. A file that is missing though the store names it makes the
    backup incomplete: the archive is kept, `manifest.missing` tells the keys, `manifest.damaged` those of photos that
    are not what their names say. Raises ArchiveProblem when `path` is
    there already, StoreFull, StoreReadOnly, NotFound (no such folder), and what the store raises.
    """
    shown = progress or Silent()
    sweep(path.resolve().parent, now)
    with new_archive(path, shown) as archive, scratch(path, BACKUP) as folder:
        with snapshot(store, now) as copy:
            shown.start(sum(copy.sizes().values()), "store")
            for part in copy.sizes():
                with archive.entry(STORE + part, now) as target:
                    copy.write(part, target, folder)
            keys = keys_of(copy.tx, copy.contents().tables)
            told = _told(copy, now, settings)
        shown.start(len(keys.wanted) + len(keys.kept), "files")
        lacking = _add_files(archive, blobs, keys.wanted, now, shown)
        _add_files(archive, blobs, keys.kept, now, shown)
        missing, erased = _reasons(store, lacking, now)
        manifest = told.model_copy(update={"entries": archive.entries, "missing": missing, "erased": erased})
        archive.close(manifest, now)
    return manifest


def _told(copy: Snapshot, now: dt.datetime, settings: Settings) -> Manifest:
    contents = copy.contents()
    counts = count_rows(copy.tx, contents.tables)
    return Manifest.model_validate(
        {
            "gridgov": __version__,
            "made_at": now.astimezone(dt.UTC),
            "store": contents.kind,
            "migrations": steps_told(contents),
            "tables": [
                TableContents(name=name, columns=list(columns), rows=counts[name])
                for name, columns in contents.tables.items()
            ],
            "revisions": [Revision(**row) for row in list_revisions(copy.tx)],
            "settings": told_settings(settings),
            "entries": [],
        }
    )


def _add_files(
    archive: ArchiveWriter, blobs: BlobStore, keys: Sequence[str], now: dt.datetime, shown: Progress
) -> list[str]:
    """Put the files into the archive; returns the keys that are not there."""
    lacking = []
    for key in keys:
        try:
            opened = blobs.open(key)
            with opened as source, archive.entry(FILES + key, now) as target:
                shutil.copyfileobj(source, target, 1024**2)
        except NotFound:
            lacking.append(key)
        shown.advance()
    return lacking


def _reasons(store: Store, lacking: Sequence[str], now: dt.datetime) -> tuple[list[str], list[str]]:
    """Of the files that were not there: those still wanted, so missing, and those erased while the copy was made."""
    if not lacking:
        return [], []
    with store.begin(Scope.system(""), now) as tx:
        missing = [key for key in lacking if still_wanted(tx, key)]
    return missing, [key for key in lacking if key not in missing]
