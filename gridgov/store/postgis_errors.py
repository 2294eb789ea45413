"""What PostgreSQL and its driver say, in gridgov's words."""

from __future__ import annotations

from typing import Final

import psycopg2
from psycopg2 import errors as postgres
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gridgov.errors import (
    DuplicateCode,
    GridgovError,
    InvalidValue,
    SchemaMissing,
    StoreBusy,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)

# Seconds after which trying again makes sense: a lock is given back, a server starts, somebody makes room.
SOON: Final = 1
LATER: Final = 5
WHEN_MENDED: Final = 30

_AWAY: Final = "The database does not answer; try again in a moment."
_READ_ONLY: Final = "The database can only be read now; nothing was kept. Try again in a moment."
_DAMAGED: Final = "The database is damaged; stop the service and restore the newest backup."

# Driver error → our error, words, Retry-After; the first that fits. PostgreSQL's Appendix A has the codes.
_MEANINGS: Final[tuple[tuple[type[BaseException], type[GridgovError], str, int], ...]] = (
    (postgres.DeadlockDetected, StoreBusy, "The store is busy; try again in a moment.", SOON),
    (postgres.LockNotAvailable, StoreBusy, "The store is busy; try again in a moment.", SOON),
    (postgres.SerializationFailure, StoreBusy, "The store is busy; try again in a moment.", SOON),
    (postgres.QueryCanceled, StoreBusy, "The database took too long; try again in a moment.", SOON),
    (PoolTimeout, StoreBusy, "All connections to the store are in use; try again in a moment.", SOON),
    (
        postgres.DiskFull,
        StoreFull,
        "No room is left on the database's disk and nothing of this was kept; make room, then send it again.",
        WHEN_MENDED,
    ),
    (postgres.ReadOnlySqlTransaction, StoreReadOnly, _READ_ONLY, WHEN_MENDED),
    (postgres.DataCorrupted, StoreUnavailable, _DAMAGED, WHEN_MENDED),
    (postgres.IndexCorrupted, StoreUnavailable, _DAMAGED, WHEN_MENDED),
    (
        postgres.UndefinedTable,
        SchemaMissing,
        "The database has no gridgov tables; run `gridgov init`, or bring them back.",
        WHEN_MENDED,
    ),
    (postgres.IdleInTransactionSessionTimeout, StoreUnavailable, _AWAY, LATER),
    (psycopg2.OperationalError, StoreUnavailable, _AWAY, LATER),
    (psycopg2.InterfaceError, StoreUnavailable, _AWAY, LATER),
)


def meaning(error: BaseException) -> GridgovError | None:
    """The gridgov error that a driver's error means; None when it is a defect of the program."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg2.IntegrityError):
        return _conflict(cause)
    if _is_standby(cause):
        return StoreReadOnly(_READ_ONLY, retry_after=WHEN_MENDED)
    for driver, kind, words, seconds in _MEANINGS:
        if isinstance(cause, driver):
            return kind(words, retry_after=seconds)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return StoreUnavailable(_AWAY, retry_after=LATER) if lost or _is_broken(cause) else None


def _conflict(cause: psycopg2.IntegrityError) -> GridgovError | None:
    if isinstance(cause, postgres.UniqueViolation):
        name = cause.diag.constraint_name or ""
        if name.endswith("_living_code"):
            return DuplicateCode("Another living record has this code; choose another code.")
        return DuplicateCode("A record like this is already there.")
    if isinstance(cause, postgres.ForeignKeyViolation):
        return InvalidValue("A reference names a record that does not exist; check the ids.")
    return None


def _is_standby(cause: BaseException | None) -> bool:
    """A standby refuses a writing transaction as it refuses any setting, with a code that many things have.

    The place in PostgreSQL that says it decides, since its words come in the server's language.
    """
    return (
        isinstance(cause, postgres.FeatureNotSupported)
        and cause.diag.source_function == "call_bool_check_hook"
    )


def _is_broken(cause: BaseException | None) -> bool:
    """A connection that broke in the middle of COPY is told as a plain DatabaseError without any code."""
    return type(cause) is psycopg2.DatabaseError and cause.pgcode is None
