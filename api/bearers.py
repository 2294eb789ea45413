"""Service tokens: what a program sends as `Authorization: Bearer gg_…` instead of signing in with a cookie.

A token is shown once, when it is made; the store keeps its SHA-256. It ends by itself on its day, or at once when it
is revoked. Only people make tokens, and a token never acts in another zone than its own.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.sessions import hash_token
from gridgov.access import Actor, Role
from gridgov.errors import InvalidValue, NotSignedIn, OutOfRange
from gridgov.models.identifiers import new_identifier
from gridgov.store import Tx
from gridgov.store.queries import tokens
from gridgov.store.queries.audit import record_audit

PREFIX: Final = "gg_"
ROLES: Final = (Role.GRID_WORKER, Role.STAFF, Role.ADMIN)
DAYS, DAYS_MAX = 365, 3_650
_FORM: Final = re.compile(r"gg_[A-Za-z0-9_-]{43}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@dataclass(frozen=True, slots=True)
class Bearer:
    """A program behind a living token. expires_at: None for one without an end."""

    id: str
    token_hash: str
    role: Role
    area_codes: tuple[str, ...]
    expires_at: dt.datetime | None

    def ended(self, now: dt.datetime) -> bool:
        """Whether its day is over."""
        return self.expires_at is not None and self.expires_at <= now

    def actor(self, areas: frozenset[str]) -> Actor:
        """Who acts when this token is sent; `areas` are its areas with everything below them."""
        return Actor.program(self.id, self.role, areas)


def given(headers: Sequence[str]) -> str | None:
    """The hash of the token in the Authorization headers; None when none of them is a bearer's.

    A header of another scheme belongs to a proxy in front and is no token. Raises NotSignedIn for two, or for words
    that cannot be a token.
    """
    words = [value.split(None, 1) for value in headers if value.strip()]
    found = [parts[1].strip() if len(parts) > 1 else "" for parts in words if parts[0].lower() == "bearer"]
    if not found:
        return None
    if len(found) > 1 or _FORM.fullmatch(found[0]) is None:
        raise refused()
    return hash_token(found[0])


def refused() -> NotSignedIn:
    """The one answer to a token that is unknown, of another zone, past its day, or revoked."""
    return NotSignedIn(
        "This token is unknown here, has ended or was revoked; ask an administrator for a new one.",
        scheme="bearer",
    )


def read(tx: Tx, token_hash: str) -> Bearer | None:
    """The living token with this hash; None when unknown in the zone, past its day, or revoked."""
    row = tokens.find_token(tx, token_hash)
    if row is None or row["revoked_at"] is not None:
        return None
    bearer = Bearer(row["id"], token_hash, Role(row["role"]), tuple(row["area_codes"]), row["expires_at"])
    return None if bearer.ended(tx.now) else bearer


def make(
    tx: Tx, name: str, role: str, areas: Sequence[str], days: int | None, *, address: str | None = None
) -> tuple[str, dict[str, Any]]:
    """A new token of the zone; returns it, which nobody can read again, and its row. days: None for no end.

    The areas must have been looked up before. Raises InvalidValue, OutOfRange, DuplicateCode.
    """
    if _NAME.fullmatch(name) is None:
        raise InvalidValue(
            f"A token's name is {name!r:.70}, but must be 1 to 60 letters, digits, dots, hyphens or underscores.",
            field="name",
        )
    if role not in ROLES:
        raise InvalidValue(f"“role” is {role!r:.40}, but must be one of {', '.join(ROLES)}.", field="role")
    if days is not None and not 1 <= days <= DAYS_MAX:
        raise OutOfRange(f"“days” is {days}; it must be from 1 to {DAYS_MAX}.", field="days")
    token = PREFIX + secrets.token_urlsafe(32)
    identifier = new_identifier(tx.now)
    values = {
        "id": identifier,
        "name": name,
        "token_hash": hash_token(token),
        "role": role,
        "area_codes": list(areas),
        "expires_at": None if days is None else tx.now + dt.timedelta(days=days),
    }
    tokens.add_token(tx, values)
    told = {"name": name, "role": role, "areas": list(areas), "days": days}
    record_audit(tx, "tokens:add", identifier, address=address, details=told)
    row = tokens.read_token(tx, identifier)
    return token, dict(row or {})


def revoke(tx: Tx, row: dict[str, Any], *, address: str | None = None) -> dict[str, Any]:
    """End a token for good; one that was revoked before stays as it is. Returns its row."""
    if tokens.revoke_token(tx, row["id"]):
        record_audit(tx, "tokens:revoke", row["id"], address=address, details={"name": row["name"]})
    return dict(tokens.read_token(tx, row["id"]) or {})
