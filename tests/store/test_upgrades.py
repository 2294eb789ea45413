"""Upgrades: a filled store of every step comes through with every row; an interrupted one goes on or goes back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gridgov.access import Scope
from gridgov.errors import SchemaMissing
from gridgov.models import AREAS, ISSUES
from gridgov.seeding import seed
from gridgov.store import Query, Store, migrate, open_store
from gridgov.store.copying import snapshot
from gridgov.store.queries.connection import inside
from gridgov.store.schema_base import metadata
from tests.backup.rows import fill
from tests.factories import sample
from tests.fixtures_store import NOW, ZONE

FOLDERS = ("sqlite-map", "sqlite-private", "postgis")
LAST = max(len(migrate.migrations(folder)) for folder in FOLDERS)
REAL = migrate.migrations
Rows = dict[str, list[tuple[Any, ...]]]


class Stop(BaseException):
    """The process ends here."""


@pytest.fixture(params=["sqlite", pytest.param("postgis", marks=pytest.mark.postgis)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a place without a store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'old.gpkg'}"
    return str(request.getfixturevalue("make_postgis_database")())


@pytest.fixture
def old_store(url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Store]:
    """Makes the store as the program of a step made it."""
    return lambda step: made_by(url, step, monkeypatch)


def made_by(url: str, step: int, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A new store by the migrations up to `step`."""
    store = open_store(url)
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "migrations", lambda folder: REAL(folder)[:step])
        store.migrate(NOW)
        store.check()
    return store


def present(store: Store) -> dict[str, list[str]]:
    """Table → its columns as they are in the store now, whatever its step."""
    with snapshot(store, NOW) as moment:
        return {name: list(columns) for name, columns in moment.contents().tables.items()}


def kept(store: Store, tables: dict[str, list[str]]) -> Rows:
    """The rows of these tables and columns, in the order of their key."""
    found: Rows = {}
    with store.begin(Scope.system(""), NOW) as tx:
        for name, columns in tables.items():
            order = ", ".join(f'"{column.name}"' for column in metadata.tables[name].primary_key.columns)
            listed = ", ".join(f'"{column}"' for column in columns)
            rows = inside(tx).connection.execute(text(f'SELECT {listed} FROM "{name}" ORDER BY {order}'))
            found[name] = [tuple(row) for row in rows]
    return found


@pytest.mark.parametrize("step", range(1, LAST + 1))
def test_a_filled_store_of_every_step_comes_through_with_every_row(
    old_store: Callable[[int], Store], step: int
) -> None:
    store = old_store(step)
    tables = present(store)
    fill(store, only=tables, columns=tables)
    before = kept(store, tables)
    assert all(before.values()), "a table without rows proves nothing"
    applied = store.migrate(NOW)
    assert bool(applied) == (step < LAST)
    store.check()
    assert kept(store, tables) == before
    assert set(present(store)) == set(metadata.tables)
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        tx.insert(ISSUES, sample("issues", code="WT-NEW"))
    with store.begin(Scope.system(ZONE), NOW) as tx:
        found = tx.list(ISSUES, Query(box=(113.3, 33.7, 113.31, 33.71))).records
        assert "WT-NEW" in {each["code"] for each in found}
    store.close()


@pytest.mark.slow
def test_the_released_demonstration_zone_comes_through(old_store: Callable[[int], Store]) -> None:
    store = old_store(1)
    counts = seed(store, NOW)
    tables = present(store)
    before = kept(store, tables)
    store.migrate(NOW)
    store.check()
    assert kept(store, tables) == before
    with store.begin(Scope.system("pds-gaoxin"), NOW) as tx:
        assert tx.count(AREAS, Query()) == counts["areas"]
    store.close()


def last_statement(sql: str) -> str:
    """The SQL with a statement at its end that no database takes."""
    return f"{sql}\nSELECT no_such_function_anywhere();\n"


