"""Every error gridgov raises on purpose, as one tree. api/errors.py maps each type to one HTTP status.

GridgovError
├── InvalidInput
│   ├── UnknownCoordinateSystem
│   ├── CoordinateSystemNeeded
│   ├── UnsupportedDatum
│   ├── InvalidGeometry
│   ├── OutOfRange
│   ├── UnknownField
│   ├── InvalidValue
│   ├── InvalidFilter
│   ├── InvalidCursor
│   ├── UnreadableFile
│   │   ├── UnsupportedFormat
│   │   ├── UnsafeArchive
│   │   └── LiveStoreFile
│   └── TooLarge
├── NotFound
├── Refused
│   ├── NotSignedIn
│   ├── NotAllowed
│   ├── WrongOrigin
│   └── TooManyAttempts
├── Conflict
│   ├── ContentDiffers
│   ├── IdentifierTaken
│   ├── DuplicateCode
│   ├── AlreadyEnded
│   ├── JobState
│   ├── ForeignFiles
│   └── ImportRejected
├── VersionMismatch
├── VersionRequired
├── StoreProblem
│   ├── StoreUnavailable
│   ├── StoreBusy
│   ├── StoreFull
│   ├── StoreReadOnly
│   ├── LeaseLost
│   ├── SchemaMissing
│   ├── SchemaTooNew
│   └── SchemaAltered
├── ArchiveProblem
│   ├── ArchiveDamaged
│   └── PlaceNotEmpty
└── ConfigurationProblem

A message names the value, the row or the file, and what to do. `details` holds the same facts as data
(JSON-ready), never a name, a phone number or a secret.
"""

from __future__ import annotations

from typing import Any


class GridgovError(Exception):
    """Base of all errors that gridgov raises on purpose.

    message: one sentence for people: what was wrong and what to do.
    details: the same facts as data; values must be JSON-ready.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidInput(GridgovError):
    """What was sent cannot be used as it is."""


class UnknownCoordinateSystem(InvalidInput):
    """The name or code of a coordinate system is not one gridgov knows."""


class CoordinateSystemNeeded(InvalidInput):
    """The file does not say its coordinate system; the proposals with their evidence are in `details`."""


class UnsupportedDatum(InvalidInput):
    """Xian 1980 and Beijing 1954 need local parameters that gridgov does not have."""


class InvalidGeometry(InvalidInput):
    """A geometry is empty, not finite, of the wrong type, or cannot be repaired."""


class OutOfRange(InvalidInput):
    """A number lies outside what its field or coordinate system allows."""


class UnknownField(InvalidInput):
    """A field or column that the record kind does not have, or that the actor may not see."""


class InvalidValue(InvalidInput):
    """A value of the wrong type or outside its vocabulary."""


class InvalidFilter(InvalidInput):
    """A list filter that cannot be read."""


class InvalidCursor(InvalidInput):
    """A paging cursor that this list did not hand out."""


class UnreadableFile(InvalidInput):
    """A file that is empty, cut off, damaged, or not what its name says."""


class UnsupportedFormat(UnreadableFile):
    """A file format gridgov does not read; the message says what to save it as."""


class UnsafeArchive(UnreadableFile):
    """An archive with paths that lead outside, too many files, or too much content for its size."""


class LiveStoreFile(UnreadableFile):
    """The path is the open store itself, which no file library may touch."""


class TooLarge(InvalidInput):
    """More bytes, rows or vertices than the settings allow."""


class NotFound(GridgovError):
    """No such record in the actor's scope. Says the same whether it is absent or hidden."""


class Refused(GridgovError):
    """The actor may not do this."""


class NotSignedIn(Refused):
    """The action needs a signed-in account, or the sign-in failed."""


class NotAllowed(Refused):
    """The role does not include the action."""


class WrongOrigin(Refused):
    """A write that came from another site's page."""


class TooManyAttempts(Refused):
    """A limit per address, device or account was reached. `details['retry_after']` is in seconds."""


class Conflict(GridgovError):
    """The request disagrees with what is stored."""


class ContentDiffers(Conflict):
    """The same client id came with other content."""


class IdentifierTaken(Conflict):
    """The client id belongs to a record of another creator; nothing of it is told."""


class DuplicateCode(Conflict):
    """Another living record of the zone has this code."""


class AlreadyEnded(Conflict):
    """The record has ended; an ended record does not change."""


class JobState(Conflict):
    """The job is not in a state in which this can be done."""


class ForeignFiles(Conflict):
    """The place of files belongs to another store, which alone may drop them."""


class ImportRejected(Conflict):
    """The file has errors and nothing was loaded; the report is in `details`."""


class VersionMismatch(GridgovError):
    """If-Match names another version than the present one."""


class VersionRequired(GridgovError):
    """A change must say with If-Match which version it was made from."""


class StoreProblem(GridgovError):
    """The store cannot serve now, or not with this program."""


class StoreUnavailable(StoreProblem):
    """The database does not answer."""


class StoreBusy(StoreProblem):
    """Another writer held the store for too long; try again."""


class StoreFull(StoreProblem):
    """No room is left where the store or the attachments lie; nothing of the request was kept."""


class StoreReadOnly(StoreProblem):
    """The store can be read but not written now."""


class LeaseLost(StoreProblem):
    """A job was taken over by another worker meanwhile, so nothing of this run may count."""


class SchemaMissing(StoreProblem):
    """The database has no gridgov tables yet; `gridgov init` makes them."""


class SchemaTooNew(StoreProblem):
    """The database was made by a newer gridgov."""


class SchemaAltered(StoreProblem):
    """An applied migration differs from the one shipped."""


class ArchiveProblem(GridgovError):
    """A backup cannot be made, read or restored as asked."""


class ArchiveDamaged(ArchiveProblem):
    """A part of a backup is missing or differs from its manifest; it is not restored."""


class PlaceNotEmpty(ArchiveProblem):
    """A backup is restored, and a zone transferred, only into an empty place."""


class ConfigurationProblem(GridgovError):
    """A setting is missing, unknown or unsafe."""
