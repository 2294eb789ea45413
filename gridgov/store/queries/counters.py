"""Running numbers for people: WT-20261120-0001."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select

from gridgov.models import RecordKind
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import RECORDS, counters


def next_number(tx: Tx, name: str, step: int = 1) -> int:
    """The last of `step` new numbers of the counter `name` in the zone, from 1; its row stays locked until the end."""
    transaction = inside(tx)
    row = {"zone": tx.scope.zone, "name": name, "value": step, "step": step}
    return int(transaction.connection.execute(_count_up(transaction.dialect.insert), row).scalar_one())


def code_taken(tx: Tx, kind: RecordKind, code: str) -> bool:
    """Whether a living record of the zone has this code, in scope or not; for numbering, never for an answer."""
    asked = {"in_zone": tx.scope.zone, "with_code": code}
    return inside(tx).connection.execute(_living_with_code(kind.name), asked).first() is not None


@cache
def _living_with_code(name: str) -> Any:
    table = RECORDS[name]
    asked = (table.c.zone == bindparam("in_zone"), table.c.code == bindparam("with_code"))
    return select(table.c.fid).where(*asked, table.c.valid_to.is_(None)).limit(1)


@cache
def _count_up(insert_of: Callable[..., Any]) -> Any:
    statement = insert_of(counters).values({name: bindparam(name) for name in ("zone", "name", "value")})
    return statement.on_conflict_do_update(
        index_elements=["zone", "name"], set_={"value": counters.c.value + bindparam("step")}
    ).returning(counters.c.value)
