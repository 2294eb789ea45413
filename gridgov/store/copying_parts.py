"""What a raw copy of a store consists of, whichever database it is; see gridgov.store.copying."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gridgov.errors import GridgovError, NotFound, StoreFull, StoreProblem, StoreReadOnly
from gridgov.store import migrate
from gridgov.store.transaction import Transaction

PIECE = 1024**2  # bytes read and written at once

# Folder of data/schema → (number, name, checksum) of each step in order.
Steps = Mapping[str, Sequence[tuple[int, str, str]]]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a raw copy holds. tables: name → its columns, in an order in which rows can be inserted."""

    kind: str
    migrations: Steps
    tables: Mapping[str, Sequence[str]]


class Target(Protocol):
    """Where a part is written to."""

    def write(self, data: bytes, /) -> object:
        """Take these bytes."""


class Part(Protocol):
    """One part of a copy that is checked while it is read; `fault` is set before a read raises it."""

    fault: GridgovError | None

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; b"" at the end. Raises ArchiveDamaged when they are not what was written."""


OpenPart = Callable[[str], AbstractContextManager[Part]]


class Snapshot(Protocol):
    """A store at one moment, for as long as the block that made it runs. Writers go on meanwhile."""

    tx: Transaction

    def contents(self) -> Contents:
        """The migrations and tables of the moment."""

    def sizes(self) -> Mapping[str, int]:
        """Names of the parts in the order in which they are to be written → bytes, estimated for a progress bar."""

    def write(self, part: str, target: Target, scratch: Path) -> None:
        """Write one part to `target`; `scratch` is a folder for what cannot be streamed."""


def steps_of(applied: Mapping[int, tuple[str, str]]) -> list[tuple[int, str, str]]:
    """Migrations as they stand in a copy."""
    return [(number, *applied[number]) for number in sorted(applied)]


def require_known(steps: Steps, folders: Iterable[str]) -> None:
    """Raises SchemaTooNew or SchemaAltered unless this program knows every step of the copy.

    Its message then says that a copy is meant and not the store.
    """
    for folder in folders:
        told = {number: (name, checksum) for number, name, checksum in steps.get(folder, ())}
        try:
            migrate.missing(told, folder)
        except StoreProblem as error:
            raise type(error)(f"The copy cannot be used here: {error.message}", **error.details) from error


def flush_folder(folder: Path) -> None:
    """Make renames in a folder durable: a name is a fact of the folder, not of the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def shown_address(address: str) -> str:
    """An address as everybody may read it: a store without password and query, a folder or bucket with its path.

    Of any other address scheme and host only; "(unreadable)" for what is none.
    """
    try:
        if address.startswith(("postgresql", "sqlite")):
            return make_url(address).set(query={}).render_as_string(hide_password=True)
        parts = urlsplit(address)
        if parts.netloc and "@" not in parts.netloc and "@" in address:
            return "(unreadable)"  # a password with a slash: what looks like the host is a part of it
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path if parts.scheme in ("file", "s3") else "", "", ""))
    except (ArgumentError, ValueError):
        return "(unreadable)"


def file_trouble(error: OSError, path: Path) -> GridgovError:
    """What the file system's error means for whoever wanted `path` written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(
            f"There is no room for {path.name} in {path.parent}; nothing was kept. Make room there."
        )
    if isinstance(error, FileNotFoundError):
        return NotFound(f"There is no folder {path.parent} to write {path.name} into; make it first.")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StoreReadOnly(f"{path} cannot be written ({reason}); choose a folder of your own.")
