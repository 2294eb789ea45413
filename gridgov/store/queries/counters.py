"""Running numbers for people: WT-20261120-0001."""

from __future__ import annotations

from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import counters


def next_number(tx: Tx, name: str, step: int = 1) -> int:
    """The last of `step` new numbers of the counter `name` in the zone, from 1; its row stays locked until the end."""
    transaction = inside(tx)
    statement = (
        transaction.dialect.insert(counters)
        .values(zone=tx.scope.zone, name=name, value=step)
        .on_conflict_do_update(index_elements=["zone", "name"], set_={"value": counters.c.value + step})
        .returning(counters.c.value)
    )
    return int(transaction.connection.execute(statement).scalar_one())
