"""The store's protocol: what the rest of gridgov may ask of a store, whichever database is behind it.

A `Store` hands out transactions; a transaction reads and writes records of any kind within one scope. Nothing outside
`gridgov.store` sees a database, a dialect or SQL. Domain questions that need more than these generic operations are
functions over a transaction in `gridgov.store.queries`.

Geometries are shapely, lon-lat degrees (EPSG:4326). Times are aware UTC datetimes. Absence is None.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from gridgov.access import Scope
from gridgov.models import Record, RecordKind
from gridgov.store.watching import Watching


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a field. operator: "eq", "in" (value a tuple), "ge", "le", "null" (value True or False)."""

    field: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Near:
    """Within `radius_m` metres (geodesic) of a lon-lat point; the list is then ordered by distance."""

    lon: float
    lat: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Query:
    """What to list. All conditions hold together.

    box: west, south, east, north in degrees; the record's geometry meets it (exactly, not by its box).
    areas: ids of areas; the record is linked to at least one of them.
    text: a substring of code, name, title or address, without regard to case.
    order: one of ORDERS, "-" in front for descending; ties by id. Not used with `near`.
    after: the cursor a former page gave. ended: also records that have ended.
    """

    filters: tuple[Filter, ...] = ()
    box: tuple[float, float, float, float] | None = None
    near: Near | None = None
    areas: frozenset[str] | None = None
    text: str = ""
    order: str = "code"
    after: str | None = None
    limit: int = 100
    ended: bool = False


ORDERS = ("code", "created_at", "changed_at", "reported_at", "revision")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. next: the cursor of the following page, None at the end. distances: metres, with `near`."""

    records: tuple[Record, ...]
    next: str | None
    distances: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """What an insert came to. created: False when the same payload was already there (the present state is given)."""

    record: Record
    created: bool


@dataclass(frozen=True)
class Loaded:
    """Columns of many records at once: name → list of values, and the geometries as a numpy object array or None."""

    columns: Mapping[str, Sequence[Any]]
    geometries: Any = field(default=None)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))


class Tx(Protocol):
    """One transaction of one scope at one instant. `actor` of the scope is written as creator and changer."""

    scope: Scope
    now: dt.datetime

    @property
    def revisions(self) -> Mapping[str, int]:
        """Kind → revision this transaction's writes got; complete once the transaction has ended."""

    def get(self, kind: RecordKind, identifier: str) -> Record:
        """The record, living or ended. Raises NotFound when absent or out of scope (the same either way)."""

    def find(self, kind: RecordKind, code: str) -> Record | None:
        """The living record with this code; None when there is none in scope."""

    def holds(self, kind: RecordKind, identifier: str) -> bool:
        """Whether the id is in use in the zone at all, seen or not; for operations, never for an answer."""

    def list(self, kind: RecordKind, query: Query) -> Page:
        """One page. Raises InvalidFilter for fields the scope does not show, InvalidCursor for a foreign cursor."""

    def each(self, kind: RecordKind, query: Query) -> Iterator[Record]:
        """Every record of the query in its order (with `near` by distance), without regard to limit and cursor.

        Reads once and in pieces, for exports: pages would look for the same records again and again. Raises what
        `list` raises, when the first record is asked for.
        """

    def count(self, kind: RecordKind, query: Query) -> int:
        """How many records the query has in all, without regard to limit and cursor."""

    def every(self, kind: RecordKind, fields: Sequence[str] | None = None, ended: bool = False) -> Loaded:
        """All records of the kind in scope as columns, ordered by code, for indexes, checks and maps."""

    def insert(self, kind: RecordKind, values: Mapping[str, Any], payload: Any = None) -> Write:
        """Create a record; `values` are checked fields, `geometry` and optionally `id` (else a UUIDv7 is made).

        payload: what the client sent, for the idempotency hash (None: the values themselves).
        Raises ContentDiffers, IdentifierTaken, DuplicateCode.
        """

    def insert_many(self, kind: RecordKind, rows: Iterable[Mapping[str, Any]]) -> int:
        """Create many records of this system at once (imports, seed); returns their number. Raises DuplicateCode."""

    def change(self, kind: RecordKind, identifier: str, version: int, values: Mapping[str, Any]) -> Record:
        """Set fields (and geometry) of a living record.

        Raises NotFound, VersionMismatch, AlreadyEnded, DuplicateCode.
        """

    def end(self, kind: RecordKind, identifier: str, version: int) -> Record:
        """End a record now. Raises NotFound, VersionMismatch, AlreadyEnded."""

    def revision(self, kind: RecordKind) -> int:
        """The present revision of (zone, kind); 0 before the first write."""

    def changed_since(self, kind: RecordKind, revision: int) -> Iterator[Record]:
        """Every record changed or ended after `revision`, in revision order; ended ones have `valid_to`."""

    def reserve(self, *kinds: RecordKind) -> None:
        """Raise the revisions of all kinds this transaction will write now, in the fixed order, instead of at its end.

        Cheaper for large writes; on PostgreSQL it holds their rows until the transaction ends.
        """

    def record_event(
        self, kind: RecordKind, identifier: str, verb: str, changes: Mapping[str, Any] | None
    ) -> None:
        """Append an event; `changes` holds references and plain facts, never personal data."""

    def mark(self, kind: RecordKind, identifiers: Sequence[str], verb: str) -> None:
        """Give records a new revision and an event though no field changed, because their links did."""


class Store(Protocol):
    """A database with gridgov's tables. Safe for use by several threads."""

    url: str
    watching: Watching

    def begin(self, scope: Scope, now: dt.datetime, *, write: bool = False) -> AbstractContextManager[Tx]:
        """A transaction; commits when the block ends, rolls back when it raises.

        Readers see one consistent moment. Raises StoreBusy or StoreUnavailable.
        """

    def check(self) -> None:
        """Raises SchemaMissing, SchemaTooNew or SchemaAltered unless the migrations fit this program."""

    def migrate(self, now: dt.datetime) -> list[str]:
        """Apply what is missing under one lock; returns the names applied. Raises SchemaTooNew, SchemaAltered."""

    def reopen(self) -> Store:
        """Another store over the same files or database, as another worker opens it."""

    def close(self) -> None:
        """Give all connections back."""
