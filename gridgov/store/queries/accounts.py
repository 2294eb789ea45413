"""Accounts, sessions and attempt counters, all in the private tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, case, delete, func, insert, literal, or_, select, update

from gridgov.errors import DuplicateCode
from gridgov.store.base import Tx
from gridgov.store.queries.connection import inside
from gridgov.store.schema_private import sessions, throttles, users

# A window or a session that begins later than this was made before the clock was set back; the clocks of two machines,
# and two requests at one moment, differ by less.
AHEAD = dt.timedelta(minutes=5)


def add_user(tx: Tx, values: Mapping[str, Any]) -> None:
    """Make an account (id, login, password_hash, role, display_name, area_codes, department_code).

    Raises DuplicateCode when the login is taken.
    """
    transaction = inside(tx)
    statement = (
        transaction.dialect.insert(users)
        .values(zone=tx.scope.zone, created_at=tx.now, **values)
        .on_conflict_do_nothing(index_elements=["zone", "login"])
    )
    if transaction.connection.execute(statement).rowcount == 0:
        raise DuplicateCode(f"The login “{values['login']}” is taken; choose another.", login=values["login"])


def find_user(tx: Tx, login: str) -> dict[str, Any] | None:
    """The account with this login, disabled or not; None when there is none."""
    statement = select(users).where(users.c.zone == tx.scope.zone, users.c.login == login)
    row = inside(tx).connection.execute(statement).mappings().one_or_none()
    return None if row is None else dict(row)


def read_user(tx: Tx, identifier: str) -> dict[str, Any] | None:
    """The account with this id; None when there is none."""
    statement = select(users).where(users.c.zone == tx.scope.zone, users.c.id == identifier)
    row = inside(tx).connection.execute(statement).mappings().one_or_none()
    return None if row is None else dict(row)


def list_users(tx: Tx) -> list[dict[str, Any]]:
    """Every account of the zone, by login, without password hashes."""
    columns = [column for column in users.c if column.name != "password_hash"]
    statement = select(*columns).where(users.c.zone == tx.scope.zone).order_by(users.c.login)
    return [dict(row) for row in inside(tx).connection.execute(statement).mappings()]


def change_user(tx: Tx, identifier: str, values: Mapping[str, Any]) -> None:
    """Set password_hash, role, area_codes, department_code, display_name or disabled_at of an account."""
    inside(tx).connection.execute(
        update(users).where(users.c.zone == tx.scope.zone, users.c.id == identifier).values(**values)
    )


def add_session(tx: Tx, values: Mapping[str, Any]) -> None:
    """Keep a session (token_hash, user_id, family, expires_at)."""
    inside(tx).connection.execute(insert(sessions).values(zone=tx.scope.zone, created_at=tx.now, **values))


def drop_expired_sessions(tx: Tx) -> None:
    """Delete up to 500 sessions of the zone whose time is over; one sign-in leaves far fewer."""
    _drop(
        tx,
        sessions.c.token_hash,
        and_(sessions.c.zone == tx.scope.zone, sessions.c.expires_at <= tx.now),
        500,
    )


def read_session(tx: Tx, token_hash: str, *, hold: bool = False) -> dict[str, Any] | None:
    """A session with its account (user_…), whatever its state; None when there is none.

    hold: nobody ends or renews it before the writing transaction is over.
    """
    # The account's id is the session's own user_id already.
    account = [column.label(f"user_{column.name}") for column in users.c if column.name != "id"]
    statement = (
        select(*sessions.c, *account)
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.token_hash == token_hash, sessions.c.zone == tx.scope.zone)
    )
    if hold:
        statement = statement.with_for_update(of=sessions)
    row = inside(tx).connection.execute(statement).mappings().one_or_none()
    return None if row is None else dict(row)


def newest_token(tx: Tx, family: str) -> dt.datetime | None:
    """When the latest token of a sign-in was made; None for a sign-in that does not exist."""
    statement = select(func.max(sessions.c.created_at)).where(
        sessions.c.zone == tx.scope.zone, sessions.c.family == family
    )
    newest: dt.datetime | None = inside(tx).connection.execute(statement).scalar_one()
    return newest


def older_tokens(tx: Tx, family: str, before: dt.datetime) -> bool:
    """Whether a sign-in has tokens made before this instant that none replaced yet."""
    statement = select(sessions.c.token_hash).where(_older(tx, family, before)).limit(1)
    return inside(tx).connection.execute(statement).first() is not None


def replace_older_tokens(tx: Tx, family: str, before: dt.datetime) -> None:
    """Mark the tokens of a sign-in made before this instant as replaced: a newer one came into use."""
    inside(tx).connection.execute(
        update(sessions).where(_older(tx, family, before)).values(replaced_at=tx.now)
    )


def _older(tx: Tx, family: str, before: dt.datetime) -> ColumnElement[bool]:
    return and_(
        sessions.c.zone == tx.scope.zone,
        sessions.c.family == family,
        sessions.c.created_at < before,
        sessions.c.replaced_at.is_(None),
    )


def revoke_sessions(tx: Tx, *, family: str | None = None, user_id: str | None = None) -> None:
    """End every session of a family (one sign-in with its rotations) or of an account."""
    if (family is None) == (user_id is None):
        raise ValueError("name either the family or the account")
    which = sessions.c.family == family if family is not None else sessions.c.user_id == user_id
    living = and_(sessions.c.zone == tx.scope.zone, which, sessions.c.revoked_at.is_(None))
    connection = inside(tx).connection
    # Whoever renews a token holds its row. Waiting for the rows first, in a statement of its own, lets the update see
    # also the token that was made meanwhile; an update that waits by itself would not.
    connection.execute(
        select(sessions.c.token_hash).where(living).order_by(sessions.c.token_hash).with_for_update()
    ).all()
    connection.execute(update(sessions).where(living).values(revoked_at=tx.now))


def count_attempt(tx: Tx, key: str, window: dt.timedelta) -> tuple[int, dt.datetime]:
    """Count one attempt under `key`, such as sign-in/…; returns (attempts in the present window, when it ends).

    The first of a window drops up to 100 counters of the same purpose, the part before the slash, that are older.
    """
    transaction = inside(tx)
    old = or_(throttles.c.window_start <= tx.now - window, throttles.c.window_start > tx.now + AHEAD)
    statement = (
        transaction.dialect.insert(throttles)
        .values(key=key, window_start=tx.now, count=1)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": case((old, 1), else_=throttles.c.count + 1),
                # Told its type: SQLite would keep a bare instant in another form, which no window is compared with.
                "window_start": case(
                    (old, literal(tx.now, throttles.c.window_start.type)), else_=throttles.c.window_start
                ),
            },
        )
        .returning(throttles.c.count, throttles.c.window_start)
    )
    count, start = transaction.connection.execute(statement).one()
    if count == 1:
        purpose = key.partition("/")[0] + "/"
        past = and_(
            throttles.c.key.startswith(purpose, autoescape=True), throttles.c.window_start <= tx.now - window
        )
        _drop(tx, throttles.c.key, past, 100)
    return int(count), start + window


def attempts(tx: Tx, key: str, window: dt.timedelta) -> tuple[int, dt.datetime]:
    """What count_attempt gives, without counting an attempt; without any, a window would begin now."""
    statement = select(throttles.c.count, throttles.c.window_start).where(
        throttles.c.key == key,
        throttles.c.window_start > tx.now - window,
        throttles.c.window_start <= tx.now + AHEAD,
    )
    row = inside(tx).connection.execute(statement).one_or_none()
    return (0, tx.now + window) if row is None else (int(row[0]), row[1] + window)


def forget_attempts(tx: Tx, key: str) -> None:
    """Start the count of `key` anew, after a success."""
    inside(tx).connection.execute(delete(throttles).where(throttles.c.key == key))


def drop_old_attempts(tx: Tx, age: dt.timedelta) -> None:
    """Delete up to 10,000 counters of attempts of any purpose whose window began so long ago."""
    _drop(tx, throttles.c.key, throttles.c.window_start <= tx.now - age, 10_000)


def _drop(tx: Tx, key: Column[str], condition: ColumnElement[bool], most: int) -> None:
    """Delete up to `most` rows of the table of `key` that meet the condition and that nobody else is writing to."""
    found = select(key).where(condition).limit(most).with_for_update(skip_locked=True)
    inside(tx).connection.execute(delete(key.table).where(key.in_(found)))
