"""Backups: made while others write, restored whole into an empty place, refused anywhere else."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from gridgov import issues
from gridgov.access import Scope
from gridgov.backup import back_up, restore, transfer, verify
from gridgov.backup.manifest import FILES
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import (
    ArchiveProblem,
    NotFound,
    PlaceNotEmpty,
    SchemaAltered,
    SchemaMissing,
    SchemaTooNew,
    StoreFull,
)
from gridgov.models import ISSUES
from gridgov.ownership import MARK, claim, owns
from gridgov.serving.linking import Linker
from gridgov.settings import Settings
from gridgov.store import Query, Store, copying_postgis, migrate
from gridgov.store.copying_parts import shown_address
from gridgov.store.queries.connection import inside
from gridgov.store.schema_base import metadata
from gridgov.store.schema_private import attachments, sessions
from tests.backup.archives import changed_manifest
from tests.backup.conftest import MakeStore, name_photos
from tests.backup.rows import fill, rows_of
from tests.factories import point
from tests.fixtures_store import NOW, ZONE

LATER = NOW + dt.timedelta(hours=1)


def test_a_restored_store_is_the_one_that_was_backed_up_but_for_its_sessions(
    filled: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path
) -> None:
    states = [(None, None, LATER), (None, None, NOW), (None, NOW, LATER), (NOW, None, LATER)]
    with filled.begin(Scope.system(ZONE), NOW, write=True) as tx:
        for number, (revoked, replaced, expires) in enumerate(states):
            statement = update(sessions).where(sessions.c.token_hash == f"sessions-token_hash-{number}")
            values = {
                "revoked_at": revoked,
                "replaced_at": replaced,
                "expires_at": expires + dt.timedelta(minutes=1),
            }
            inside(tx).connection.execute(statement.values(**values))
    before = rows_of(filled)
    made = back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    assert verify(tmp_path / "b.zip") == made
    place, files = new_place(), FolderBlobs(tmp_path / "restored")
    done = restore(place, files, tmp_path / "b.zip", LATER)
    place.check()
    after = rows_of(place)
    assert done.sessions == 1, "of those not revoked, not replaced and not expired"
    assert after.pop("sessions") == [(*row[:-1], row[-1] or LATER) for row in before.pop("sessions")]
    assert after == before
    assert {each.key: each.size for each in files.each("") if each.key != MARK} == {
        each.key: each.size for each in blobs.each("")
    }
    assert owns(place, files, LATER), "and not the store that it is a copy of"
    assert not owns(filled, files, LATER)


def test_a_drill_into_the_place_of_living_photos_is_refused(
    filled: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path
) -> None:
    claim(filled, blobs, NOW)
    back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    place = new_place()
    with pytest.raises(PlaceNotEmpty, match="take-over-files"):
        restore(place, blobs, tmp_path / "b.zip", LATER)
    assert owns(filled, blobs, NOW)
    restore(place, blobs, tmp_path / "b.zip", LATER, take_over=True)
    assert owns(place, blobs, LATER)
    assert not owns(filled, blobs, LATER)


@pytest.mark.postgis
def test_a_filled_database_has_every_index_and_reference_of_a_new_one(
    postgis_store: Store,
    sqlite_store: Store,
    new_postgis: MakeStore,
    blobs: FolderBlobs,
    settings: Settings,
    tmp_path: Path,
) -> None:
    def made(store: Store) -> set[Any]:
        names = {"names": [table.name for table in metadata.sorted_tables]}
        with store.begin(Scope.system(""), NOW) as tx:
            connection = inside(tx).connection
            return {
                tuple(row)
                for ask in (copying_postgis._INDEXES, copying_postgis._REFERENCES)
                for row in connection.execute(ask, names)
            }

    fill(sqlite_store)
    restored, moved = new_postgis(), new_postgis()
    back_up(postgis_store, blobs, tmp_path / "b.zip", NOW, settings=settings)
    restore(restored, blobs, tmp_path / "b.zip", NOW)
    transfer(sqlite_store, moved, blobs, blobs, NOW)
    assert len(made(postgis_store)) > 40
    assert made(restored) == made(moved) == made(postgis_store)


def test_a_restored_store_goes_on(
    filled: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path, system: Scope
) -> None:
    back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    place = new_place()
    restore(place, FolderBlobs(tmp_path / "restored"), tmp_path / "b.zip", NOW)
    before = {row[0] for row in rows_of(place, only={"issues"})["issues"]}
    with place.begin(system, LATER, write=True) as tx:
        issues.report(
            tx,
            {"code": "WT-NEW", "category": "fire_lane", "geometry": point()},
            Linker.build(ZONE, 0, ()),
            issues.Report("词", "甲", "1"),
        )
    with place.begin(system, LATER) as tx:
        new = tx.find(ISSUES, "WT-NEW")
        assert new is not None
        assert new in tx.list(ISSUES, Query(box=(113.3, 33.7, 113.31, 33.71))).records
    after = [row[0] for row in rows_of(place, only={"issues"})["issues"]]
    assert len(after) == len(before) + 1
    assert max(after) > max(before)


def test_the_manifest_tells_the_moment_and_no_secret(
    filled: Store, blobs: FolderBlobs, settings: Settings, tmp_path: Path
) -> None:
    back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        raw = archive.read("manifest.json").decode()
    told = json.loads(raw)
    assert "very-secret" not in raw
    assert told["settings"]["database_url"] == "postgresql://gridgov:***@db.example/gridgov"
    assert told["settings"]["public_url"] == "https://map.example"
    assert not {"secret", "s3_access_key", "s3_secret_key", "metrics_token"} & set(told["settings"])
    assert {table["name"]: table["rows"] for table in told["tables"]} == {
        name: len(rows) for name, rows in rows_of(filled).items()
    }
    assert {(row["zone"], row["kind"]): row["revision"] for row in told["revisions"]} == {
        (row[0], row[1]): row[2] for row in rows_of(filled)["revisions"]
    }
    assert (told["made_at"], told["format"]) == ("2026-11-20T06:05:00Z", 1)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://u:p/a s?s:w@host:5433/db", "postgresql://u:***@host:5433/db"),
        ("postgresql://host/db?user=u&password=p%40", "postgresql://host/db"),
        ("sqlite:////var/lib/gridgov/zone.gpkg", "sqlite:////var/lib/gridgov/zone.gpkg"),
        ("https://me:pass/word@map.example:8443/hook/key-1?token=2#3", "(unreadable)"),
        ("https://me:pass@map.example:8443/hook/key-1?token=2#3", "https://map.example:8443"),
        ("s3://key:secret@bucket/zone/files?token=1", "s3://bucket/zone/files"),
        ("file:///var/lib/gridgov/files", "file:///var/lib/gridgov/files"),
        ("http://[broken", "(unreadable)"),
    ],
)
def test_passwords_leave_addresses(address: str, told: str) -> None:
    assert shown_address(address) == told


def test_only_its_owner_reads_a_backup_and_none_is_overwritten(
    filled: Store, blobs: FolderBlobs, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "b.zip"
    back_up(filled, blobs, path, NOW, settings=settings)
    assert path.stat().st_mode & 0o777 == 0o600
    size = path.stat().st_size
    with pytest.raises(ArchiveProblem, match="there already"):
        back_up(filled, blobs, path, NOW, settings=settings)
    assert path.stat().st_size == size
    with pytest.raises(NotFound, match="make it first"):
        back_up(filled, blobs, tmp_path / "nowhere" / "b.zip", NOW, settings=settings)


def test_a_backup_that_fails_leaves_nothing_behind(
    filled: Store, blobs: FolderBlobs, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "backups"
    folder.mkdir()
    monkeypatch.setattr("gridgov.backup.archive.os.fsync", full)
    with pytest.raises(StoreFull, match="no room"):
        back_up(filled, blobs, folder / "b.zip", NOW, settings=settings)
    assert list(folder.iterdir()) == []


def test_a_missing_photo_is_named_and_the_rest_is_kept(
    filled: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path
) -> None:
    lost = next(blobs.each("attachments/")).key
    blobs.drop(lost)
    made = back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    assert (made.complete, made.missing, made.erased) == (False, [lost], [])
    assert len(made.files) == 7
    place = new_place()
    assert restore(place, FolderBlobs(tmp_path / "r"), tmp_path / "b.zip", NOW).manifest.missing == [lost]


def test_a_photo_erased_while_the_backup_is_made_is_noted_and_not_missed(
    filled: Store,
    blobs: FolderBlobs,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    system: Scope,
) -> None:
    class Erasing(FolderBlobs):
        """Files of which one is erased, row and all, when the backup comes to it."""

        def open(self, key: str) -> Any:
            with filled.begin(system, LATER, write=True) as tx:
                named = (attachments.c.hash == key[-64:]) | (attachments.c.thumbnail_hash == key[-64:])
                statement = update(attachments).where(named).values(erased_at=tx.now)
                if not erased and inside(tx).connection.execute(statement).rowcount:
                    erased.append(key)
                    self.drop(key)
            return super().open(key)

    erased: list[str] = []
    made = back_up(filled, Erasing(blobs.folder), tmp_path / "b.zip", NOW, settings=settings)
    assert (made.complete, made.erased) == (True, erased)


def test_uploads_that_jobs_wait_for_are_kept_and_others_are_not(
    store: Store, blobs: FolderBlobs, settings: Settings, tmp_path: Path, system: Scope
) -> None:
    fill(store)
    name_photos(store, blobs)
    for name in ("waited-for", "of-an-ended-job", "of-nobody"):
        blobs.put(f"uploads/{name}", io.BytesIO(name.encode()))
    with store.begin(system, NOW, write=True) as tx:
        for number, name in ((2, "waited-for"), (1, "of-an-ended-job")):
            inside(tx).connection.execute(
                text("UPDATE jobs SET payload = :payload WHERE id = :id"),
                {"payload": json.dumps({"files": [{"key": f"uploads/{name}"}]}), "id": f"jobs-id-{number}"},
            )
    made = back_up(store, blobs, tmp_path / "b.zip", NOW, settings=settings)
    assert [entry.name for entry in made.files if "uploads" in entry.name] == [f"{FILES}uploads/waited-for"]


def test_a_backup_goes_only_into_an_empty_place(
    filled: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path
) -> None:
    back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    before = rows_of(filled)
    with pytest.raises(PlaceNotEmpty, match=r"already"):
        restore(filled, blobs, tmp_path / "b.zip", NOW)
    assert rows_of(filled) == before
    made = new_place()
    made.migrate(NOW)
    with pytest.raises(PlaceNotEmpty):
        restore(made, blobs, tmp_path / "b.zip", NOW)


def test_a_backup_of_the_other_kind_of_store_says_how_to_move(
    sqlite_store: Store, new_postgis: MakeStore, blobs: FolderBlobs, settings: Settings, tmp_path: Path
) -> None:
    back_up(sqlite_store, blobs, tmp_path / "b.zip", NOW, settings=settings)
    with pytest.raises(ArchiveProblem, match="gridgov transfer"):
        restore(new_postgis(), blobs, tmp_path / "b.zip", NOW)


def test_there_must_be_a_store_to_back_up(
    new_place: MakeStore, blobs: FolderBlobs, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(SchemaMissing, match="gridgov init"):
        back_up(new_place(), blobs, tmp_path / "b.zip", NOW, settings=settings)
    assert not (tmp_path / "b.zip").exists()


def test_a_backup_of_a_newer_or_edited_program_is_refused_before_anything_is_written(
    filled: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "b.zip"
    made = back_up(filled, blobs, path, NOW, settings=settings)
    place, files = new_place(), FolderBlobs(tmp_path / "restored")
    newer, edited = (
        {folder: [step.model_dump() for step in steps] for folder, steps in made.migrations.items()}
        for _ in "ab"
    )
    for steps in newer.values():
        steps.append({"number": len(steps) + 1, "name": "0099_from_the_future", "checksum": "0" * 64})
    for steps in edited.values():
        steps[0]["checksum"] = "0" * 64
    for archive, error in (
        (changed_manifest(path, migrations=newer), SchemaTooNew),
        (changed_manifest(path, migrations=edited), SchemaAltered),
        (changed_manifest(path, format=2), SchemaTooNew),
    ):
        with pytest.raises(error):
            restore(place, files, archive, NOW)
        with pytest.raises(error):
            verify(archive)
    assert list(files.each("")) == []
    restore(place, files, path, NOW)


def test_a_backup_of_an_older_program_is_brought_up_to_date(
    new_place: MakeStore,
    store: Store,
    blobs: FolderBlobs,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = migrate.migrations
    old, place = new_place(), new_place()
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "migrations", lambda folder: steps(folder)[:1])
        old.migrate(NOW)
    kept = {"departments", "areas", "issues", "contacts", "events"}
    fill(old, only=kept)
    made = back_up(
        old, blobs, tmp_path / "b.zip", NOW, settings=settings
    )  # by the new program, before its upgrade
    assert "jobs" not in {table.name for table in made.tables}
    assert verify(tmp_path / "b.zip") == made
    restore(place, blobs, tmp_path / "b.zip", LATER)
    place.check()
    assert rows_of(place, only=kept) == rows_of(old, only=kept)
