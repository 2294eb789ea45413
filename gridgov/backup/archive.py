"""The archive of a backup: a zip file written in one pass, sealed by a hash of itself, and read with distrust.

Each entry's size and SHA-256 stand in the manifest, the last entry; the zip comment holds the SHA-256 of every byte
before it, so that a changed byte shows wherever it is.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

from isal import isal_zlib

from gridgov.backup.leavings import DRAFT
from gridgov.backup.manifest import FILES, NAME, STORE, Entry, Manifest, read_manifest
from gridgov.errors import ArchiveDamaged, ArchiveProblem, GridgovError, NotFound
from gridgov.exchange.progress import Progress, Silent
from gridgov.store.copying_parts import file_trouble, flush_folder

_PIECE = 1024**2
_LEVEL = 1  # deflate's fastest: a backup that takes long is made seldom
_SEALED = b"gridgov backup, SHA-256 of all before this comment: "
COMMENT = _SEALED + b"0" * 64  # stands there until the hash is known
_MANIFEST_MOST = 1024**3  # some four million files
# What a file system says that knows no second name for a file.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class ArchiveWriter:
    """Writes entries one after the other; `entries` collects what the manifest will say of them."""

    def __init__(self, target: BinaryIO, progress: Progress) -> None:
        self._target = _Sealing(target)
        # Without a way back in the file, zipfile writes sizes behind each entry: what is written is hashed once.
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._target), "w", allowZip64=True)
        self._progress = progress
        self.entries: list[Entry] = []

    @contextmanager
    def entry(self, name: str, made_at: dt.datetime) -> Iterator[_Measured]:
        """A new entry to write to; photos, which are compressed already, are stored as they are."""
        told = zipfile.ZipInfo(name, date_time=made_at.timetuple()[:6])
        told.compress_type = zipfile.ZIP_STORED if name.startswith(FILES) else zipfile.ZIP_DEFLATED
        told.external_attr = 0o600 << 16
        with self._zip.open(told, "w", force_zip64=True) as target:
            if told.compress_type == zipfile.ZIP_DEFLATED:
                # Four times as fast as zlib's level 1 and no larger. zipfile offers no way to say it; should it rename
                # this one day, zlib does the work.
                target._compressor = isal_zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)  # type: ignore[attr-defined]  # noqa: SLF001
            measured = _Measured(target, self._progress if name.startswith(STORE) else Silent())
            yield measured
        if name != NAME:
            self.entries.append(measured.as_entry(name))

    def abandon(self) -> None:
        """Let go of the archive without writing anything more."""
        self._target.dropped = True
        self._zip.close()

    def close(self, manifest: Manifest, made_at: dt.datetime) -> None:
        """Write the manifest, the zip's directory and the seal. Raises ArchiveProblem for one too large to be read."""
        told = manifest.as_bytes()
        if len(told) > _MANIFEST_MOST:
            raise ArchiveProblem(
                f"The list of the backup's {len(manifest.entries)} entries takes {len(told)} bytes, of which "
                f"{_MANIFEST_MOST} can be read again; no backup was made."
            )
        with self.entry(NAME, made_at) as target:
            target.write(told)
        self._zip.comment = COMMENT
        self._target.ending = True
        self._zip.close()


