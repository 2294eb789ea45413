"""Sessions: an opaque random token in a cookie, of which the store knows only the SHA-256.

Every 15 minutes the answer brings a new token. The old one is replaced when the new one is first used, so that an
answer lost on the way signs nobody out; it then still works for a few seconds, for requests already under way. Used
after that it was copied, and every session of that sign-in ends.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

from gridgov.models.identifiers import new_identifier
from gridgov.store import Tx
from gridgov.store.queries import accounts

COOKIE: Final = "gridgov_session"
ROTATE_AFTER: Final = dt.timedelta(minutes=15)
GRACE: Final = dt.timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one account, as the store has it now. older: earlier tokens wait to be replaced."""

    token_hash: str
    family: str
    created_at: dt.datetime
    expires_at: dt.datetime
    replaced_at: dt.datetime | None
    user_id: str
    login: str
    display_name: str
    role: str
    area_codes: tuple[str, ...]
    department_code: str | None
    older: bool

    def copied(self, now: dt.datetime) -> bool:
        """Whether the token was replaced so long ago that only a copy can still be in use."""
        return self.replaced_at is not None and now - self.replaced_at > GRACE

    def due(self, now: dt.datetime) -> bool:
        """Whether the token should be replaced now."""
        return self.replaced_at is None and now - self.created_at >= ROTATE_AFTER


def hash_token(token: str) -> str:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read(tx: Tx, token: str) -> Session | None:
    """The session of a token; None when unknown, ended, expired, or its account is disabled."""
    row = accounts.read_session(tx, hash_token(token))
    if row is None or row["revoked_at"] is not None or row["user_disabled_at"] is not None:
        return None
    if row["expires_at"] <= tx.now:
        return None
    older = row["replaced_at"] is None and accounts.older_tokens(tx, row["family"], row["created_at"])
    return _session(row, older=older)


def _session(row: dict[str, Any], *, older: bool) -> Session:
    return Session(
        token_hash=row["token_hash"],
        family=row["family"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        replaced_at=row["replaced_at"],
        user_id=row["user_id"],
        login=row["user_login"],
        display_name=row["user_display_name"],
        role=row["user_role"],
        area_codes=tuple(row["user_area_codes"]),
        department_code=row["user_department_code"],
        older=older,
    )


def start(tx: Tx, user_id: str, hours: int) -> tuple[str, dt.datetime]:
    """A new sign-in of an account; returns its token and when it ends."""
    return _add(tx, user_id, new_identifier(tx.now), tx.now + dt.timedelta(hours=hours))


def renew(tx: Tx, session: Session) -> tuple[str, dt.datetime]:
    """A further token of a sign-in, which ends when the first would have. The present one stays until it is used."""
    return _add(tx, session.user_id, session.family, session.expires_at)


def _add(tx: Tx, user_id: str, family: str, expires_at: dt.datetime) -> tuple[str, dt.datetime]:
    token = secrets.token_urlsafe(32)
    accounts.add_session(
        tx,
        {"token_hash": hash_token(token), "user_id": user_id, "family": family, "expires_at": expires_at},
    )
    return token, expires_at


def cookie(token: str, path: str, seconds: int, *, secure: bool) -> str:
    """The Set-Cookie header of a token; an empty token takes the cookie away."""
    parts = [
        f"{COOKIE}={token}",
        f"Path={path or '/'}",
        f"Max-Age={max(0, seconds)}",
        "HttpOnly",
        "SameSite=Lax",
    ]
    return "; ".join([*parts, "Secure"] if secure else parts)


def tokens(cookie_headers: list[str]) -> list[str]:
    """Every session token that a request carries; a browser sends one for each cookie path that fits."""
    found = []
    for pair in "; ".join(cookie_headers).split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE and 20 <= len(value) <= 100 and value.isascii():
            found.append(value)
    return found[:4]
