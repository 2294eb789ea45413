"""What SQLite says, in gridgov's words: what a person can mend is told as such, never as a fault of the program."""

from __future__ import annotations

import errno
import os
import sqlite3
from types import MappingProxyType
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gridgov.errors import (
    DuplicateCode,
    GridgovError,
    InvalidValue,
    SchemaMissing,
    StoreBusy,
    StoreFull,
    StoreProblem,
    StoreReadOnly,
    StoreUnavailable,
)

# Seconds after which trying again makes sense: a writer ends, a disk is mounted, somebody makes room.
SOON: Final = 1
LATER: Final = 5
WHEN_MENDED: Final = 30

BUSY: Final = "The store is busy; try again in a moment."
FULL: Final = (
    "No room is left on the store's disk and nothing of this was kept; make room, then send it again."
)
READ_ONLY: Final = "The store can only be read now: its files or their disk are read-only; nothing was kept."
AWAY: Final = "The store's files cannot be opened or read now; try again in a moment."
DAMAGED: Final = "The store's file is damaged; stop the service and restore the newest backup."

# Primary result code → error, words, Retry-After. https://www.sqlite.org/rescode.html
_MEANINGS: Final = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: (StoreBusy, BUSY, SOON),
        sqlite3.SQLITE_LOCKED: (StoreBusy, BUSY, SOON),
        sqlite3.SQLITE_FULL: (StoreFull, FULL, WHEN_MENDED),
        sqlite3.SQLITE_READONLY: (StoreReadOnly, READ_ONLY, WHEN_MENDED),
        sqlite3.SQLITE_PERM: (StoreReadOnly, READ_ONLY, WHEN_MENDED),
        sqlite3.SQLITE_IOERR: (StoreUnavailable, AWAY, LATER),
        sqlite3.SQLITE_CANTOPEN: (StoreUnavailable, AWAY, LATER),
        sqlite3.SQLITE_PROTOCOL: (StoreUnavailable, AWAY, LATER),
        sqlite3.SQLITE_NOMEM: (StoreUnavailable, AWAY, LATER),
        sqlite3.SQLITE_INTERRUPT: (StoreUnavailable, AWAY, LATER),
        sqlite3.SQLITE_CORRUPT: (StoreUnavailable, DAMAGED, WHEN_MENDED),
        sqlite3.SQLITE_NOTADB: (StoreUnavailable, DAMAGED, WHEN_MENDED),
    }
)
# The shared-memory index grows by writing into it: on a full disk that fails as an input/output error.
_NO_ROOM: Final = frozenset({sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP})
# A connection that met one of these may carry it on (opened read-only, a lost lock, a page it failed to read).
_SPOILING: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


def meaning(error: BaseException, *, writable: bool = True) -> GridgovError | None:
    """The gridgov error that a driver's error means; None when it is a defect of the program.

    writable: whether the store's folder can be written to; else SQLite cannot even open its log beside the file.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.IntegrityError):
        return _conflict(str(cause))
    if isinstance(cause, PoolTimeout):
        return StoreBusy("All connections to the store are in use; try again in a moment.", retry_after=SOON)
    if isinstance(cause, sqlite3.Error) and "no such table" in str(cause):
        return SchemaMissing(
            "The store has no gridgov tables; run `gridgov init`, or bring its files back.",
            retry_after=WHEN_MENDED,
        )
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_OK)
    known = (StoreFull, FULL, WHEN_MENDED) if code in _NO_ROOM else _MEANINGS.get(code & 0xFF)
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN and not writable:
        known = _MEANINGS[sqlite3.SQLITE_READONLY]
    return None if known is None else known[0](known[1], retry_after=known[2])


def _conflict(message: str) -> GridgovError | None:
    if ".code" in message:
        return DuplicateCode("Another living record has this code; choose another code.")
    if "FOREIGN KEY" in message:
        return InvalidValue("A reference names a record that does not exist; check the ids.")
    if "UNIQUE" in message:
        return DuplicateCode("A record like this is already there.")
    return None


def refusal(error: OSError) -> StoreProblem:
    """Why a file of the store could not be opened."""
    reason = os.strerror(error.errno) if error.errno else "unknown"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(FULL, retry_after=WHEN_MENDED)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StoreReadOnly(READ_ONLY, retry_after=WHEN_MENDED)
    return StoreUnavailable(f"{AWAY} ({reason})", retry_after=LATER)


def spoils(error: BaseException | None) -> bool:
    """Whether every connection should be opened anew after this error of one of them.

    One opened while the disk was read-only stays read-only for good, and so does any that is opened beside it.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.Error) and code is not None and code & 0xFF in _SPOILING
