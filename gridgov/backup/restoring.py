"""Look a backup over, and put it back into an empty place: all of it or nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from gridgov.backup.archive import Archive, check_seal, open_archive
from gridgov.backup.files import check_file, put_whole
from gridgov.backup.leavings import VERIFY, scratch, sweep
from gridgov.backup.manifest import FILES, STORE, Manifest
from gridgov.blobs import BlobStore
from gridgov.errors import ArchiveDamaged, StoreFull
from gridgov.exchange.progress import Progress, Silent
from gridgov.ownership import begin_filling, take
from gridgov.store import Store
from gridgov.store.copying import examine, require_empty
from gridgov.store.copying import restore as restore_store

_PIECE = 1024**2


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a restore. sessions: how many people have to sign in again."""

    manifest: Manifest
    sessions: int


def verify(path: Path, *, now: dt.datetime | None = None, progress: Progress | None = None) -> Manifest:
    """Read a whole backup and compare it with its manifest; returns the manifest.

    Hashes of all entries, rows of every table; an embedded store's copy is unpacked beside the archive, opened and
    checked (integrity, references). now: what a killed command left there more than a day before is removed; None:
    nothing is. Raises NotFound, ArchiveDamaged with the entry's name, SchemaTooNew, StoreFull.
    """
    shown = progress or Silent()
    with open_archive(path) as archive:
        if now is not None:
            sweep(path.resolve().parent, now)
        manifest = archive.manifest
        shown.start(len(manifest.files), "files")
        for entry in manifest.files:
            with archive.open(entry.name) as source:
                while source.read(_PIECE):
                    pass
            shown.advance()
        shown.start(len(manifest.entries) - len(manifest.files), "store")
        _check_store(archive)
    shown.start(path.stat().st_size, "seal")
    check_seal(path, shown)
    return manifest


def restore(
    store: Store,
    blobs: BlobStore,
    path: Path,
    now: dt.datetime,
    *,
    take_over: bool = False,
    progress: Progress | None = None,
) -> Restored:
    """Put a backup into an empty store and an empty place of files; an older backup is brought up to date.

    Files come first: should this be interrupted, no record exists that names a file that is not there, and the
    same command begins anew. Sessions are ended, everything else is as it was; the store owns its files under an
    identity of its own. take_over: the place may hold the files of the store that is lost.
    Raises PlaceNotEmpty, ArchiveDamaged, ArchiveProblem, SchemaTooNew, SchemaAltered, StoreFull.
    """
    shown = progress or Silent()
    with open_archive(path) as archive:
        manifest = archive.manifest
        require_empty(store, manifest.contents(), now)
        name = hashlib.sha256(manifest.as_bytes()).hexdigest()[:24]
        begin_filling(blobs, f"restore-{name}", take_over=take_over)
        damaged = frozenset(manifest.damaged)  # they go back as they are: a part of a photo is more than none
        shown.start(len(manifest.files), "files")
        for entry in manifest.files:
            key = entry.name.removeprefix(FILES)
            with archive.open(entry.name) as source:
                put_whole(blobs, key, source)
            if key not in damaged:
                check_file(blobs, key)
            shown.advance()
        shown.start(1, "store")
        sessions = restore_store(store, manifest.contents(), archive.part, now)
        take(store, blobs, now)
        shown.advance()
    return Restored(manifest, sessions)


def _check_store(archive: Archive) -> None:
    manifest = archive.manifest
    needed = sum(entry.size for entry in manifest.entries if entry.name.startswith(STORE))
    folder = archive.path.resolve().parent
    if manifest.store == "sqlite" and shutil.disk_usage(folder).free < needed:
        raise StoreFull(
            f"To check the copy of the store, {needed // 1024**2 + 1} MiB are needed in {folder}; make room there."
        )
    with scratch(archive.path, VERIFY) as unpacked:
        counts = examine(manifest.contents(), archive.part, unpacked)
    for table in manifest.tables:
        if counts.get(table.name) != table.rows:
            raise ArchiveDamaged(
                f"The backup has {counts.get(table.name)} rows of {table.name}, its manifest says {table.rows}.",
                table=table.name,
            )
