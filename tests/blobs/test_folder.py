"""What only a folder can do wrong: links, leftovers, rights, room."""

from __future__ import annotations

import datetime as dt
import errno
import io
import os
import stat
from pathlib import Path

import pytest

from gridgov.blobs import open_blobs, photo_key
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import ConfigurationProblem, GridgovError, StoreFull, StoreReadOnly, StoreUnavailable
from gridgov.settings import read_settings

KEY = photo_key("ab" * 32)


@pytest.fixture
def folder(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "files")


def files(folder: FolderBlobs) -> list[str]:
    return sorted(path.name for path in folder.folder.rglob("*") if path.is_file())


def test_only_the_owner_may_look(folder: FolderBlobs) -> None:
    folder.put(KEY, io.BytesIO(b"photo"))
    path = folder.folder / KEY
    for each in (path, path.parent, path.parent.parent, folder.folder):
        assert stat.S_IMODE(each.stat().st_mode) & 0o077 == 0


def test_a_link_is_neither_read_nor_listed(folder: FolderBlobs, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"password")
    (folder.folder / KEY).parent.mkdir(parents=True)
    (folder.folder / KEY).symlink_to(secret)
    (folder.folder / "uploads").symlink_to(tmp_path)
    assert not folder.holds(KEY)
    assert list(folder.each("")) == []
    with pytest.raises(StoreUnavailable), folder.open(KEY):
        pass
    folder.put(KEY, io.BytesIO(b"photo"))  # replaces the link, not what it leads to
    assert secret.read_bytes() == b"password"
    assert folder.holds(KEY)


def test_leftovers_of_a_crash_are_tidied_once_they_are_old(folder: FolderBlobs) -> None:
    folder.put(KEY, io.BytesIO(b"photo"))
    path = folder.folder / f"{KEY}.abc.part"
    path.write_bytes(b"half a pho")
    assert len(list(folder.each(""))) == 1
    written = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
    assert folder.tidy(written - dt.timedelta(seconds=1)) == 0
    assert folder.tidy(written + dt.timedelta(seconds=1)) == 1
    assert files(folder) == [path.name.partition(".")[0]]


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EROFS, StoreReadOnly),
        (errno.EACCES, StoreReadOnly),
        (errno.EIO, StoreUnavailable),
        (errno.EMFILE, StoreUnavailable),
    ],
)
def test_a_disk_that_cannot_keep_it_leaves_nothing(
    folder: FolderBlobs, monkeypatch: pytest.MonkeyPatch, number: int, error: type[GridgovError]
) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(error):
        folder.put(KEY, io.BytesIO(b"photo"))
    monkeypatch.undo()
    assert files(folder) == []
    folder.put(KEY, io.BytesIO(b"photo"))  # and goes on without a restart
    assert folder.holds(KEY)


def test_a_file_where_the_folder_should_be_is_told() -> None:
    device = Path("/dev/null")
    with pytest.raises(StoreUnavailable):
        FolderBlobs(device).put(KEY, io.BytesIO(b"photo"))


def test_bytes_and_name_reach_the_disk_before_put_returns(
    folder: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put(photo_key("cd" * 32), io.BytesIO(b"makes the folders"))
    (folder.folder / KEY).parent.mkdir(parents=True)
    flushed: list[str] = []

    def flush(descriptor: int) -> None:
        flushed.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    monkeypatch.setattr(os, "fsync", flush)
    folder.put(KEY, io.BytesIO(b"photo"))
    assert flushed == ["file", "folder"]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("", "zone.files"),
        ("file:///srv/photos", "/srv/photos"),
    ],
)
def test_the_folder_is_beside_the_store_unless_another_is_named(tmp_path: Path, url: str, place: str) -> None:
    blobs = open_blobs(read_settings({}, demo=True, attachments_url=url), f"sqlite:///{tmp_path}/zone.gpkg")
    assert blobs.url == f"file://{tmp_path / place}"


@pytest.mark.parametrize(
    "url", ["ftp://host/x", "file://", "file://srv/photos", "/srv/photos", "s3://", "s3:///prefix"]
)
def test_another_address_is_refused_with_words(url: str) -> None:
    with pytest.raises(ConfigurationProblem, match="GRIDGOV_ATTACHMENTS_URL"):
        open_blobs(read_settings({}, demo=True, attachments_url=url), "sqlite:///zone.gpkg")
