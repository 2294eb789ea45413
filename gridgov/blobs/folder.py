"""Blobs as files below one folder, with the rights of their owner only."""

from __future__ import annotations

import datetime as dt
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gridgov.blobs.base import UNFINISHED, Stored, checked_key
from gridgov.errors import GridgovError, NotFound, StoreFull, StoreReadOnly, StoreUnavailable

_PIECE = 1024**2


class FolderBlobs:
    """A folder of files; see gridgov.blobs.base.BlobStore. The folder is made when the first blob is put."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.url = f"file://{self.folder}"

    def put(self, key: str, content: BinaryIO) -> None:
        """See BlobStore.put: written beside its place, flushed to the disk, then renamed."""
        path = self._path(key)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(6)}{UNFINISHED}")
        with _told(key):
            _make_folder(path.parent)
            try:
                descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                with os.fdopen(descriptor, "wb") as target:
                    shutil.copyfileobj(content, target, _PIECE)
                    target.flush()
                    os.fsync(target.fileno())
                draft.replace(path)
                _flush_folder(path.parent)
            except BaseException:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)
                raise

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """See BlobStore.open; a symbolic link is nothing that gridgov put there."""
        with _told(key):
            descriptor = os.open(self._path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as source:
            yield source

    def holds(self, key: str) -> bool:
        """See BlobStore.holds."""
        with _told(key):
            try:
                return stat.S_ISREG(self._path(key).lstat().st_mode)
            except FileNotFoundError:
                return False

    def each(self, prefix: str) -> Iterator[Stored]:
        """See BlobStore.each; files that are still being written, and links, are left out."""
        for path, status in self._files():
            key = path.relative_to(self.folder).as_posix()
            if key.startswith(prefix) and not key.endswith(UNFINISHED):
                yield Stored(key, status.st_size, _instant(status))

    def tidy(self, before: dt.datetime) -> int:
        """See BlobStore.tidy."""
        found = [
            path
            for path, status in self._files()
            if path.name.endswith(UNFINISHED) and _instant(status) < before
        ]
        with _told("unfinished"):
            for path in found:
                path.unlink(missing_ok=True)
        return len(found)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Every regular file below the folder; nothing when there is no folder yet."""
        with _told("files"):
            if not self.folder.is_dir():
                return
            for folder, _, names in os.walk(self.folder, onerror=_raise):
                for name in names:
                    path = Path(folder, name)
                    with suppress(FileNotFoundError):
                        status = path.lstat()
                        if stat.S_ISREG(status.st_mode):
                            yield path, status

    def drop(self, key: str) -> None:
        """See BlobStore.drop."""
        with _told(key):
            self._path(key).unlink(missing_ok=True)

    def check(self) -> None:
        """See BlobStore.check."""
        with _told("attachments"):
            _make_folder(self.folder)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise StoreReadOnly(
                f"The folder {self.folder} cannot be written to; give it to the service's user."
            )

    def _path(self, key: str) -> Path:
        return self.folder / checked_key(key)


def _make_folder(folder: Path) -> None:
    """The folder and those above it, for their owner only; each new name is made durable."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    _flush_folder(folder.parent)


def _raise(error: OSError) -> None:
    """A folder that went away while it was read has nothing in it; any other fault is one."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _instant(status: os.stat_result) -> dt.datetime:
    return dt.datetime.fromtimestamp(status.st_mtime, dt.UTC)


def _flush_folder(folder: Path) -> None:
    """Make a rename durable: the name is a fact of the folder, not of the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(key: str) -> Iterator[None]:
    """Turns what the file system says into the errors of the protocol."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"The file {key} is not there.", key=key) from error
    except OSError as error:
        raise _meaning(error) from error


def _meaning(error: OSError) -> GridgovError:
    reason = os.strerror(error.errno) if error.errno else "unknown"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(
            "There is no room left for the file; nothing was kept. Make room, then send it again."
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StoreReadOnly(f"The folder of files cannot be written to ({reason}).")
    return StoreUnavailable(f"The folder of files cannot be used now ({reason}); try again in a moment.")
