"""Photos and uploads: each goes whole or is told, wherever it is kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import update

from gridgov.access import Scope
from gridgov.backup import back_up, restore, transfer, verify
from gridgov.backup.files import KEEP_UPLOADS
from gridgov.blobs import BlobStore, photo_key
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import ArchiveDamaged, ArchiveProblem, GridgovError, SchemaMissing
from gridgov.ownership import MARK
from gridgov.settings import Settings
from gridgov.store import Store
from gridgov.store.queries.connection import inside
from gridgov.store.schema import jobs
from gridgov.store.schema_private import attachments
from gridgov.tasks.imports import KEEP_CHECKS
from tests.backup.conftest import MakeStore
from tests.backup.rows import fill, rows_of
from tests.blobs.conftest import s3_blobs, s3_endpoint  # noqa: F401 (fixtures)
from tests.fixtures_store import NOW, ZONE

MIB = 1024**2


class Short(FolderBlobs):
    """A place that takes the first piece of a file for all of it."""

    def put(self, key: str, content: BinaryIO) -> None:
        whole = key == MARK
        super().put(key, content if whole else io.BytesIO(content.read(100)))


class Wrong(FolderBlobs):
    """A place that keeps other bytes than it was given."""

    def put(self, key: str, content: BinaryIO) -> None:
        given = content.read(MIB)
        while content.read(MIB):
            pass
        super().put(key, io.BytesIO(given if key == MARK else b"x" * len(given)))


def name_photo(store: Store, blobs: BlobStore, content: bytes) -> str:
    """Put a photo that the first attachment of the specimen rows names; returns its key."""
    digest = hashlib.sha256(content).hexdigest()
    blobs.put(photo_key(digest), io.BytesIO(content))
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        named = update(attachments).where(attachments.c.id == "attachments-id-0")
        inside(tx).connection.execute(named.values(hash=digest, thumbnail_hash=None, erased_at=None))
        others = update(attachments).where(attachments.c.id != "attachments-id-0")
        inside(tx).connection.execute(others.values(erased_at=NOW))
    return photo_key(digest)


@pytest.mark.parametrize("size", [2 * MIB, 3 * MIB + 1, 35 * MIB])
def test_a_large_photo_goes_whole_into_s3_and_back(
    sqlite_store: Store,
    blobs: FolderBlobs,
    new_sqlite: MakeStore,
    settings: Settings,
    tmp_path: Path,
    s3_blobs: BlobStore,  # noqa: F811
    size: int,
) -> None:
    fill(sqlite_store)
    content = random.Random(size).randbytes(size)  # noqa: S311
    key = name_photo(sqlite_store, blobs, content)
    back_up(sqlite_store, blobs, tmp_path / "b.zip", NOW, settings=settings)
    place = new_sqlite()
    restore(place, s3_blobs, tmp_path / "b.zip", NOW)
    with s3_blobs.open(key) as kept:
        assert kept.read() == content
    back = FolderBlobs(tmp_path / "back")
    transfer(place, new_sqlite(), s3_blobs, back, NOW)
    assert (back.folder / key).read_bytes() == content


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [(Short, ArchiveProblem, "only a part"), (Wrong, ArchiveDamaged, "not what its name says")],
)
def test_a_place_that_does_not_keep_a_photo_whole_is_refused(
    filled: Store,
    blobs: FolderBlobs,
    new_place: MakeStore,
    settings: Settings,
    tmp_path: Path,
    kind: Callable[[Path], FolderBlobs],
    error: type[GridgovError],
    words: str,
) -> None:
    back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    place, target = new_place(), new_place()
    with pytest.raises(error, match=words):
        restore(place, kind(tmp_path / "restored"), tmp_path / "b.zip", NOW)
    with pytest.raises(SchemaMissing):
        place.check()
    with pytest.raises(error, match=words):
        transfer(filled, target, blobs, kind(tmp_path / "moved"), NOW)
    assert not any(rows_of(target).values())


def test_a_damaged_photo_is_told_and_goes_back_as_it_is(
    filled: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path
) -> None:
    broken = next(blobs.each("attachments/")).key
    (blobs.folder / broken).write_bytes(b"the first half of a photo")
    made = back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    assert (made.complete, made.damaged, made.missing) == (False, [broken], [])
    assert verify(tmp_path / "b.zip").summary()["damaged"] == [broken]
    files = FolderBlobs(tmp_path / "restored")
    restore(new_place(), files, tmp_path / "b.zip", NOW)
    assert (files.folder / broken).read_bytes() == b"the first half of a photo"


def test_uploads_of_checks_that_may_be_confirmed_are_in_a_backup(
    filled: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path
) -> None:
    told: list[dict[str, Any]] = [
        {"ended_at": NOW - dt.timedelta(days=6)},
        {"ended_at": NOW - dt.timedelta(days=8)},
        {"ended_at": NOW, "stop_asked_at": NOW},
        {"ended_at": NOW},
    ]
    with filled.begin(Scope.system(ZONE), NOW, write=True) as tx:
        for number, changes in enumerate(told):
            payload = {"upload": f"uploads/{number}", "file": "地块.xlsx"}
            statement = update(jobs).where(jobs.c.id == f"jobs-id-{number}")
            inside(tx).connection.execute(
                statement.values(**{"state": "done", "payload": payload, "stop_asked_at": None, **changes})
            )
            blobs.put(f"uploads/{number}", io.BytesIO(b"rows"))
    blobs.drop("uploads/3")  # loaded
    made = back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    assert [entry.name for entry in made.files if "uploads" in entry.name] == ["files/uploads/0"]
    assert (made.missing, made.erased) == ([], [])
    files = FolderBlobs(tmp_path / "moved")
    transfer(filled, new_place(), blobs, files, NOW)
    assert [each.key for each in files.each("uploads/")] == ["uploads/0"]
    assert KEEP_UPLOADS == KEEP_CHECKS
