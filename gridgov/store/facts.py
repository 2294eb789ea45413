"""What can be learned of a store before it is opened: for `gridgov check`, which must neither make nor change one."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from gridgov.store.address import database_parts, embedded_path
from gridgov.store.sqlite import private_path

# Fragments of libpq's messages → the same in our words, and the remedy.
_UNREACHABLE = (
    ("could not translate host name", "the name {host} is unknown", "Mend the host in GRIDGOV_DATABASE_URL."),
    (
        "Connection refused",
        "nobody listens on {host}:{port}",
        "Start PostgreSQL, or mend host and port in GRIDGOV_DATABASE_URL.",
    ),
    (
        "timeout expired",
        "{host}:{port} does not answer",
        "Look whether the database runs and a firewall lets {host}:{port} through.",
    ),
    (
        "password authentication failed",
        "the password of {user} is refused",
        "Mend the password in GRIDGOV_DATABASE_URL.",
    ),
    (
        "no password supplied",
        "{user} needs a password",
        "Write postgresql://{user}:PASSWORD@… into GRIDGOV_DATABASE_URL.",
    ),
    (
        "pg_hba.conf",
        "the server lets {user} not in from here",
        "Add a line for {user} and {database} to the server's pg_hba.conf.",
    ),
    (
        "the database system is",
        "the server starts or stops just now",
        "Wait a moment and ask again.",
    ),
    ("too many", "the server has no connection left", "Raise max_connections or end idle clients."),
)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Why a database does not answer, and what to do; both one line."""

    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class PostgisFacts:
    """A PostgreSQL database as its role sees it. postgis: "" when it is not created; offered: "" when not installed."""

    server: tuple[int, int]
    postgis: str
    offered: str
    role: str
    database: str
    encoding: str
    may_create: bool
    may_extend: bool
    read_only: bool
    now: dt.datetime


def sqlite_files(url: str) -> tuple[Path, Path] | None:
    """The map file and the private file behind an embedded store's url; None for a database.

    Raises ConfigurationProblem for an address that is neither.
    """
    path = embedded_path(url)
    if path is None:
        return None
    path = path.resolve()
    return path, private_path(path)


def sqlite_fault(path: Path) -> str:
    """What the file says when it is opened for reading, "" when it is a sound SQLite file. It is not changed.

    Only for a process that has not opened the store: closing the file here would drop its locks.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=2)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return ""


def postgis_facts(url: str, wait_seconds: float) -> PostgisFacts | Unreachable:
    """Ask the database; after `wait_seconds` (at least 2, a bound of libpq) it counts as unreachable.

    Raises ConfigurationProblem for an address that cannot be.
    """
    parsed = database_parts(url)
    try:
        with closing(
            psycopg2.connect(
                parsed.render_as_string(hide_password=False),
                connect_timeout=max(2, round(wait_seconds)),
                options=f"-c statement_timeout={round(wait_seconds * 1000)}",
            )
        ) as connection:
            return _facts(connection)
    except psycopg2.Error as error:
        told = {
            "host": parsed.host or "the local socket",
            "port": str(parsed.port or 5432),
            "user": parsed.username or "the role",
            "database": parsed.database or "",
        }
        return _explained(str(error), told)


def _facts(connection: psycopg2.extensions.connection) -> PostgisFacts:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version_num')::int,"
            " (SELECT extversion FROM pg_extension WHERE extname = 'postgis'),"
            " (SELECT default_version FROM pg_available_extensions WHERE name = 'postgis'),"
            " current_user, current_database(), current_setting('server_encoding'),"
            " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),"
            " pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool,"
            " clock_timestamp()"
        )
        row = cursor.fetchone()
    if row is None:
        raise psycopg2.InterfaceError("the server gave no row")
    number, postgis, offered, role, database, encoding, create, extend, read_only, now = row
    return PostgisFacts(
        server=(number // 10000, number % 10000),
        postgis=postgis or "",
        offered=offered or "",
        role=role,
        database=database,
        encoding=encoding,
        may_create=create,
        may_extend=extend,
        read_only=read_only,
        now=now.astimezone(dt.UTC),
    )


def _explained(message: str, told: dict[str, str]) -> Unreachable:
    missing = re.search(r'(database|role) "[^"]*" does not exist', message)
    if missing and missing[1] == "database":
        return Unreachable(
            f"there is no database {told['database']}",
            f"Make it on the server: createdb -O {told['user']} {told['database']}",
        )
    if missing:
        return Unreachable(
            f"there is no role {told['user']}", f"Make it on the server: createuser -P {told['user']}"
        )
    for part, why, remedy in _UNREACHABLE:
        if part in message:
            return Unreachable(why.format(**told), remedy.format(**told))
    first = next((line.strip() for line in message.splitlines() if line.strip()), "no reason given")
    return Unreachable(first, "Mend GRIDGOV_DATABASE_URL or the server.")
