"""Places that are not empty stay as they are: living stores, what is left of damaged ones, archives of others."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gridgov.access import Scope
from gridgov.backup import Manifest, back_up, restore, transfer, verify
from gridgov.backup.leavings import BACKUP, DRAFT, VERIFY
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import ArchiveProblem, PlaceNotEmpty, SchemaMissing
from gridgov.exchange.progress import Silent
from gridgov.settings import Settings
from gridgov.store import Store, copying_sqlite, migrate, open_store
from gridgov.store.copying import one_moment
from gridgov.store.queries.connection import inside
from tests.backup.conftest import MakeStore
from tests.backup.rows import fill, rows_of
from tests.backup.test_interrupted import Stop
from tests.fixtures_store import NOW


def folder_of(store: Store) -> Path:
    return Path(store.url.removeprefix("sqlite:///")).parent


@pytest.fixture
def archive(sqlite_store: Store, blobs: FolderBlobs, settings: Settings, tmp_path: Path) -> Path:
    """A backup of an embedded store with rows in every table."""
    fill(sqlite_store)
    back_up(sqlite_store, blobs, tmp_path / "b.zip", NOW, settings=settings)
    return tmp_path / "b.zip"


@pytest.fixture
def killed(new_sqlite: MakeStore, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A place where a restore was killed when the first of its two files had its name."""
    place, real, renamed = new_sqlite(), Path.replace, list[Any]()

    def replace(self: Path, target: Any) -> Path:
        if self.name.startswith(("zone.gpkg", "zone.private")):
            if renamed:
                raise Stop
            renamed.append(target)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(Stop):
            restore(place, FolderBlobs(tmp_path / "restored"), archive, NOW)
    return place


def test_a_living_store_that_waits_for_its_upgrade_is_not_upgraded_by_a_move_into_it(
    filled: Store, new_place: MakeStore, blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrate.migrations
    old = new_place()
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "migrations", lambda folder: steps(folder)[:1])
        old.migrate(NOW)
    fill(old, only={"zones"})
    with pytest.raises(PlaceNotEmpty, match="4 zones"):
        transfer(filled, old, blobs, blobs, NOW)
    with pytest.raises(SchemaMissing, match="lacks 1 migration"):
        old.check()


@pytest.mark.parametrize("left", ["zone.gpkg-wal", "zone.gpkg-shm", "zone.gpkg-journal", "zone.gpkg"])
def test_what_is_left_of_a_damaged_store_is_neither_removed_nor_used(
    sqlite_store: Store, new_sqlite: MakeStore, archive: Path, blobs: FolderBlobs, tmp_path: Path, left: str
) -> None:
    place = new_sqlite()
    folder_of(place).mkdir(parents=True, exist_ok=True)
    (folder_of(place) / left).write_bytes(b"the newest records")
    with pytest.raises(PlaceNotEmpty, match=f"{left} in .*all of these files away together"):
        restore(place, FolderBlobs(tmp_path / "restored"), archive, NOW)
    with pytest.raises(PlaceNotEmpty, match=f"{left} in "):
        transfer(sqlite_store, place, blobs, blobs, NOW)
    assert [each.name for each in folder_of(place).iterdir()] == [left]
    assert (folder_of(place) / left).read_bytes() == b"the newest records"


def test_a_mark_that_a_restore_left_does_not_let_a_living_store_be_overwritten(
    new_sqlite: MakeStore, archive: Path, tmp_path: Path
) -> None:
    place = new_sqlite()
    restore(place, FolderBlobs(tmp_path / "restored"), archive, NOW)
    path = folder_of(place) / "zone.gpkg"
    both = copying_sqlite._places(path)
    for told in ("", json.dumps({part: copying_sqlite._identity(file) for part, file in both.items()})):
        copying_sqlite._mark(path).write_text(told)
        with pytest.raises(PlaceNotEmpty):
            restore(place, FolderBlobs(tmp_path / "again"), archive, NOW)
    assert len(rows_of(place, only={"contacts"})["contacts"]) == 4


def test_only_the_untouched_half_of_this_very_restore_is_put_anew(
    killed: Store, archive: Path, tmp_path: Path
) -> None:
    files = FolderBlobs(tmp_path / "restored")
    half = folder_of(killed) / "zone.gpkg"
    mine = half.with_name("mine")
    half.rename(mine)
    shutil.copy2(mine, half)
    with pytest.raises(PlaceNotEmpty):
        restore(killed, files, archive, NOW)
    mine.replace(half)
    restore(killed, files, archive, NOW)
    assert len(rows_of(killed, only={"contacts"})["contacts"]) == 4


def test_a_store_that_was_made_whole_from_a_half_is_not_overwritten(
    killed: Store, archive: Path, tmp_path: Path
) -> None:
    again = killed.reopen()
    again.migrate(NOW)
    with pytest.raises(PlaceNotEmpty):
        restore(again, FolderBlobs(tmp_path / "restored"), archive, NOW)
    again.close()


