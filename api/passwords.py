"""Passwords: hashed with argon2id, checked in constant time, and the one way to make an account."""

from __future__ import annotations

from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gridgov.errors import InvalidValue
from gridgov.models.identifiers import new_identifier
from gridgov.store import Tx
from gridgov.store.queries import accounts

SHORTEST, LONGEST = 10, 200
_HASHER = PasswordHasher()
# Checked when a login is unknown, so that the answer takes as long as for a known one.
_NOBODY = _HASHER.hash("the password of nobody")


def hash_password(password: str) -> str:
    """The argon2id hash of a password. Raises InvalidValue when it is shorter than 10 or longer than 200."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidValue(f"A password needs {SHORTEST} to {LONGEST} characters.", field="password")
    return _HASHER.hash(password)


def password_fits(password_hash: str | None, password: str) -> bool:
    """Whether the password is the hashed one; None (an unknown account) takes the same time and is False."""
    if len(password) > LONGEST:
        return False
    try:
        _HASHER.verify(password_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def add_account(
    tx: Tx,
    login: str,
    password: str,
    role: str,
    name: str,
    areas: Sequence[str],
    department: str | None,
) -> str:
    """Make an account in the transaction's zone; returns its id. Raises InvalidValue, DuplicateCode."""
    if not 1 <= len(login.strip()) <= 80:
        raise InvalidValue("A login needs 1 to 80 characters.", field="login")
    identifier = new_identifier(tx.now)
    accounts.add_user(
        tx,
        {
            "id": identifier,
            "login": login.strip(),
            "password_hash": hash_password(password),
            "role": role,
            "display_name": name,
            "area_codes": list(areas),
            "department_code": department,
        },
    )
    return identifier
