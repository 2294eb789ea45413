"""Zones: which there are, and making one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from gridgov.errors import NotFound
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import zones


@dataclass(frozen=True, slots=True)
class Zone:
    """One development zone. opened_issues: the public sees issues in the reduced form."""

    zone: str
    name_zh: str
    name_en: str | None
    division_code: str | None
    opened_issues: bool


_COLUMNS = (zones.c.zone, zones.c.name_zh, zones.c.name_en, zones.c.division_code, zones.c.opened_issues)


def list_zones(tx: Tx) -> list[Zone]:
    """All zones of the store, by key."""
    rows = inside(tx).connection.execute(select(*_COLUMNS).order_by(zones.c.zone))
    return [Zone(*row) for row in rows]


def read_zone(tx: Tx) -> Zone:
    """The transaction's zone. Raises NotFound."""
    row = inside(tx).connection.execute(select(*_COLUMNS).where(zones.c.zone == tx.scope.zone)).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no zone “{tx.scope.zone}”; `gridgov seed` or `gridgov init --zone` makes one."
        )
    return Zone(*row)


def make_zone(tx: Tx, zone: Zone) -> bool:
    """Make the zone; False when it was there already (and is left as it is)."""
    transaction = inside(tx)
    statement = (
        transaction.dialect.insert(zones)
        .values(
            zone=zone.zone,
            name_zh=zone.name_zh,
            name_en=zone.name_en,
            division_code=zone.division_code,
            opened_issues=zone.opened_issues,
            created_at=tx.now,
        )
        .on_conflict_do_nothing(index_elements=["zone"])
    )
    return bool(transaction.connection.execute(statement).rowcount)


def open_issues(tx: Tx, *, opened: bool) -> None:
    """Let the public see the zone's issues in the reduced form, or not."""
    inside(tx).connection.execute(
        update(zones).where(zones.c.zone == tx.scope.zone).values(opened_issues=opened)
    )
