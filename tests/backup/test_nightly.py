"""The nightly backup and the administrator's wrapper in deploy/, run as they are shipped but for their folders."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gridgov.blobs.folder import FolderBlobs
from gridgov.store import Store
from tests.backup.conftest import name_photos
from tests.backup.rows import fill

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROGRAM = Path(sys.executable).with_name("gridgov")


@pytest.fixture
def settings_of(sqlite_store: Store, tmp_path: Path) -> dict[str, str]:
    """Settings of a filled embedded store with photos, and a folder for backups."""
    files = FolderBlobs(tmp_path / "files")
    fill(sqlite_store)
    name_photos(sqlite_store, files)
    (tmp_path / "backups").mkdir()
    return {"GRIDGOV_DATABASE_URL": sqlite_store.url, "GRIDGOV_ATTACHMENTS_URL": files.url}


def nightly(folder: Path, settings: dict[str, str]) -> int:
    """Run the service unit's command once with KEEP=2; returns its exit code."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[method-assign,assignment]
    unit.read(DEPLOY / "gridgov-backup.service")
    before, _, script = unit["Service"]["ExecStart"].partition(" -euc ")
    assert before == ":/bin/sh"
    script = script.strip("'").replace("%%", "%").replace("/opt/gridgov/bin/gridgov", str(PROGRAM))
    environment = {**os.environ, **settings, "KEEP": "2"}
    done = subprocess.run(
        ["/bin/sh", "-euc", script.replace("/backups/", f"{folder}/")], env=environment, check=False
    )
    return done.returncode


@pytest.mark.slow
def test_the_nightly_backup_keeps_the_last_and_removes_none_for_an_incomplete_one(
    settings_of: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    for day in ("18", "19"):
        (folder / f"gridgov-2026-01-{day}-023000.zip").write_bytes(b"an older one")
    (folder / "before-upgrade.zip").write_bytes(b"kept by hand")
    assert nightly(folder, settings_of) == 0
    kept = sorted(each.name for each in folder.iterdir())
    assert kept[:2] == ["before-upgrade.zip", "gridgov-2026-01-19-023000.zip"]
    assert len(kept) == 3
    files = FolderBlobs(tmp_path / "files")
    files.drop(next(files.each("attachments/")).key)
    assert nightly(folder, settings_of) == 1
    assert (folder / "gridgov-2026-01-19-023000.zip").exists()


@pytest.mark.slow
def test_the_wrapper_reads_the_settings_and_what_is_given_before_the_command_wins(
    settings_of: dict[str, str], tmp_path: Path
) -> None:
    told = tmp_path / "settings"
    told.write_text("".join(f"{name}={value}\n" for name, value in settings_of.items()))
    wrapper = (DEPLOY / "gridgov").read_text(encoding="utf-8")
    for shipped, here in (
        ("/etc/gridgov/settings", str(told)),
        ("/var/lib/gridgov", str(tmp_path)),
        ("runuser -u gridgov -- ", ""),
        ("/opt/gridgov/bin/gridgov", str(PROGRAM)),
    ):
        assert shipped in wrapper
        wrapper = wrapper.replace(shipped, here)
    script = tmp_path / "gridgov-here"
    script.write_text(wrapper)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GRIDGOV_")}
    given = {**plain, "GRIDGOV_DATABASE_URL": f"sqlite:///{tmp_path}/it's else/where.gpkg"}
    for environment, place in ((plain, "backups/a.zip"), (given, "backups/b.zip")):
        command = ["/bin/sh", str(script), "backup", place]
        done = subprocess.run(command, env=environment, check=False, capture_output=True)
        assert (tmp_path / place).exists() == (environment is plain), done.stderr
    assert b"where.gpkg" in done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_takes_the_units() -> None:
    units = [str(DEPLOY / f"gridgov-backup.{kind}") for kind in ("service", "timer")]
    done = subprocess.run(["systemd-analyze", "verify", *units], check=False, capture_output=True)
    assert (done.returncode, done.stderr.decode()) == (0, "")