class _Sealing:
    """A file that hashes what is written and puts the hash into the comment, the last that a zip file writes."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self.ending = False  # only the zip's directory and comment are left to be written
        self.dropped = False  # nothing is to be written any more

    def write(self, data: bytes, /) -> int:
        if self.dropped:
            return len(data)
        if self.ending and data == COMMENT:
            self._target.write(_SEALED + self._hash.hexdigest().encode())
        else:
            self._hash.update(data)
            self._target.write(data)
        return len(data)

    def flush(self) -> None:
        if not self.dropped:
            self._target.flush()


class _Measured:
    """Passes bytes on, counting and hashing them."""

    def __init__(self, target: IO[bytes], progress: Progress) -> None:
        self._target = target
        self._progress = progress
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes, /) -> int:
        self._hash.update(data)
        self._size += len(data)
        self._target.write(data)
        self._progress.advance(len(data))
        return len(data)

    def as_entry(self, name: str) -> Entry:
        return Entry(name=name, size=self._size, sha256=self._hash.hexdigest())


@contextmanager
def new_archive(path: Path, progress: Progress) -> Iterator[ArchiveWriter]:
    """An archive that takes its name only when it is whole and on the disk; its owner alone may read it.

    Raises ArchiveProblem when there is a file of that name, StoreFull, StoreReadOnly.
    """
    draft = path.with_name(f"{DRAFT}{secrets.token_hex(8)}")
    if os.path.lexists(path):
        raise _there(path)
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as target:
                archive = ArchiveWriter(target, progress)
                try:
                    yield archive
                except BaseException:
                    archive.abandon()
                    raise
                target.flush()
                os.fsync(target.fileno())
            _name(draft, path)
            flush_folder(path.resolve().parent)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise file_trouble(error, path) from error


def _name(draft: Path, path: Path) -> None:
    """Give the finished file its name; never one that another backup took meanwhile."""
    try:
        try:
            os.link(draft, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            draft.replace(path)
    except FileExistsError as error:
        raise _there(path) from error
    draft.unlink(missing_ok=True)


def _there(path: Path) -> ArchiveProblem:
    return ArchiveProblem(f"{path} is there already; name another file, a backup is never overwritten.")


class Archive:
    """A backup that is read: only what its manifest names, each entry checked while it is read."""

    def __init__(self, opened: zipfile.ZipFile, path: Path) -> None:
        self._zip = opened
        self.path = path
        self.manifest = read_manifest(_read_whole(opened))
        self._entries = self.manifest.by_name
        self._check_directory()
        if len(opened.comment) != len(COMMENT) or not opened.comment.startswith(_SEALED):
            raise ArchiveDamaged(f"The end of {path.name} is cut off; copy it anew.", file=path.name)

    @contextmanager
    def part(self, name: str) -> Iterator[CheckedReader]:
        """A part of the store; see gridgov.store.copying_parts.OpenPart."""
        with self.open(STORE + name) as source:
            yield source

    @contextmanager
    def open(self, name: str) -> Iterator[CheckedReader]:
        """An entry by its whole name. Raises ArchiveDamaged when it is not there or is not what was written."""
        told = self._entries.get(name)
        if told is None:
            raise ArchiveDamaged(f"The backup has no entry {name}.", entry=name)
        try:
            source = self._zip.open(name)
        except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError) as error:
            raise _damaged(name, str(error)) from error
        with source:
            yield CheckedReader(source, told)

    def _check_directory(self) -> None:
        """Raises ArchiveDamaged unless the zip's own directory has exactly the entries and sizes of the manifest."""
        there = {each.filename: each for each in self._zip.infolist()}
        if len(there) != len(self._zip.infolist()):
            raise ArchiveDamaged("The backup names an entry twice; it is not one that gridgov made.")
        wanted = self._entries
        strange = sorted(set(there) - set(wanted) - {NAME})
        if strange:
            raise ArchiveDamaged(
                f"The backup holds {strange[0]!r}, which is not in its manifest.", entry=strange[0]
            )
        for name, entry in wanted.items():
            if name not in there:
                raise ArchiveDamaged(f"The backup lacks its entry {name}.", entry=name)
            if there[name].file_size != entry.size:
                raise _damaged(name, f"{there[name].file_size} bytes instead of {entry.size}")


class CheckedReader:
    """Reads an entry and, at its end, compares size and hash with the manifest."""

    def __init__(self, source: IO[bytes], told: Entry) -> None:
        self._source = source
        self._told = told
        self._hash = hashlib.sha256()
        self._left = told.size
        self.ended = False
        self.fault: GridgovError | None = None

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, a piece at most. Raises ArchiveDamaged, and keeps it in `fault`."""
        wanted = _PIECE if size < 0 else min(size, _PIECE)
        try:
            data = self._source.read(wanted)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise self._refused(str(error) or "it ends too early") from error
        self._hash.update(data)
        self._left -= len(data)
        if self._left < 0:
            raise self._refused("it is longer than the manifest says")
        if not data and wanted:
            if self._left:
                raise self._refused(f"{self._left} bytes are missing at its end")
            if self._hash.hexdigest() != self._told.sha256:
                raise self._refused("its content differs from the manifest's hash")
            self.ended = True
        return data

    def _refused(self, reason: str) -> ArchiveDamaged:
        self.fault = _damaged(self._told.name, reason)
        return self.fault


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """A backup for reading. Raises NotFound, ArchiveDamaged, SchemaTooNew."""
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", file=str(path))
    try:
        opened = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ArchiveDamaged(
            f"{path.name} is no backup, or its end is cut off: {error}. Take another copy of it.",
            file=path.name,
        ) from error
    with opened:
        yield Archive(opened, path)


def check_seal(path: Path, progress: Progress) -> None:
    """Raises ArchiveDamaged unless every byte of the file is as it was written."""
    size = path.stat().st_size - len(COMMENT)
    digest = hashlib.sha256()
    with path.open("rb") as source:
        left = max(size, 0)
        while left and (piece := source.read(min(left, _PIECE))):
            digest.update(piece)
            left -= len(piece)
            progress.advance(len(piece))
        seal = source.read(len(COMMENT))
    if seal != _SEALED + digest.hexdigest().encode():
        raise ArchiveDamaged(
            f"{path.name} is not as it was written: its seal does not fit, though its entries do. Copy it anew.",
            file=path.name,
        )


def _read_whole(opened: zipfile.ZipFile) -> bytes:
    try:
        told = opened.getinfo(NAME)
    except KeyError as error:
        raise ArchiveDamaged(
            f"The file holds no {NAME}; it is not a backup that gridgov made.", entry=NAME
        ) from error
    if told.file_size > _MANIFEST_MOST:
        raise ArchiveDamaged(f"{NAME} claims {told.file_size} bytes; no manifest is so large.", entry=NAME)
    try:
        return opened.read(NAME)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise _damaged(NAME, str(error)) from error


def _damaged(entry: str, reason: str) -> ArchiveDamaged:
    return ArchiveDamaged(
        f"The backup's entry {entry} is damaged: {reason}. Use another copy of this backup, or an older one.",
        entry=entry,
    )
