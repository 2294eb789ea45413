"""`gridgov backup`, `restore`, `transfer` and the word before an upgrade, as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api import cli
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import ArchiveDamaged, ConfigurationProblem, PlaceNotEmpty, StoreFull
from gridgov.store import Store, migrate, open_store
from tests.backup.conftest import MakeStore, name_photos
from tests.backup.rows import fill, rows_of
from tests.fixtures_store import NOW

Run = Callable[..., Result]


def address(store: Store) -> str:
    """What an operator writes into GRIDGOV_DATABASE_URL, password and all."""
    return store.url if store.url.startswith("sqlite") else str(store._source[0])  # type: ignore[attr-defined]


@pytest.fixture
def run(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Type a command against `store`, whose files lie in one folder, with rows and photos in both."""
    files = FolderBlobs(tmp_path / "files")
    fill(store)
    name_photos(store, files)
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", address(store))
    monkeypatch.setenv("GRIDGOV_ATTACHMENTS_URL", files.url)

    def typed(*words: str | Path) -> Result:
        result = CliRunner().invoke(cli.app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return typed


def test_a_backup_is_made_looked_over_and_restored(
    run: Run, store: Store, new_place: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.zip"
    made = json.loads(run("backup", path, "--json").stdout)
    assert (made["complete"], made["files"], made["tables"]["issues"]) == (True, 8, 4)
    assert made["size"] == path.stat().st_size
    assert "b.zip is whole: " in run("backup", "--verify", path).stdout.replace("\n", "")
    place = new_place()
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", address(place))
    monkeypatch.setenv("GRIDGOV_ATTACHMENTS_URL", f"file://{tmp_path / 'restored'}")
    told = run("restore", path).stdout.replace("\n", " ")
    assert "session(s) ended" in told
    for action in ("contacts:erase", "attachments:erase", "tokens:revoke", "users:change"):
        assert action in told, "what happened after the backup is undone by the restore"
    assert rows_of(place, only={"issues", "contacts"}) == rows_of(store, only={"issues", "contacts"})
    with pytest.raises(PlaceNotEmpty):
        run("restore", path)


def test_an_incomplete_backup_is_kept_said_and_ends_with_1(run: Run, tmp_path: Path) -> None:
    lost = next(FolderBlobs(tmp_path / "files").each("attachments/")).key
    FolderBlobs(tmp_path / "files").drop(lost)
    for words in (("backup", tmp_path / "b.zip"), ("backup", "--verify", tmp_path / "b.zip")):
        result = run(*words)
        assert result.exit_code == 1
        assert (
            f"Incomplete: 1 file(s) that records name are not where they should be: {lost}" in result.stdout
        )


def test_a_damaged_photo_is_said_and_ends_with_1(run: Run, tmp_path: Path) -> None:
    broken = next(FolderBlobs(tmp_path / "files").each("attachments/")).key
    (tmp_path / "files" / broken).write_bytes(b"half")
    for words in (("backup", tmp_path / "b.zip"), ("backup", "--verify", tmp_path / "b.zip")):
        result = run(*words)
        assert result.exit_code == 1
        assert f"1 photo(s) are damaged, and in the backup as they are: {broken}" in result.stdout


def test_a_store_on_a_full_disk_is_backed_up_and_the_log_is_missed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreFull("The disk is full.")

    monkeypatch.setattr("api.safekeeping.note_in_every_zone", full)
    result = run("backup", tmp_path / "b.zip")
    assert (result.exit_code, "is made" in result.stdout) == (0, True)
    assert "audit log does not tell of this backup: The disk is full." in result.stderr


def test_a_damaged_backup_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"not a backup")
    with pytest.raises(ArchiveDamaged, match=r"b\.zip is no backup, or its end is cut off"):
        run("backup", "--verify", tmp_path / "b.zip")


def test_a_zone_is_moved_with_its_photos(run: Run, store: Store, new_sqlite: MakeStore) -> None:
    target = new_sqlite()
    told = json.loads(run("transfer", address(store), target.url, "--json").stdout)
    assert (told["files"], told["tables"]["issues"]) == (8, 4)
    assert "password" not in told["from"]
    moved = rows_of(target)
    moved["audit_log"] = [
        row for row in moved["audit_log"] if "transfer" not in row
    ]  # the move itself, in each zone
    assert moved == rows_of(store)
    files = FolderBlobs(Path(target.url.removeprefix("sqlite:///")).with_suffix(".files"))
    assert len(list(files.each("attachments/"))) == 8 + 1  # and whose they are
    with pytest.raises(PlaceNotEmpty, match="is not empty"):
        run("transfer", address(store), target.url)
    with pytest.raises(ConfigurationProblem, match="the same store"):
        run("transfer", address(store), address(store))


def test_photos_go_where_they_are_told(run: Run, store: Store, new_sqlite: MakeStore, tmp_path: Path) -> None:
    words = ("--from-files", f"file://{tmp_path / 'files'}", "--to-files", f"file://{tmp_path / 'elsewhere'}")
    result = run("transfer", address(store), new_sqlite().url, *words)
    assert "8 files, equal on both sides" in result.stdout.replace("\n", " ")
    assert len(list(FolderBlobs(tmp_path / "elsewhere").each(""))) == 8 + 1  # and whose they are


def test_before_the_upgrade_of_a_store_with_data_a_backup_is_offered(
    store: Store, new_place: MakeStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steps = migrate.migrations
    old, empty = new_place(), new_place()
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "migrations", lambda folder: steps(folder)[:1])
        old.migrate(NOW)
    fill(old, only={"zones"})
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", address(old))
    assert CliRunner().invoke(cli.app, ["backup", str(tmp_path / "before.zip")]).exit_code == 0
    for place, offered in ((old, True), (old, False), (empty, False)):
        monkeypatch.setenv("GRIDGOV_DATABASE_URL", address(place))
        result = CliRunner().invoke(cli.app, ["init"])
        assert (result.exit_code, "makes a backup first" in result.stdout) == (0, offered)
    check = open_store(address(old))
    check.check()
    check.close()
