"""Stores with rows in every table and their files, and empty places to restore into."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from gridgov.access import Scope
from gridgov.blobs import photo_key
from gridgov.blobs.folder import FolderBlobs
from gridgov.settings import Settings
from gridgov.store import Store, open_store
from gridgov.store.queries.connection import inside
from gridgov.store.schema_private import attachments
from tests.backup.rows import fill
from tests.fixtures_store import NOW, ZONE

MakeStore = Callable[[], Store]


@pytest.fixture
def settings() -> Settings:
    """Settings with secrets in several places."""
    return Settings.model_validate(
        {
            "database_url": "postgresql://gridgov:very-secret@db.example/gridgov?sslpassword=very-secret",
            "secret": "very-secret" * 4,
            "s3_access_key": "very-secret",
            "s3_secret_key": "very-secret",
            "public_url": "https://map.example",
        }
    )


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    """The place of files of the store under test."""
    return FolderBlobs(tmp_path / "files")


@pytest.fixture
def new_sqlite(tmp_path: Path) -> Iterator[MakeStore]:
    """Makes empty places for embedded stores."""
    made: list[Store] = []

    def make() -> Store:
        made.append(open_store(f"sqlite:///{tmp_path / f'place-{len(made)}' / 'zone.gpkg'}"))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def new_postgis(make_postgis_database: Callable[[], str]) -> Iterator[MakeStore]:
    """Makes stores over databases without gridgov's tables."""
    made: list[Store] = []

    def make() -> Store:
        made.append(open_store(make_postgis_database()))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def new_place(request: pytest.FixtureRequest, store: Store) -> MakeStore:
    """Makes empty places of the same kind as `store`."""
    make: MakeStore = request.getfixturevalue(
        "new_sqlite" if store.url.startswith("sqlite") else "new_postgis"
    )
    return make


@pytest.fixture
def filled(store: Store, blobs: FolderBlobs) -> Store:
    """`store` with rows in every table, and the photos that they name."""
    fill(store)
    name_photos(store, blobs)
    return store


def name_photos(store: Store, blobs: FolderBlobs) -> list[str]:
    """Give every attachment of the specimen rows photos that are there; returns their keys."""
    keys = []
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        for number in range(4):
            digests = {}
            for name in ("hash", "thumbnail_hash"):
                content = f"{name} of photo {number}".encode() * 50
                digests[name] = hashlib.sha256(content).hexdigest()
                blobs.put(photo_key(digests[name]), io.BytesIO(content))
                keys.append(photo_key(digests[name]))
            inside(tx).connection.execute(
                update(attachments)
                .where(attachments.c.id == f"attachments-id-{number}")
                .values(**digests, erased_at=None)
            )
    return sorted(keys)
