"""Sessions: an opaque random token in a cookie, of which the store knows only the SHA-256.

A token that comes when the sign-in's newest is 15 minutes old gets a new one with the answer. The old one is replaced
when the new one is first used, so that an answer lost on the way signs nobody out; it then still works for a few
seconds, for requests already under way. Used after that it was copied, and every session of that sign-in ends.

Answers can arrive out of order. Were a second token made while the first is still on its way, the first could reach
the browser last, after the second came into use, and would then look copied. So no token is made while the sign-in
has one younger than 15 minutes, whoever holds it: two can never be on their way together, and a browser that lost the
answer goes on with its old token until the next is due.
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
    """One sign-in of one account, as the store has it now.

    older: earlier tokens wait to be replaced. newest_at: when the latest token of the sign-in was made.
    """

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
    newest_at: dt.datetime

    def copied(self, now: dt.datetime) -> bool:
        """Whether the token was replaced so long ago that only a copy can still be in use."""
        return self.replaced_at is not None and now - self.replaced_at > GRACE

    def due(self, now: dt.datetime) -> bool:
        """Whether the sign-in should get a further token now."""
        return self.replaced_at is None and now - self.newest_at >= ROTATE_AFTER


def hash_token(token: str) -> str:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read(tx: Tx, token: str) -> Session | None:
    """The session of a token; None when unknown, ended, expired, or its account is disabled."""
    return _read(tx, hash_token(token))


def living(tx: Tx, session: Session) -> bool:
    """Whether a session seen earlier in a request still holds, with the same role and areas.

    A token that was replaced meanwhile does: the request that carries it began before.
    """
    present = _read(tx, session.token_hash)
    return (
        present is not None
        and present.role == session.role
        and present.area_codes == session.area_codes
        and present.department_code == session.department_code
    )


def _read(tx: Tx, token_hash: str, *, hold: bool = False) -> Session | None:
    row = accounts.read_session(tx, token_hash, hold=hold)
    if row is None or row["revoked_at"] is not None or row["user_disabled_at"] is not None:
        return None
    # A token from the future: the clock was set back, and the session would live longer by as much.
    if row["expires_at"] <= tx.now or row["created_at"] - tx.now > accounts.AHEAD:
        return None
    older = row["replaced_at"] is None and accounts.older_tokens(tx, row["family"], row["created_at"])
    newest = accounts.newest_token(tx, row["family"]) or row["created_at"]
    return _session(row, older=older, newest_at=newest)


def _session(row: dict[str, Any], *, older: bool, newest_at: dt.datetime) -> Session:
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
        newest_at=newest_at,
    )


def start(tx: Tx, user_id: str, hours: int) -> tuple[str, dt.datetime]:
    """A new sign-in of an account; returns its token and when it ends. Sessions that expired are dropped on the way."""
    accounts.drop_expired_sessions(tx)
    return _add(tx, user_id, new_identifier(tx.now), tx.now + dt.timedelta(hours=hours))


def renew(tx: Tx, session: Session) -> tuple[str, dt.datetime] | None:
    """A further token of a sign-in, which ends when the first would have. The present one stays until it is used.

    None when the sign-in was ended, its account disabled, or its token replaced or renewed since `session` was read.
    """
    present = _read(tx, session.token_hash, hold=True)
    if present is None or not present.due(tx.now):
        return None
    return _add(tx, present.user_id, present.family, present.expires_at)


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
