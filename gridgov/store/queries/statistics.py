"""Sums and counts for the statistics page, one grouped statement each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from gridgov.models import RecordKind
from gridgov.store.base import Query, Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import RECORDS


def grouped(tx: Tx, kind: RecordKind, by: str, sums: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Living records in scope grouped by one field: {by, count, and the sum of each field of `sums`}."""
    transaction = inside(tx)
    table = RECORDS[kind.name]
    totals = [func.coalesce(func.sum(table.c[name]), 0.0).label(name) for name in sums]
    statement = (
        select(table.c[by].label(by), func.count().label("count"), *totals)
        .where(transaction.reading.condition(kind, Query()))
        .group_by(table.c[by])
        .order_by(table.c[by])
    )
    return [dict(row) for row in transaction.connection.execute(statement).mappings()]
