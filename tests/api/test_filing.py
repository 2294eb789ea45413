"""`gridgov files sweep`, as an operator types it, on both stores."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from gridgov.blobs import photo_key
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import ForeignFiles
from gridgov.ownership import MARK
from tests.api.conftest import Run

DAY = 86_400


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderBlobs:
    """The operator's folder of files: an old orphan, a young one, and half of a file that never arrived."""
    monkeypatch.setenv("GRIDGOV_ATTACHMENTS_URL", f"file://{tmp_path}/files")
    blobs = FolderBlobs(tmp_path / "files")
    for digest in ("ab" * 32, "cd" * 32):
        blobs.put(photo_key(digest), io.BytesIO(b"photo"))
    old = blobs.folder / photo_key("ab" * 32)
    left = old.with_name("half.part")
    left.write_bytes(b"ph")
    for path in (old, left):
        age = path.stat().st_mtime - 2 * DAY
        os.utime(path, (age, age))
    return blobs


def test_a_dry_run_says_what_would_go_and_the_real_run_takes_it(
    url: str, run: Run, files: FolderBlobs
) -> None:
    told = json.loads(run("files", "sweep", "--dry-run", "--json").stdout)
    assert told == {"dry_run": True, "photos": 1, "bytes": 5, "tidied": 0}
    assert "1 photo file(s)" in run("files", "sweep", "--dry-run").stdout
    assert files.holds(photo_key("ab" * 32))
    assert json.loads(run("files", "sweep", "--json").stdout)["photos"] == 1
    assert "0 photo file(s) that no record names are gone" in run("files", "sweep").stdout
    left = {path.name for path in files.folder.rglob("*") if path.is_file()}
    assert left == {"cd" * 32, "owner"}


def test_another_store_s_photos_stay_until_they_are_taken_over(
    url: str, run: Run, files: FolderBlobs
) -> None:
    files.put(MARK, io.BytesIO(b"somebody else"))
    with pytest.raises(ForeignFiles, match="belong to another store"):
        run("files", "sweep")
    assert files.holds(photo_key("ab" * 32))
    assert "belong to" in run("files", "own").stdout
    assert json.loads(run("audit", "--json").stdout)[-1]["action"] == "files:own"
    assert "1 photo file(s)" in run("files", "sweep").stdout
