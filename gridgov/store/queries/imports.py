"""Which files were imported, so that the same file again changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select

from gridgov.models import RecordKind
from gridgov.models.identifiers import new_identifier
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema import imports


def last_import(tx: Tx, kind: RecordKind) -> dict[str, Any] | None:
    """The newest import into `kind`, with file_hash and options_hash; None when there was none."""
    statement = (
        select(imports)
        .where(imports.c.zone == tx.scope.zone, imports.c.kind == kind.name)
        .order_by(imports.c.fid.desc())
        .limit(1)
    )
    row = inside(tx).connection.execute(statement).mappings().one_or_none()
    return None if row is None else dict(row)


def record_import(tx: Tx, kind: RecordKind, facts: Mapping[str, Any]) -> str:
    """Note an import; returns its id.

    facts: file_name, file_hash, options_hash, coordinate_system, created, changed, unchanged, skipped.
    """
    identifier = new_identifier(tx.now)
    inside(tx).connection.execute(
        insert(imports).values(
            id=identifier, zone=tx.scope.zone, kind=kind.name, at=tx.now, actor=tx.scope.actor, **facts
        )
    )
    return identifier
