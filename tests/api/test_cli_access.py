"""Tokens and the audit log, as an operator types them, on both stores."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.commands import opened
from gridgov.errors import DuplicateCode, InvalidValue, NotFound
from gridgov.settings import Settings, read_settings
from gridgov.store import Store
from tests.api.conftest import PASSWORD, Run
from tests.api.test_cli import parcels_file

BAD_PASSWORD = "short"


def logged(run: Run, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("audit", "--json", *words).stdout)
    return found


def told(url: str) -> Settings:
    return read_settings({}, database_url=url, secret="x" * 40)


def test_a_token_is_printed_once_and_lets_a_program_in_until_it_is_revoked(url: str, run: Run) -> None:
    made = run("token", "add", "weather-feed", "--role", "staff", "--days", "30")
    token = made.stdout.strip()
    assert token.startswith("gg_")
    assert "not shown again" in made.stderr
    listed = run("token", "list").stdout
    assert "weather-feed" in listed
    assert "in force" in listed
    assert token not in listed + run("token", "list", "--json").stdout + run("audit", "--json").stdout
    with opened(told(url)) as store:
        feed = TestClient(create_app(told(url), store), headers={"Authorization": f"Bearer {token}"})
        assert feed.get("/api/session").json()["program"]["role"] == "staff"
    for _ in range(2):
        run("token", "revoke", "weather-feed")
    assert "revoked" in run("token", "list").stdout
    with opened(told(url)) as store:
        feed = TestClient(create_app(told(url), store), headers={"Authorization": f"Bearer {token}"})
        assert feed.get("/api/session").status_code == 401
    assert [entry["action"] for entry in logged(run)] == ["tokens:add", "tokens:revoke"]


def test_a_token_without_an_end(url: str, run: Run) -> None:
    made = json.loads(run("token", "add", "lasting", "--role", "admin", "--days", "0", "--json").stdout)
    assert made["expires_at"] is None
    assert "never" in run("token", "list").stdout


def test_what_cannot_be_made(url: str, run: Run) -> None:
    with pytest.raises(InvalidValue, match="grid_worker, staff, admin"):
        run("token", "add", "feed", "--role", "king")
    with pytest.raises(NotFound, match="G-9"):
        run("token", "add", "feed", "--role", "grid_worker", "--area", "G-9")
    run("token", "add", "feed", "--role", "staff")
    with pytest.raises(DuplicateCode, match="feed-2"):
        run("token", "add", "feed", "--role", "staff")
    with pytest.raises(NotFound, match="gridgov token list"):
        run("token", "revoke", "nothing")
    assert run("token", "add", "feed-2", "--role", "staff", "--days", "4000").exit_code == 2


def test_what_an_operator_did_is_in_the_log(url: str, run: Run, tmp_path: Path) -> None:
    run("user", "add", "wang", "--role", "staff", "--password-stdin", stdin=PASSWORD + "\n")
    run("user", "password", "wang", "--password-stdin", stdin=PASSWORD + "2\n")
    run("user", "disable", "wang")
    run("zone", "test-zone", "--issues", "open")
    run("zone", "test-zone", "--issues", "closed")
    run("import", parcels_file(tmp_path), "--layer", "parcels", "--crs", "EPSG:4326")
    run("export", tmp_path / "parcels.csv", "--layer", "parcels")
    entries = logged(run)
    assert {entry["actor"] for entry in entries} == {"operator"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", entry["at"]) for entry in entries)
    assert [(entry["action"], entry["details"]) for entry in entries[:5]] == [
        ("users:add", {"role": "staff"}),
        ("users:change", {"fields": ["password"]}),
        ("users:change", {"fields": ["disabled"]}),
        ("zones:open", None),
        ("zones:close", None),
    ]
    loaded, written = entries[5:]
    assert (loaded["action"], loaded["subject"], loaded["details"]["created"]) == ("import:run", "parcels", 2)
    assert (written["action"], written["details"]["records"]) == ("export:run", 2)
    assert "wang" not in json.dumps(entries)
    words = run("audit").stdout
    assert "zones:close" in words


def test_a_new_zone_is_in_its_log_once(url: str, run: Run) -> None:
    for _ in range(2):
        run("init", "--zone", "second", "--name", "第二区")
    assert [entry["action"] for entry in logged(run, "--zone", "second")] == ["zones:add"]


def test_what_failed_is_not_in_it(url: str, run: Run) -> None:
    with pytest.raises(InvalidValue):
        run("user", "add", "wang", "--role", "staff", "--password-stdin", stdin=BAD_PASSWORD + "\n")
    with pytest.raises(NotFound):
        run("user", "disable", "nobody")
    assert logged(run) == []


def test_since_takes_a_day_or_an_instant(url: str, run: Run) -> None:
    run("token", "add", "feed", "--role", "staff")
    assert len(logged(run, "--since", "2026-01-01")) == 1
    assert logged(run, "--since", "2999-01-01T08:00+08:00") == []
    with pytest.raises(InvalidValue, match="yesterday"):
        run("audit", "--since", "yesterday")


def test_a_backup_and_a_restore_are_in_the_log(
    sqlite_store: Store, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDGOV_SECRET", "x" * 40)
    archive, empty = tmp_path / "zone.backup", tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", sqlite_store.url)
    assert run("backup", archive).exit_code == 0
    assert [(each["action"], each["actor"]) for each in logged(run)] == [("backup", "operator")]
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", f"sqlite:///{empty / 'map.gpkg'}")
    assert run("restore", archive).exit_code == 0
    assert [each["action"] for each in logged(run)] == [
        "restore"
    ]  # the copy was made before the backup's entry
    target = f"sqlite:///{tmp_path / 'moved' / 'map.gpkg'}"
    (tmp_path / "moved").mkdir()
    assert run("transfer", sqlite_store.url, target).exit_code == 0
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", target)
    assert [each["action"] for each in logged(run)] == ["backup", "transfer"]
