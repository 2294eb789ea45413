"""Stored files that belong to a moment of a store: which they are, and carrying each over whole and checked."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, cast

from gridgov.blobs import PHOTOS, UPLOADS, BlobStore, photo_key
from gridgov.blobs.base import checked_key
from gridgov.errors import ArchiveDamaged, ArchiveProblem, InvalidValue, NotFound
from gridgov.exchange.progress import Progress
from gridgov.store import Tx
from gridgov.store.copying_files import payloads_of_jobs, payloads_of_late_jobs, photo_hashes, photo_named

_PIECE = 1024**2
KEEP_UPLOADS = dt.timedelta(days=7)  # as long as the daily clearing leaves a check that may be confirmed


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of files, sorted. wanted: those that must be there. kept: uploads of jobs done, if still there."""

    wanted: list[str]
    kept: list[str]


def keys_of(tx: Tx, tables: Container[str]) -> Keys:
    """The keys of every file that the store names at this moment: photos, and uploads of jobs.

    tables: those that the store has; an old one may have neither photos nor jobs.
    """
    wanted: set[str] = set()
    kept: set[str] = set()
    if "attachments" in tables:
        wanted.update(photo_key(digest) for digest in photo_hashes(tx))
    if "jobs" in tables:
        for payload in payloads_of_jobs(tx).values():
            wanted.update(_uploads(payload))
        for payload in payloads_of_late_jobs(tx, tx.now - KEEP_UPLOADS):
            kept.update(_uploads(payload))
    return Keys(sorted(wanted), sorted(kept - wanted))


def still_wanted(tx: Tx, key: str) -> bool:
    """Whether the store names the file now."""
    if key.startswith(PHOTOS):
        return photo_named(tx, key.rpartition("/")[2])
    return any(key in _uploads(payload) for payload in payloads_of_jobs(tx).values())


def copy_files(source: BlobStore, target: BlobStore, keys: list[str], progress: Progress) -> list[str]:
    """Put the files of `keys` into `target`, each compared with its hash; returns the keys that `source` lacks."""
    missing = []
    for key in keys:
        progress.advance()
        try:
            with source.open(key) as content:
                put_whole(target, key, Hashed(content, key))
        except NotFound:
            missing.append(key)
            continue
        check_file(target, key)
    return missing


class Reader(Protocol):
    """A file that knows whether its end was read, where it compares itself with its hash."""

    ended: bool

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; b"" at the end."""


def put_whole(target: BlobStore, key: str, content: Reader) -> None:
    """Put a file and see that it was read to its end. Raises ArchiveProblem when it was not, so not kept whole."""
    target.put(key, cast("BinaryIO", content))
    if not content.ended:
        raise ArchiveProblem(f"{target.url} kept only a part of {key}. Report this as a defect.", key=key)


def check_file(blobs: BlobStore, key: str) -> None:
    """Raises ArchiveDamaged unless what is kept under a photo's key has the hash that the key names."""
    if not key.startswith(PHOTOS):
        return
    with blobs.open(key) as content:
        checked = Hashed(content, key)
        while checked.read(_PIECE):
            pass


class Hashed:
    """A file that is compared with the hash in its key when its end is read."""

    def __init__(self, source: BinaryIO, key: str) -> None:
        self._source = source
        self._key = key
        self._hash = hashlib.sha256()
        self.ended = False

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes. Raises ArchiveDamaged at the end of a photo that is not what its key says."""
        data = self._source.read(size)
        self._hash.update(data)
        self.ended = self.ended or size < 0 or bool(size and not data)
        if (
            self.ended
            and self._key.startswith(PHOTOS)
            and self._hash.hexdigest() != self._key.rpartition("/")[2]
        ):
            raise ArchiveDamaged(
                f"The file {self._key} is not what its name says: it is damaged.", key=self._key
            )
        return data


def _uploads(payload: Any) -> Iterator[str]:
    """Every key of an upload anywhere in a job's payload."""
    if isinstance(payload, dict):
        for value in payload.values():
            yield from _uploads(value)
    elif isinstance(payload, list):
        for value in payload:
            yield from _uploads(value)
    elif isinstance(payload, str) and payload.startswith(UPLOADS):
        try:
            yield checked_key(payload)
        except InvalidValue:  # a sentence that happens to begin like a key
            return
