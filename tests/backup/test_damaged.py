"""Archives that are damaged, cut off, foreign or hostile: each is refused in words, and nothing is written."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridgov.backup import back_up, restore, verify
from gridgov.backup.archive import Archive, new_archive
from gridgov.backup.manifest import Entry, Manifest, TableContents
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import ArchiveDamaged, ArchiveProblem, GridgovError, NotFound, StoreFull
from gridgov.exchange.progress import Silent
from gridgov.settings import Settings
from gridgov.store import Store, open_store
from tests.backup.archives import changed_manifest, rewritten
from tests.backup.conftest import MakeStore, name_photos
from tests.backup.rows import fill
from tests.fixtures_store import NOW

ALL_ENTRIES = ("manifest.json", "store/private.sqlite", "store/map.gpkg")


@pytest.fixture(scope="module")
def archive(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a filled embedded store with photos."""
    folder = tmp_path_factory.mktemp("archive")
    for file in empty_sqlite.parent.iterdir():
        shutil.copy(file, folder / file.name)
    store, blobs = open_store(f"sqlite:///{folder / 'map.gpkg'}"), FolderBlobs(folder / "files")
    fill(store)
    name_photos(store, blobs)
    back_up(store, blobs, folder / "b.zip", NOW, settings=Settings())
    store.close()
    return folder / "b.zip"


@pytest.fixture
def place(new_sqlite: MakeStore) -> Iterator[Store]:
    """An empty place; after the test it must still be empty."""
    made = new_sqlite()
    yield made
    path = Path(made.url.removeprefix("sqlite:///"))
    assert not path.exists() or not path.stat().st_size
    assert not list(path.parent.glob("*.part"))


def refused(path: Path, place: Store, tmp_path: Path, match: str) -> None:
    """Neither looking over nor restoring takes the archive."""
    with pytest.raises(ArchiveDamaged, match=match):
        verify(path)
    with pytest.raises(ArchiveDamaged, match=match):
        restore(place, FolderBlobs(tmp_path / "restored"), path, NOW)


