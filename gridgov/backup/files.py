"""Stored files that belong to a moment of a store: which they are, and carrying each over whole and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator
from typing import Any, BinaryIO, cast

from gridgov.blobs import PHOTOS, UPLOADS, BlobStore, photo_key
from gridgov.blobs.base import checked_key
from gridgov.errors import ArchiveDamaged, InvalidValue, NotFound
from gridgov.exchange.progress import Progress
from gridgov.store import Tx
from gridgov.store.copying_files import payloads_of_jobs, photo_hashes, photo_named

_PIECE = 1024**2


def keys_of(tx: Tx, tables: Container[str]) -> list[str]:
    """The keys of every file that the store names at this moment, sorted: photos, and uploads of living jobs.

    tables: those that the store has; an old one may have neither photos nor jobs.
    """
    keys: set[str] = set()
    if "attachments" in tables:
        keys.update(photo_key(digest) for digest in photo_hashes(tx))
    if "jobs" in tables:
        for payload in payloads_of_jobs(tx).values():
            keys.update(_uploads(payload))
    return sorted(keys)


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
                target.put(key, cast("BinaryIO", Hashed(content, key)))
        except NotFound:
            missing.append(key)
            continue
        check_file(target, key)
    return missing


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

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes. Raises ArchiveDamaged at the end of a photo that is not what its key says."""
        data = self._source.read(size)
        self._hash.update(data)
        ended = not data or size < 0
        if ended and self._key.startswith(PHOTOS) and self._hash.hexdigest() != self._key.rpartition("/")[2]:
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
