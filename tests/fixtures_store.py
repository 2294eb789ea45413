"""Stores to test with: every test that asks for `store` runs on SQLite and on PostGIS, built by the migrations."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gridgov.access import Scope
from gridgov.store import Store, open_store
from gridgov.store.queries.zones import Zone, make_zone
from tests.throwaway_postgres import drop_database, fresh_database

NOW = dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC)
ZONE = "test-zone"


@pytest.fixture
def now() -> dt.datetime:
    """The instant at which every test happens: 20 November 2026, 14:05 in Pingdingshan."""
    return NOW


@pytest.fixture
def system() -> Scope:
    """Everything of the test zone."""
    return Scope.system(ZONE)


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty map file, copied for each test instead of migrated again."""
    path = tmp_path_factory.mktemp("empty") / "map.gpkg"
    store = open_store(f"sqlite:///{path}")
    store.migrate(NOW)
    _make_zone(store)
    store.close()
    return path


@pytest.fixture(scope="session")
def empty_postgis(postgis_url: str) -> Iterator[str]:
    """A migrated, empty database that serves as the template of each test's own."""
    url = fresh_database(postgis_url)
    store = open_store(url)
    store.migrate(NOW)
    _make_zone(store)
    store.close()
    yield url
    drop_database(url)


@pytest.fixture
def sqlite_store(empty_sqlite: Path, tmp_path: Path) -> Iterator[Store]:
    """An embedded store of the test's own."""
    for file in empty_sqlite.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    store = open_store(f"sqlite:///{tmp_path / 'map.gpkg'}")
    yield store
    store.close()


@pytest.fixture
def postgis_store(empty_postgis: str, postgis_url: str) -> Iterator[Store]:
    """A PostGIS store of the test's own."""
    url = fresh_database(postgis_url, template=urlsplit(empty_postgis).path.removeprefix("/"))
    store = open_store(url)
    yield store
    store.close()
    drop_database(url)


@pytest.fixture(params=["sqlite", pytest.param("postgis", marks=pytest.mark.postgis)])
def store(request: pytest.FixtureRequest) -> Store:
    """The store under contract: the same test on both backends."""
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


@pytest.fixture
def open_again() -> Iterator[Callable[[Store], Store]]:
    """Opens a second store over the same files or database, as another worker would."""
    opened: list[Store] = []

    def again(first: Store) -> Store:
        opened.append(first.reopen())
        return opened[-1]

    yield again
    for each in opened:
        each.close()


def _make_zone(store: Store) -> None:
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        make_zone(tx, Zone(ZONE, "测试区", "Test zone", "410471", opened_issues=False))
