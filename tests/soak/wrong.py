"""The service with a fault put in on purpose, so that the soak can be seen to find it. Only for the embedded store.

`python -m tests.soak.wrong early serve …` answers before the transaction is committed; `halves` publishes in two
transactions; `twice` forgets that a report was sent before; `never` writes nothing more once it was started again.
"""

from __future__ import annotations

import datetime as dt
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from api.cli import main
from gridgov import areas
from gridgov.access import Scope
from gridgov.errors import StoreBusy
from gridgov.models import ISSUES
from gridgov.models.identifiers import new_identifier
from gridgov.store import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.queries.editions import add_area_editions
from gridgov.store.sqlite import SqliteStore
from gridgov.store.transaction import Transaction

_LATE_SECONDS = 0.2
_BETWEEN_SECONDS = 0.3


def answer_early() -> None:
    """Let every write be committed a moment after its answer."""
    really = SqliteStore.begin

    @contextmanager
    def begin(
        self: SqliteStore, scope: Scope, now: dt.datetime, *, write: bool = False
    ) -> Iterator[Transaction]:
        if not write:
            with really(self, scope, now) as tx:
                yield tx
            return
        block = really(self, scope, now, write=True)
        tx = block.__enter__()
        try:
            yield tx
        except BaseException:
            block.__exit__(*sys.exc_info())
            raise
        threading.Timer(_LATE_SECONDS, block.__exit__, (None, None, None)).start()

    SqliteStore.begin = begin  # type: ignore[method-assign]  # the fault


def publish_in_halves() -> None:
    """Commit between the areas of a publication and their editions."""
    really = add_area_editions

    def add(tx: Tx, number: int, rows: Any) -> None:
        if rows:  # an empty part would put the gap after all editions, before the links
            connection = inside(tx).connection
            connection.exec_driver_sql("COMMIT")
            time.sleep(_BETWEEN_SECONDS)
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        really(tx, number, rows)

    areas.add_area_editions = add  # type: ignore[attr-defined]  # the fault


def take_twice() -> None:
    """Keep every report under an id of its own, as if the client had sent none."""
    really = Transaction.insert

    def insert(self: Transaction, kind: Any, values: Any, payload: Any = None) -> Any:
        new = (
            {"id": new_identifier(self.now), "code": new_identifier(self.now)}
            if kind.name == "issues"
            else {}
        )
        return really(self, kind, {**values, **new}, payload)

    Transaction.insert = insert  # type: ignore[method-assign]  # the fault


def write_never_again() -> None:
    """Refuse every write as if the store were busy, when a process before this one kept an issue."""
    really = SqliteStore.begin
    refusing: list[bool] = []

    @contextmanager
    def begin(
        self: SqliteStore, scope: Scope, now: dt.datetime, *, write: bool = False
    ) -> Iterator[Transaction]:
        with really(self, scope, now, write=write) as tx:
            if write and not refusing:
                refusing.append(len(tx.every(ISSUES, ("id",), ended=True)) > 0)
            if write and refusing[0]:
                raise StoreBusy("The store stays busy.")
            yield tx

    SqliteStore.begin = begin  # type: ignore[method-assign]  # the fault


FAULTS = {
    "early": answer_early,
    "halves": publish_in_halves,
    "twice": take_twice,
    "never": write_never_again,
}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    main()
