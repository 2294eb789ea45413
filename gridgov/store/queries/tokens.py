"""Tokens by which programs sign in, in the private tables. Only the hash of a token is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from gridgov.errors import DuplicateCode
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema_private import service_tokens

_SHOWN = tuple(column for column in service_tokens.c if column.name not in ("token_hash", "zone"))


def add_token(tx: Tx, values: Mapping[str, Any]) -> None:
    """Keep a token (id, name, token_hash, role, area_codes, expires_at), made by the scope's actor now.

    Raises DuplicateCode when a token of the zone has the name, revoked or not: the audit log must stay unambiguous.
    """
    transaction = inside(tx)
    statement = (
        transaction.dialect.insert(service_tokens)
        .values(zone=tx.scope.zone, created_at=tx.now, created_by=tx.scope.actor, **values)
        .on_conflict_do_nothing(index_elements=["zone", "name"])
    )
    if transaction.connection.execute(statement).rowcount == 0:
        name = values["name"]
        raise DuplicateCode(
            f"A token is or was named “{name}”; choose another name, such as {name}-2.", name=name
        )


def find_token(tx: Tx, token_hash: str) -> dict[str, Any] | None:
    """The token with this hash, whatever its state, without the hash; None when the zone has none."""
    return _one(tx, service_tokens.c.token_hash == token_hash)


def read_token(tx: Tx, identifier: str) -> dict[str, Any] | None:
    """The token with this id, whatever its state; None when the zone has none."""
    return _one(tx, service_tokens.c.id == identifier)


def named_token(tx: Tx, name: str) -> dict[str, Any] | None:
    """The token with this name, whatever its state; None when the zone has none."""
    return _one(tx, service_tokens.c.name == name)


def _one(tx: Tx, condition: Any) -> dict[str, Any] | None:
    statement = select(*_SHOWN).where(service_tokens.c.zone == tx.scope.zone, condition)
    row = inside(tx).connection.execute(statement).mappings().one_or_none()
    return None if row is None else dict(row)


def list_tokens(tx: Tx) -> list[dict[str, Any]]:
    """Every token of the zone by name, ended and revoked ones too, without hashes."""
    statement = select(*_SHOWN).where(service_tokens.c.zone == tx.scope.zone).order_by(service_tokens.c.name)
    return [dict(row) for row in inside(tx).connection.execute(statement).mappings()]


def revoke_token(tx: Tx, identifier: str) -> bool:
    """End a token now and for good; False when it was revoked before (which then stays the moment of its end)."""
    statement = (
        update(service_tokens)
        .where(
            service_tokens.c.zone == tx.scope.zone,
            service_tokens.c.id == identifier,
            service_tokens.c.revoked_at.is_(None),
        )
        .values(revoked_at=tx.now)
    )
    return bool(inside(tx).connection.execute(statement).rowcount)