@pytest.fixture(scope="module")
def flipped_copy(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the archive to damage."""
    return Path(shutil.copy(archive, tmp_path_factory.mktemp("flipped") / "b.zip"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_is_noticed(flipped_copy: Path, data: Any) -> None:
    size = flipped_copy.stat().st_size
    # The end holds the directory and the manifest, where a byte matters most and lies least often.
    position = data.draw(st.integers(0, size - 1) | st.integers(size - 20_000, size - 1))
    mask = data.draw(st.integers(1, 255))
    with flipped_copy.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ mask]))
    try:
        with pytest.raises(GridgovError):
            verify(flipped_copy)
    finally:
        with flipped_copy.open("r+b") as file:
            file.seek(position)
            file.write(bytes([byte]))


@pytest.mark.parametrize("entry", ALL_ENTRIES)
def test_a_damaged_entry_is_named(archive: Path, place: Store, tmp_path: Path, entry: str) -> None:
    broken = Path(shutil.copy(archive, tmp_path / "broken.zip"))
    with zipfile.ZipFile(archive) as opened:
        told = opened.getinfo(entry)
    with broken.open("r+b") as file:
        file.seek(told.header_offset + 100 + told.compress_size // 2)
        file.write(b"\xff\x00\xff\x00")
    refused(broken, place, tmp_path, entry)


def test_a_photo_with_other_content_is_named_and_not_kept(
    archive: Path, place: Store, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive) as opened:
        name = next(each for each in opened.namelist() if each.startswith("files/"))
        size = opened.getinfo(name).file_size
    other = rewritten(archive, {name: b"x" * size})
    refused(other, place, tmp_path, name)
    assert not FolderBlobs(tmp_path / "restored").holds(name.removeprefix("files/"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99999])
def test_a_cut_off_file_is_refused(archive: Path, place: Store, tmp_path: Path, share: float) -> None:
    cut = tmp_path / "cut.zip"
    whole = archive.read_bytes()
    cut.write_bytes(whole[: int(len(whole) * share)])
    refused(cut, place, tmp_path, "cut off|not as it was written|damaged")


@pytest.mark.parametrize("entry", ALL_ENTRIES)
def test_a_missing_entry_is_named(archive: Path, place: Store, tmp_path: Path, entry: str) -> None:
    refused(rewritten(archive, {entry: None}), place, tmp_path, entry)


def test_another_zip_is_no_backup(place: Store, tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("holiday.jpg", b"x")
    refused(path, place, tmp_path, "not a backup that gridgov made")
    (tmp_path / "word.zip").write_bytes(b"this is a letter")
    refused(tmp_path / "word.zip", place, tmp_path, "no backup")
    with pytest.raises(NotFound):
        verify(tmp_path / "nothing.zip")


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "store/../../outside.copy",
        "/etc/passwd",
        "files/../../outside",
        "files/attachments/../../../outside",
        "files/attachments/aa/..",
        "files/elsewhere/aa",
        "store/map.gpkg/inside",
        "STORE/map.gpkg",
        "store\\map.gpkg",
    ],
)
def test_an_entry_never_leads_elsewhere(archive: Path, place: Store, tmp_path: Path, name: str) -> None:
    refused(rewritten(archive, {name: b"x"}), place, tmp_path, "not in its manifest")
    with zipfile.ZipFile(archive) as opened:
        entries = json.loads(opened.read("manifest.json"))["entries"]
    named = changed_manifest(archive, entries=[*entries, {"name": name, "size": 1, "sha256": "0" * 64}])
    refused(named, place, tmp_path, "manifest.json is damaged")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("name", 'users"; DROP TABLE users; --'),
        ("columns", ['id") FROM STDIN; DROP TABLE users; --']),
        ("rows", -1),
    ],
)
def test_a_manifest_carries_no_sql(
    archive: Path, place: Store, tmp_path: Path, part: str, words: Any
) -> None:
    with zipfile.ZipFile(archive) as opened:
        tables = json.loads(opened.read("manifest.json"))["tables"]
    tables[0][part] = words
    refused(changed_manifest(archive, tables=tables), place, tmp_path, "manifest.json is damaged at tables.0")


def test_a_manifest_of_nonsense_is_refused(archive: Path, place: Store, tmp_path: Path) -> None:
    for number, nonsense in enumerate(
        (b"", b"[]", b"null", b"{}", b"\xff", b'{"format": "one"}', b'{"format": 1}')
    ):
        made = rewritten(archive, {"manifest.json": nonsense})
        refused(made, place, tmp_path / str(number), "manifest.json is damaged")


def test_a_bomb_is_refused_by_the_room_it_would_need(archive: Path, tmp_path: Path) -> None:
    huge = changed_size(archive, 10**18)
    with pytest.raises(ArchiveDamaged, match="bytes instead of"):
        verify(huge)


def test_verifying_needs_room_for_the_copy(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gridgov.backup.restoring.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0)
    )
    with pytest.raises(StoreFull, match="MiB are needed"):
        verify(archive)


def changed_size(archive: Path, size: int) -> Path:
    with zipfile.ZipFile(archive) as opened:
        entries = json.loads(opened.read("manifest.json"))["entries"]
    entries[0]["size"] = size
    return changed_manifest(archive, entries=entries)


def test_a_store_with_a_loose_reference_is_found(archive: Path, tmp_path: Path) -> None:
    made = with_store(archive, tmp_path, "PRAGMA foreign_keys = OFF; DELETE FROM sessions; DELETE FROM users")
    verify(made)  # nothing refers to users any more
    made = with_store(
        archive, tmp_path, "PRAGMA foreign_keys = OFF; DELETE FROM users", unchanged=("sessions",)
    )
    with pytest.raises(ArchiveDamaged, match="refers to a users"):
        verify(made)


def test_rows_that_the_manifest_does_not_count_are_found(archive: Path, tmp_path: Path) -> None:
    made = with_store(archive, tmp_path, "DELETE FROM contacts", recount=False)
    with pytest.raises(ArchiveDamaged, match="0 rows of contacts, its manifest says 4"):
        verify(made)


def with_store(
    archive: Path, folder: Path, statements: str, *, unchanged: tuple[str, ...] = (), recount: bool = True
) -> Path:
    """A sealed archive that looks right, whose private file was changed before it was sealed."""
    with zipfile.ZipFile(archive) as opened:
        manifest = Archive(opened, archive).manifest
        contents = {name: opened.read(name) for name in opened.namelist() if name != "manifest.json"}
    file = folder / "changed.sqlite"
    file.write_bytes(contents["store/private.sqlite"])
    with sqlite3.connect(file) as connection:
        connection.executescript(statements)
        counts = {
            table.name: connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]
            for table in manifest.tables
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table.name,)).fetchone()
        }
    connection.close()
    contents["store/private.sqlite"] = file.read_bytes()
    made = folder / f"made-{len(list(folder.iterdir()))}.zip"
    with new_archive(made, Silent()) as sealed:
        for name, content in contents.items():
            with sealed.entry(name, NOW) as target:
                shutil.copyfileobj(io.BytesIO(content), target)
        tables = [
            TableContents(
                name=t.name, columns=t.columns, rows=counts.get(t.name, t.rows) if recount else t.rows
            )
            for t in manifest.tables
        ]
        sealed.close(manifest.model_copy(update={"entries": sealed.entries, "tables": tables}), NOW)
    return made


def test_an_entry_named_twice_is_refused(archive: Path, place: Store, tmp_path: Path) -> None:
    twice = Path(shutil.copy(archive, tmp_path / "twice.zip"))
    with (
        zipfile.ZipFile(twice, "a") as opened,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        opened.writestr("store/map.gpkg", b"another")
    refused(twice, place, tmp_path, "twice")


@pytest.mark.parametrize("fault", ["none", "of another kind", "empty", "gap", "one folder"])
def test_a_manifest_tells_every_migration(archive: Path, place: Store, tmp_path: Path, fault: str) -> None:
    with zipfile.ZipFile(archive) as opened:
        whole = json.loads(opened.read("manifest.json"))["migrations"]
    first = whole["sqlite-map"]
    told: dict[str, Any] = {
        "none": {},
        "of another kind": {"postgis": first},
        "empty": {**whole, "sqlite-map": []},
        "gap": {**whole, "sqlite-map": first[1:]},
        "one folder": {"sqlite-map": first},
    }
    refused(
        changed_manifest(archive, migrations=told[fault]),
        place,
        tmp_path,
        "manifest.json is damaged.*migrations",
    )


def test_a_manifest_that_could_not_be_read_again_is_not_written(
    tmp_path: Path, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridgov.backup.archive._MANIFEST_MOST", 100)
    files = FolderBlobs(tmp_path / "files")
    with pytest.raises(ArchiveProblem, match="can be read again"):
        back_up(sqlite_store, files, tmp_path / "large.zip", NOW, settings=Settings())
    assert not (tmp_path / "large.zip").exists()


def test_a_manifest_reads_back_as_it_was_written() -> None:
    step = {"number": 1, "name": "0001_make_tables", "checksum": "0" * 64}
    made = Manifest.model_validate(
        {
            "gridgov": "0.1.0",
            "made_at": NOW,
            "store": "sqlite",
            "migrations": {folder: [step] for folder in ("sqlite-map", "sqlite-private")},
            "tables": [],
            "revisions": [],
            "settings": {},
            "entries": [Entry(name="store/map.gpkg", size=1, sha256="0" * 64)],
        }
    )
    assert Manifest.model_validate_json(made.as_bytes()) == made
