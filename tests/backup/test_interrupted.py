"""Backups and restores that are interrupted leave nothing half, and begin anew."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gridgov.backup import back_up, restore
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import SchemaMissing, StoreFull
from gridgov.settings import Settings
from gridgov.store import Store
from tests.backup.conftest import MakeStore
from tests.backup.rows import fill, rows_of
from tests.fixtures_store import NOW


class Stop(BaseException):
    """The process ends here."""


def test_an_interrupted_restore_leaves_nothing_half_and_begins_anew(
    filled: Store,
    blobs: FolderBlobs,
    new_place: MakeStore,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    place, files = new_place(), FolderBlobs(tmp_path / "restored")

    def interrupted(source: Any, *arguments: Any, **named: Any) -> Any:
        raise Stop

    module = "copying_sqlite._finish" if place.url.startswith("sqlite") else "copying_postgis.set_identity"
    with monkeypatch.context() as patch:
        patch.setattr(f"gridgov.store.{module}", interrupted)
        with pytest.raises(Stop):
            restore(place, files, tmp_path / "b.zip", NOW)
    with pytest.raises(SchemaMissing):
        place.reopen().check()
    place = place.reopen()
    restore(place, files, tmp_path / "b.zip", NOW)
    assert rows_of(place, only={"areas", "users"}) == rows_of(filled, only={"areas", "users"})
    place.close()


def test_a_restore_without_room_leaves_nothing_and_begins_anew(
    sqlite_store: Store,
    new_sqlite: MakeStore,
    blobs: FolderBlobs,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    fill(sqlite_store, only={"areas"})
    back_up(sqlite_store, blobs, tmp_path / "b.zip", NOW, settings=settings)
    place = new_sqlite()
    with monkeypatch.context() as patch:
        patch.setattr("gridgov.store.copying_sqlite.os", SimpleNamespace(**{**vars(os), "fsync": full}))
        with pytest.raises(StoreFull, match=r"no room for zone\.gpkg"):
            restore(place, blobs, tmp_path / "b.zip", NOW)
    assert list(Path(place.url.removeprefix("sqlite:///")).parent.iterdir()) == []
    restore(place, blobs, tmp_path / "b.zip", NOW)
    assert rows_of(place, only={"areas"}) == rows_of(sqlite_store, only={"areas"})


def test_a_restore_killed_between_the_two_files_begins_anew(
    sqlite_store: Store,
    new_sqlite: MakeStore,
    blobs: FolderBlobs,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(sqlite_store, only={"areas", "users"})
    back_up(sqlite_store, blobs, tmp_path / "b.zip", NOW, settings=settings)
    place, real, renamed = new_sqlite(), Path.replace, list[Any]()

    def replace(self: Path, target: Any) -> Path:
        if renamed:
            raise Stop
        renamed.append(target)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(Stop):
            restore(place, blobs, tmp_path / "b.zip", NOW)
    restore(place, blobs, tmp_path / "b.zip", NOW)
    assert rows_of(place, only={"areas", "users"}) == rows_of(sqlite_store, only={"areas", "users"})
    folder = Path(place.url.removeprefix("sqlite:///")).parent
    assert {each.suffix for each in folder.iterdir()} <= {
        ".gpkg",
        ".sqlite",
        ".gpkg-wal",
        ".gpkg-shm",
        ".sqlite-wal",
        ".sqlite-shm",
    }
