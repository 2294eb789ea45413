"""Move everything into another store, of whichever kind: all tables, all files, compared at the end."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from gridgov.access import Scope
from gridgov.backup.files import copy_files, keys_of, still_wanted
from gridgov.blobs import BlobStore
from gridgov.errors import ArchiveProblem, PlaceNotEmpty
from gridgov.exchange.progress import Progress, Silent
from gridgov.ownership import begin_filling, take
from gridgov.store import Store
from gridgov.store.copying import count_rows, one_moment, rows_there, undisturbed
from gridgov.store.copying_rows import (
    Digest,
    copy_table,
    digest_table,
    filling,
    tables,
)


@dataclass(frozen=True, slots=True)
class Transferred:
    """What went over. tables: name → rows and their hash, equal on both sides. files: how many."""

    tables: Mapping[str, Digest]
    files: int

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(digest.rows for digest in self.tables.values())


def transfer(
    source: Store,
    target: Store,
    source_files: BlobStore,
    target_files: BlobStore,
    now: dt.datetime,
    *,
    take_over: bool = False,
    progress: Progress | None = None,
) -> Transferred:
    """Copy one moment of `source` into the empty `target`; all of it or nothing, and `source` stays as it is.

    Ids, row numbers, versions, revisions, history, accounts and sessions stay equal, which is compared by a hash of
    every table on both sides before anything counts; then `target` owns its place of files, which must be empty, that
    of `source`, or by take_over anybody's. Raises PlaceNotEmpty, ArchiveProblem (a difference, a file that
    is missing), ArchiveDamaged (a file that is not what its name says), and what the stores raise; a `target` that is
    refused is not upgraded.
    """
    shown = progress or Silent()
    source.check()
    _require_empty(rows_there(target, now), target.url)
    target.migrate(now)
    everything = Scope.system("")
    stays = source_files.url == target_files.url
    if not stays:
        place = source.url.rpartition("@")[2] + target.url.rpartition("@")[2]
        name = hashlib.sha256(place.encode()).hexdigest()[:24]
        begin_filling(target_files, f"transfer-{name}", take_over=take_over)
    with one_moment(source, now) as reading, target.begin(everything, now, write=True) as writing:
        _require_empty(count_rows(writing, tables()), target.url)
        undisturbed(writing)
        named = keys_of(reading, tables())
        keys = [] if stays else named.wanted + named.kept
        shown.start(len(keys), "files")
        missing = copy_files(source_files, target_files, keys, shown)
        _require_files(source, missing, now)
        shown.start(sum(count_rows(reading, tables()).values()), "rows")
        with filling(writing):
            sent = {name: copy_table(reading, writing, name, shown.advance) for name in tables()}
        shown.start(len(sent), "comparing")
        for name, digest in sent.items():
            _compare(name, digest, digest_table(writing, name))
            shown.advance()
    take(target, target_files, now)
    return Transferred(sent, len(keys) - len(missing))


def _require_empty(counts: Mapping[str, int], url: str) -> None:
    there = {name: count for name, count in counts.items() if count}
    if there:
        told = ", ".join(f"{count} {name}" for name, count in list(there.items())[:5])
        raise PlaceNotEmpty(f"{url} is not empty: {told}. Transfer into a new database or file.", rows=there)


def _require_files(source: Store, missing: list[str], now: dt.datetime) -> None:
    if not missing:
        return
    with source.begin(Scope.system(""), now) as tx:
        wanted = [key for key in missing if still_wanted(tx, key)]
    if wanted:
        raise ArchiveProblem(
            f"{len(wanted)} file(s) that records name are missing, first {wanted[0]}. Name their place with "
            "--from-files, or restore them from a backup; nothing was transferred.",
            missing=wanted[:20],
        )


def _compare(name: str, sent: Digest, kept: Digest) -> None:
    if sent != kept:
        raise ArchiveProblem(
            f"The table {name} came over differently ({sent.rows} rows sent, {kept.rows} kept); nothing was "
            "transferred. Report this as a defect.",
            table=name,
        )