def test_a_step_that_fails_goes_back_and_the_next_try_goes_on(
    old_store: Callable[[int], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = old_store(1)
    tables = present(store)
    fill(store, only=tables, columns=tables)
    before = kept(store, tables)

    def broken(folder: str) -> list[migrate.Migration]:
        steps = REAL(folder)
        last = steps[-1]
        return [
            *steps[:-1],
            migrate.Migration(last.number, last.name, last_statement(last.sql), last.checksum),
        ]

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "migrations", broken)
        with pytest.raises(Exception, match="no_such_function_anywhere"):
            store.migrate(NOW)
    assert present(store) == tables
    with pytest.raises(SchemaMissing, match="gridgov init"):
        store.check()
    store.migrate(NOW)
    store.check()
    assert kept(store, tables) == before
    store.close()


def test_an_upgrade_that_ends_between_the_two_files_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = made_by(f"sqlite:///{tmp_path / 'old.gpkg'}", 1, monkeypatch)
    tables = present(store)
    fill(store, only=tables, columns=tables)
    before = kept(store, tables)

    def first_only(folder: str) -> list[migrate.Migration]:
        if folder == "sqlite-map":
            raise Stop
        return REAL(folder)

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "migrations", first_only)
        with pytest.raises(Stop):
            store.migrate(NOW)
    with pytest.raises(SchemaMissing, match="gridgov init"):
        store.check()
    assert {name.partition("/")[0] for name in store.migrate(NOW)} == {"sqlite-map"}
    store.check()
    assert kept(store, tables) == before
    store.close()


KILLED = """
import os, signal, sys, datetime as dt
from gridgov.store import migrate, open_store
real = migrate.statements
def dying(sql, complete):
    for number, statement in enumerate(real(sql, complete)):
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield statement
migrate.statements = dying
steps = migrate.migrations
if not sys.argv[1].startswith("sqlite"):
    def slow(folder):
        found = steps(folder)
        last = found[-1]
        sql = last.sql + "SELECT pg_sleep(2);"  # then the server sees that nobody is there any more
        return [*found[:-1], migrate.Migration(last.number, last.name, sql, last.checksum)]
    migrate.migrations = slow
store = open_store(sys.argv[1])
print("begins", flush=True)
store.migrate(dt.datetime.now(dt.UTC))
"""


def test_an_upgrade_that_is_killed_in_the_middle_of_a_step_goes_back(
    old_store: Callable[[int], Store], url: str
) -> None:
    store = old_store(1)
    tables = present(store)
    fill(store, only=tables, columns=tables)
    before = kept(store, tables)
    process = subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    if not url.startswith("sqlite"):
        wait_for_sleep(store)
        process.kill()
    assert process.wait(30) == -9
    process.stdout.close()
    assert present(store) == tables
    store.migrate(NOW)
    store.check()
    assert kept(store, tables) == before
    store.close()


def wait_for_sleep(store: Store) -> None:
    """Return when the other process is inside its last statement."""
    for _ in range(600):
        with store.begin(Scope.system(""), NOW) as tx:
            asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            if inside(tx).connection.execute(text(asleep)).scalar_one():
                return
            inside(tx).connection.execute(text("SELECT pg_sleep(0.05)"))
    raise AssertionError("the other process never came to its last statement")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "statement", "told"),
    [
        (
            "serve",
            "INSERT INTO {}schema_migrations VALUES (99, '0099_from_the_future', 'x', '2030-01-01')",
            "the newer gridgov that made it",
        ),
        ("init", "UPDATE {}schema_migrations SET checksum = 'edited'", "as it was released"),
    ],
)
def test_the_service_refuses_a_newer_or_edited_store_with_one_line(
    old_store: Callable[[int], Store], url: str, statement: str, told: str, command: str
) -> None:
    store = old_store(LAST)
    schema = "map." if url.startswith("sqlite") else ""
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        inside(tx).connection.execute(text(statement.format(schema)))
    store.close()
    environment = {
        **os.environ,
        "GRIDGOV_DATABASE_URL": url,
        "GRIDGOV_SECRET": "x" * 40,
        "GRIDGOV_PORT": "8099",
    }
    done = subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("gridgov: ")
    assert told in done.stderr
