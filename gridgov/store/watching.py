"""What the store's work costs: time per request, per transaction, and the statements that take too long.

A `Watch` collects what one request spends; whoever serves the request sets it in CURRENT, and threads that work for
the request inherit it. A `Watching` listens to one engine. Statements are told as they stand in the program, with
placeholders: values may be names and phone numbers.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import QueuePool

LOG = logging.getLogger("gridgov.store")
_LONGEST_TEXT: Final = 2_000
_STARTED: Final = "gridgov_statement_started"
_SPENT: Final = "gridgov_spent"


@dataclass(slots=True)
class Watch:
    """One request as it is seen from outside: its id, its route, and what it spent in the store.

    incident: the number under which a fault of ours was logged. span: its trace, when traces are kept.
    """

    request_id: str = ""
    route: str = ""
    incident: str = ""
    store_seconds: float = 0.0
    statements: int = 0
    span: Any = None


CURRENT: ContextVar[Watch | None] = ContextVar("gridgov_watch", default=None)


@dataclass(slots=True)
class Spent:
    """One use of a connection: from its being taken to its being given back, seconds.

    started: the monotonic instant of the taking. committing: from the commit (or rollback) on. waiting: seconds in
    which the database was at work, statements and commit together.
    """

    started: float
    writes: bool = False
    statements: int = 0
    working: float = 0.0
    committing: float = 0.0
    seconds: float = 0.0


class TimedCursor(sqlite3.Cursor):
    """SQLite does most of its work while rows are fetched, so that time belongs to the statement too.

    executed: told by the `Watching` after the statement began: itself, the use, the statement, the seconds so far.
    """

    executed: tuple[Watching, Spent, str, float] | None = None

    def fetchone(self) -> Any:
        """See sqlite3.Cursor.fetchone."""
        started = time.perf_counter()
        found = super().fetchone()
        self._count(started)
        return found

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        """See sqlite3.Cursor.fetchmany."""
        started = time.perf_counter()
        found = super().fetchmany(size)
        self._count(started)
        return found

    def fetchall(self) -> list[Any]:
        """See sqlite3.Cursor.fetchall."""
        started = time.perf_counter()
        found = super().fetchall()
        self._count(started)
        return found

    def _count(self, started: float) -> None:
        if self.executed is not None:
            watching, spent, statement, before = self.executed
            seconds = time.perf_counter() - started
            self.executed = (watching, spent, statement, before + seconds)
            watching.add(spent, statement, seconds, before)


class Watching:
    """Listens to one engine; a store has one. Safe for threads.

    slow_ms: statements that take longer are logged; 0 for none, as in commands, which take as long as they need. told:
    called with each `Spent` in the thread that gave the connection back. held: called with the number of connections
    in use whenever it changes.
    """

    def __init__(self, engine: Engine, slow_ms: int = 0) -> None:
        self.slow_ms = slow_ms
        self.told: list[Callable[[Spent], None]] = []
        self.held: list[Callable[[int], None]] = []
        self._engine = engine
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        event.listen(engine, "handle_error", self._failed)
        event.listen(engine, "begin", self._begun)
        event.listen(engine, "commit", self._ending)
        event.listen(engine, "rollback", self._ending)
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "checkin", self._given_back)

    @property
    def in_use(self) -> int:
        """Connections that are at work now."""
        pool = self._engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    def _taken(self, _: Any, record: Any, __: Any) -> None:
        record.info[_SPENT] = Spent(time.perf_counter())
        self._tell_held(self.in_use)

    def _begun(self, connection: Connection) -> None:
        options = connection.get_execution_options()
        writes = options.get("gridgov_write", not options.get("postgresql_readonly", True))
        spent = connection.info.get(_SPENT)
        if spent is not None:
            spent.writes = bool(writes)

    def _before(self, connection: Connection, *_: Any) -> None:
        connection.info[_STARTED] = time.perf_counter()

    def _after(self, connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        seconds = self._count(connection, statement)
        if isinstance(cursor, TimedCursor):
            spent = connection.info.get(_SPENT)
            cursor.executed = None if spent is None else (self, spent, statement, seconds)

    def _failed(self, context: ExceptionContext) -> None:
        if context.connection is not None and not context.connection.invalidated:
            self._count(context.connection, context.statement or "")

    def _count(self, connection: Connection, statement: str) -> float:
        """Count one statement; the seconds it took, 0 when that is not known."""
        started: float | None = connection.info.pop(_STARTED, None)
        spent = connection.info.get(_SPENT)
        if started is None or spent is None:
            return 0.0
        seconds = time.perf_counter() - started
        spent.statements += 1
        watch = CURRENT.get()
        if watch is not None:
            watch.statements += 1
        self.add(spent, statement, seconds)
        return seconds

    def add(self, spent: Spent, statement: str, seconds: float, before: float = 0.0) -> None:
        """Add work on a statement that had taken `before` seconds; it is logged once, when it becomes slow."""
        spent.working += seconds
        watch = CURRENT.get()
        if watch is not None:
            watch.store_seconds += seconds
        slow = self.slow_ms / 1000
        if slow and before <= slow < before + seconds:
            facts = {"ms": round((before + seconds) * 1000, 1), "statement": _shown(statement)}
            LOG.warning("slow statement", extra={"facts": facts})

    def _ending(self, connection: Connection) -> None:
        if connection.invalidated:  # it was lost on the way, and asking for its facts would open another
            return
        spent = connection.info.get(_SPENT)
        if spent is not None:
            spent.committing = time.perf_counter()

    def _given_back(self, _: Any, record: Any) -> None:
        spent = record.info.pop(_SPENT, None)
        if spent is None:
            return
        now = time.perf_counter()
        spent.seconds = now - spent.started
        if spent.committing:
            ending = now - spent.committing
            spent.working += ending
            watch = CURRENT.get()
            if watch is not None:
                watch.store_seconds += ending
        for tell in self.told:
            tell(spent)
        self._tell_held(max(0, self.in_use - 1))  # the pool counts this one until the event is over

    def _tell_held(self, number: int) -> None:
        for tell in self.held:
            tell(number)


def _shown(statement: str) -> str:
    """A statement on one line, cut where it gets long."""
    return " ".join(statement.split())[:_LONGEST_TEXT]