@pytest.mark.parametrize("links", [True, False])
def test_of_two_backups_under_one_name_the_first_is_kept(
    sqlite_store: Store,
    blobs: FolderBlobs,
    settings: Settings,
    tmp_path: Path,
    links: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr("gridgov.backup.archive.os.link", refused)
    folder = tmp_path / "backups"
    folder.mkdir()
    path = folder / "b.zip"
    made: list[Manifest] = []

    class Overtaken(Silent):
        """Another backup begins and ends while this one is made."""

        def start(self, total: int, what: str) -> None:
            if what == "files":
                made.append(back_up(sqlite_store, blobs, path, NOW, settings=settings))

    with pytest.raises(ArchiveProblem, match="never overwritten"):
        back_up(sqlite_store, blobs, path, NOW, settings=settings, progress=Overtaken())
    assert verify(path) == made[0]
    assert [each.name for each in folder.iterdir()] == ["b.zip"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_backup_writes_through_no_link(
    sqlite_store: Store, blobs: FolderBlobs, settings: Settings, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"of somebody else")
    (tmp_path / "b.zip.part").symlink_to(other)
    (tmp_path / "c.zip").symlink_to(tmp_path / "nowhere")
    back_up(sqlite_store, blobs, tmp_path / "b.zip", NOW, settings=settings)
    assert (other.read_bytes(), (tmp_path / "b.zip").is_symlink()) == (b"of somebody else", False)
    with pytest.raises(ArchiveProblem, match="there already"):
        back_up(sqlite_store, blobs, tmp_path / "c.zip", NOW, settings=settings)
    assert not (tmp_path / "nowhere").exists()


def test_what_a_killed_command_left_is_swept_after_a_day(archive: Path, tmp_path: Path) -> None:
    old = [tmp_path / f"{prefix}old" for prefix in (BACKUP, VERIFY)]
    for each in (*old, tmp_path / f"{VERIFY}young"):
        each.mkdir()
        (each / "private.sqlite").write_bytes(b"names and phone numbers")
    (tmp_path / f"{DRAFT}old").write_bytes(b"names and phone numbers")
    for each in tmp_path.glob(".gridgov-*"):
        when = (NOW - dt.timedelta(hours=1 if each.name.endswith("young") else 25)).timestamp()
        os.utime(each, (when, when))
    verify(archive)
    assert len(list(tmp_path.glob(".gridgov-*"))) == 4
    verify(archive, now=NOW)
    assert [each.name for each in tmp_path.glob(".gridgov-*")] == [f"{VERIFY}young"]


def test_a_backup_waits_for_an_import_that_holds_the_store(
    sqlite_store: Store, blobs: FolderBlobs, settings: Settings, tmp_path: Path
) -> None:
    hasty = open_store(sqlite_store.url, wait_seconds=0.2)
    held, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with sqlite_store.begin(Scope.system(""), NOW, write=True):
            held.set()
            ended.wait(0.7)

    writer = threading.Thread(target=hold)
    writer.start()
    assert held.wait(5)
    assert back_up(hasty, blobs, tmp_path / "b.zip", NOW, settings=settings).complete
    writer.join()
    hasty.close()


@pytest.mark.postgis
def test_what_the_owner_of_a_database_set_for_it_spoils_no_copy(
    postgis_store: Store, new_postgis: MakeStore, blobs: FolderBlobs, settings: Settings, tmp_path: Path
) -> None:
    def told(store: Store, words: str) -> Store:
        with store.begin(Scope.system(""), NOW, write=True) as tx:
            connection = inside(tx).connection
            name = connection.execute(text("SELECT current_database()")).scalar_one()
            for each in words.split(";"):
                connection.exec_driver_sql(f'ALTER DATABASE "{name}" {each}')
        return store.reopen()

    odd = "SET extra_float_digits = -6;SET statement_timeout = '20s';SET idle_in_transaction_session_timeout = '20s'"
    foreign = f"{odd};SET client_encoding = 'GBK'"  # which has no factory
    fill(postgis_store)
    before = rows_of(postgis_store)
    place, target = new_postgis(), new_postgis()
    source, restored, moved = (
        told(each, words) for each, words in ((postgis_store, foreign), (place, foreign), (target, odd))
    )
    with one_moment(source, NOW) as tx:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert tx.connection.execute(text(f"SHOW {name}")).scalar_one() == "0"
    back_up(source, blobs, tmp_path / "b.zip", NOW, settings=settings)
    restore(restored, FolderBlobs(tmp_path / "restored"), tmp_path / "b.zip", NOW)
    plain = told(told(postgis_store, "RESET ALL"), odd)
    transfer(plain, moved, FolderBlobs(tmp_path / "none"), FolderBlobs(tmp_path / "moved"), NOW)
    for each, kept in ((restored, before), (moved, before)):
        read = told(each, "RESET ALL")
        found = rows_of(read)
        found.pop("sessions")
        assert found == {name: rows for name, rows in kept.items() if name != "sessions"}
        read.close()
    for each in (source, restored, moved, plain):
        each.close()
