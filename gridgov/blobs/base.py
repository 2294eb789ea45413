"""What photos and uploads are kept in: bytes under keys, in a folder or in S3-compatible storage.

The rows that say what a blob is stand in the store; a blob knows nothing but its bytes and its age.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from gridgov.errors import InvalidValue

PHOTOS = "attachments/"
UPLOADS = "uploads/"
UNFINISHED = ".part"  # what is still being written in a folder; no key ends so
_KEY = re.compile(r"(attachments|uploads)(/[0-9a-z][0-9a-z_.-]{0,99}){1,4}")


@dataclass(frozen=True, slots=True)
class Stored:
    """One blob in a listing: its key, its bytes, and when it was put last (aware UTC)."""

    key: str
    size: int
    put_at: dt.datetime


class BlobStore(Protocol):
    """Bytes under keys. Safe for use by several threads and processes.

    Every call raises StoreUnavailable when the place does not answer, StoreFull or StoreReadOnly when it cannot
    keep more; InvalidValue for a key that is none.
    """

    url: str

    def put(self, key: str, content: BinaryIO) -> None:
        """Keep `content`, read to its end, under `key`; durable and whole when this returns, else not there at all.

        The same key again replaces the bytes and makes the blob young.
        """

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The bytes of `key`, to be read. Raises NotFound."""

    def holds(self, key: str) -> bool:
        """Whether there is a blob under `key`."""

    def each(self, prefix: str) -> Iterator[Stored]:
        """Every blob whose key starts with `prefix`, in no particular order; "" for all."""

    def drop(self, key: str) -> None:
        """Remove the blob; nothing happens when there is none."""

    def tidy(self, before: dt.datetime) -> int:
        """Remove what puts begun before that instant (aware) left unfinished; returns how many."""

    def check(self) -> None:
        """Raises StoreUnavailable or StoreReadOnly unless a blob could be kept now."""


def photo_key(digest: str) -> str:
    """The key of a photo by the SHA-256 of its bytes, in hexadecimal."""
    return f"{PHOTOS}{digest[:2]}/{digest}"


def checked_key(key: str) -> str:
    """`key` itself. Raises InvalidValue unless it is one that gridgov makes: nothing in it can lead elsewhere."""
    if not _KEY.fullmatch(key) or ".." in key or key.endswith(UNFINISHED):
        raise InvalidValue(f"“{key[:80]}” is not a key of a stored file.", key=key[:80])
    return key
