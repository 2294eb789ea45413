"""Backups: made while others write, restored whole into an empty place, refused anywhere else."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import os
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from gridgov import issues
from gridgov.access import Scope
from gridgov.backup import Manifest, back_up, restore, transfer, verify
from gridgov.backup.archive import COMMENT
from gridgov.backup.manifest import FILES, without_passwords
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
from gridgov.serving.linking import Linker
from gridgov.settings import Settings
from gridgov.store import Query, Store, copying_postgis, migrate
from gridgov.store.queries.connection import inside
from gridgov.store.schema_base import metadata
from gridgov.store.schema_private import attachments
from tests.backup.conftest import MakeStore, name_photos
from tests.backup.rows import fill, rows_of
from tests.factories import point
from tests.fixtures_store import NOW, ZONE

LATER = NOW + dt.timedelta(hours=1)


def rewritten(archive: Path, entries: Mapping[str, bytes | None]) -> Path:
    """A copy of an archive with some entries replaced, added, or (None) left out."""
    made = archive.with_name(f"rewritten-{len(list(archive.parent.iterdir()))}-{archive.name}")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(made, "w") as target:
        target.comment = COMMENT
        there = {name: source.read(name) for name in source.namelist()}
        for name, content in {**there, **entries}.items():
            if content is not None:
                target.writestr(name, content)
    return made


def changed_manifest(archive: Path, **changes: Any) -> Path:
    """A copy of an archive with other words in its manifest."""
    with zipfile.ZipFile(archive) as source:
        told = json.loads(source.read("manifest.json"))
    return rewritten(archive, {"manifest.json": json.dumps({**told, **changes}).encode()})


def test_a_restored_store_is_the_one_that_was_backed_up_but_for_its_sessions(
    filled: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path
) -> None:
    before = rows_of(filled)
    made = back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    assert verify(tmp_path / "b.zip") == made
    place, files = new_place(), FolderBlobs(tmp_path / "restored")
    done = restore(place, files, tmp_path / "b.zip", LATER)
    place.check()
    after = rows_of(place)
    living = [row for row in before["sessions"] if row[-1] is None]
    assert done.sessions == len(living) > 0
    assert after.pop("sessions") == [(*row[:-1], row[-1] or LATER) for row in before.pop("sessions")]
    assert after == before
    assert {each.key: each.size for each in files.each("")} == {
        each.key: each.size for each in blobs.each("")
    }


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


def test_what_a_killed_backup_left_is_swept_by_the_next_after_a_day(
    filled: Store, blobs: FolderBlobs, settings: Settings, tmp_path: Path
) -> None:
    old, young = tmp_path / ".gridgov-backup-old", tmp_path / ".gridgov-backup-young"
    for folder, hours in ((old, 25), (young, 1)):
        folder.mkdir()
        (folder / "private.sqlite").write_bytes(b"names and phone numbers")
        when = NOW.timestamp() - hours * 3600
        os.utime(folder, (when, when))
    back_up(filled, blobs, tmp_path / "b.zip", NOW, settings=settings)
    assert (old.exists(), young.exists()) == (False, True)


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
    assert told["settings"]["database_url"] == "postgresql://gridgov:***@db.example/gridgov?sslpassword=***"
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
        ("postgresql://u:p@ss:w@host/db", "postgresql://u:***@host/db"),
        ("postgresql://host/db?user=u&password=p%40", "postgresql://host/db?user=u&password=***"),
        ("https://map.example/path", "https://map.example/path"),
        ("127.0.0.1,10.0.0.0/8", "127.0.0.1,10.0.0.0/8"),
    ],
)
def test_passwords_leave_addresses(address: str, told: str) -> None:
    assert without_passwords(address) == told


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


@pytest.mark.slow
def test_a_backup_taken_while_four_write_is_of_one_moment(
    store: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path, system: Scope
) -> None:
    ended, written, faults = threading.Event(), [0] * 4, list[BaseException]()

    def report(worker: int) -> None:
        linker = Linker.build(ZONE, 0, ())
        try:
            while not ended.is_set():
                values = {
                    "code": f"WT-{worker}-{written[worker]}",
                    "category": "fire_lane",
                    "geometry": point(),
                }
                with store.begin(system, NOW, write=True) as tx:
                    write = issues.report(
                        tx, values, linker, issues.Report("反映", f"人 {worker}", "13800000000")
                    )
                    photo = _photo(tx, blobs, write.record.id)
                    inside(tx).connection.execute(attachments.insert().values(**photo))
                written[worker] += 1
        except BaseException as error:  # noqa: BLE001 (told by the test)
            faults.append(error)

    threads = [threading.Thread(target=report, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    made: dict[int, Manifest] = {}
    try:
        for number in range(3):
            while sum(written) < 10 * (number + 1) and not faults:
                ended.wait(0.005)
            made[number] = back_up(store, blobs, tmp_path / f"{number}.zip", NOW, settings=settings)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert faults == []
    for number, manifest in made.items():
        assert (verify(tmp_path / f"{number}.zip"), manifest.complete) == (manifest, True)
        place, files = new_place(), FolderBlobs(tmp_path / f"restored-{number}")
        restore(place, files, tmp_path / f"{number}.zip", NOW)
        count = _is_one_moment(place, files)
        assert 10 * (number + 1) <= count <= sum(written)
        assert count == {table.name: table.rows for table in manifest.tables}["issues"]


def _photo(tx: Any, blobs: FolderBlobs, record: str) -> dict[str, Any]:
    digests = {}
    for name in ("hash", "thumbnail_hash"):
        content = f"{name} of {record}".encode()
        digests[name] = hashlib.sha256(content).hexdigest()
        blobs.put(f"attachments/{digests[name][:2]}/{digests[name]}", io.BytesIO(content))
    return {
        "zone": ZONE,
        "id": record,
        "record_kind": "issues",
        "record_id": record,
        "media_type": "image/jpeg",
        "size_bytes": 1,
        "width": 1,
        "height": 1,
        "payload_hash": "-",
        "created_at": tx.now,
        "created_by": "s",
        **digests,
    }


def _is_one_moment(place: Store, files: FolderBlobs) -> int:
    """Everything of every issue is there, and nothing of any other; returns how many issues."""
    with place.begin(Scope.system(ZONE), NOW) as tx:
        connection = inside(tx).connection
        found = {each.id: each for each in tx.each(ISSUES, Query())}

        def ask(words: str) -> set[Any]:
            return set(connection.execute(text(words)).scalars())

        assert ask("SELECT id FROM contacts") == {each["contact_id"] for each in found.values()}
        assert ask("SELECT record_id FROM original_texts") == set(found)
        assert ask("SELECT record_id FROM events WHERE record_kind = 'issues'") == set(found)
        assert ask("SELECT record_id FROM attachments") == set(found)
        for digest in ask("SELECT hash FROM attachments") | ask("SELECT thumbnail_hash FROM attachments"):
            assert files.holds(f"attachments/{digest[:2]}/{digest}")
        assert tx.revision(ISSUES) == max((each["revision"] for each in found.values()), default=0)
    return len(found)
