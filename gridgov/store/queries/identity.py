"""Which store this is: a number of its own, so that two stores never take the same place of files for theirs."""

from __future__ import annotations

import secrets

from sqlalchemy import select, update

from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import counters

_NAME = "store"
_NO_ZONE = ""


def identity(tx: Tx) -> str | None:
    """The store's identity as 16 hexadecimal digits; None before it has one."""
    statement = select(counters.c.value).where(counters.c.zone == _NO_ZONE, counters.c.name == _NAME)
    value = inside(tx).connection.execute(statement).scalar_one_or_none()
    return None if value is None else f"{value:016x}"


def make_identity(tx: Tx) -> str:
    """The store's identity, made in this writing transaction when there was none."""
    transaction = inside(tx)
    transaction.connection.execute(
        transaction.dialect.insert(counters)
        .values(zone=_NO_ZONE, name=_NAME, value=_new())
        .on_conflict_do_nothing(index_elements=["zone", "name"])
    )
    made = identity(tx)
    assert made is not None, "it was just put there"  # noqa: S101
    return made


def renew_identity(tx: Tx) -> str:
    """A new identity: a restored or moved store is another store than the one it is a copy of."""
    make_identity(tx)
    inside(tx).connection.execute(
        update(counters).where(counters.c.zone == _NO_ZONE, counters.c.name == _NAME).values(value=_new())
    )
    return make_identity(tx)


def _new() -> int:
    return secrets.randbits(62)
