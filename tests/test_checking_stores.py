"""`gridgov check` on the stores: each thing that can be wrong is broken here, and must be named with what to do."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from api.checking import findings, stores
from api.checking.finding import Verdict
from gridgov.blobs import open_blobs
from gridgov.ownership import begin_filling, owner_of, take
from gridgov.settings import Settings
from gridgov.store import Store, open_store
from gridgov.store.facts import Unreachable, postgis_facts
from tests.fixtures_store import NOW
from tests.installations import (
    BAD,
    GOOD,
    SECRET,
    WARNING,
    configured,
    execute,
    gridgov_check,
    named,
    sound,
)
from tests.throwaway_postgres import fresh_database, with_database


@pytest.fixture
def settings(store: Store, tmp_path: Path) -> Settings:
    return sound(store, tmp_path)


class TestBothStores:
    def test_a_clock_that_cannot_be_right_is_named(self, settings: Settings) -> None:
        for instant in (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2106, 2, 7, tzinfo=dt.UTC)):
            assert named(stores.store(settings, instant), "clock").verdict is BAD

    def test_a_clock_set_back_is_named(self, settings: Settings) -> None:
        back = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        assert named(stores.store(settings, back), "clock and store").verdict is BAD
        assert named(stores.store(settings, dt.datetime.now(dt.UTC)), "clock and store").verdict is GOOD

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ("DELETE FROM schema_migrations WHERE number > 1", "gridgov init"),
            (
                "INSERT INTO schema_migrations VALUES (900, '0900_from_the_future', 'x', '2026-01-01')",
                "Install the gridgov that made it",
            ),
            ("UPDATE schema_migrations SET checksum = 'other' WHERE number = 1", "Install gridgov again"),
        ],
        ids=["stale", "too new", "edited"],
    )
    def test_migrations_that_do_not_fit_are_named(self, settings: Settings, change: str, says: str) -> None:
        if settings.database_url.startswith("sqlite"):
            program = (
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
            )
            path = settings.database_url.removeprefix("sqlite:///")
            subprocess.run([sys.executable, "-c", program, path, change], check=True)
        else:
            execute(settings.database_url, change)
        found = named(stores.store(settings, NOW), "migrations")
        assert found.verdict is BAD
        assert says in found.remedy

    def test_photos_of_another_store_are_named_and_nothing_is_marked(self, settings: Settings) -> None:
        found = list(findings(settings, dt.datetime.now(dt.UTC)))
        assert named(found, "owner of photos").verdict is GOOD
        blobs = open_blobs(settings, settings.database_url)
        assert owner_of(blobs) is None, "a check marks nothing"
        begin_filling(blobs, "00000000deadbeef", take_over=False)
        found = list(findings(settings, dt.datetime.now(dt.UTC)))
        assert named(found, "owner of photos").verdict is BAD
        assert "gridgov files own" in named(found, "owner of photos").remedy
        assert owner_of(blobs) == "00000000deadbeef"
        opened = open_store(settings.database_url)
        take(opened, blobs, NOW)
        opened.close()
        found = list(findings(settings, dt.datetime.now(dt.UTC)))
        assert named(found, "owner of photos").verdict is GOOD


class TestEmbedded:
    def test_a_store_that_is_not_there_is_named_and_not_made(self, tmp_path: Path) -> None:
        folder = tmp_path / "not yet"
        found = named(stores.store(configured(f"sqlite:///{folder}/map.gpkg", tmp_path), NOW), "store")
        assert "gridgov init" in found.remedy
        assert not folder.exists()

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        asked = configured(f"sqlite:///{tmp_path}/file/map.gpkg", tmp_path)
        assert "chown" in named(stores.store(asked, NOW), "store folder").remedy

    def test_a_file_that_is_no_database_is_named(self, sqlite_store: Store, tmp_path: Path) -> None:
        sqlite_store.close()
        (tmp_path / "map.gpkg").write_bytes(b"PK\x03\x04" + bytes(5_000))
        for left in tmp_path.glob("map.gpkg-*"):
            left.unlink()
        found = named(stores.store(configured(sqlite_store.url, tmp_path), NOW), "store")
        assert "not a database" in found.found
        assert "backup" in found.remedy

    @pytest.mark.parametrize(("name", "verdict"), [("map.private.sqlite", BAD), ("map.gpkg", WARNING)])
    def test_a_file_that_others_can_read_is_named(
        self, name: str, verdict: Verdict, sqlite_store: Store, tmp_path: Path
    ) -> None:
        sqlite_store.close()
        asked = configured(sqlite_store.url, tmp_path)
        assert named(stores.store(asked, NOW), "file modes").verdict is GOOD
        (tmp_path / name).chmod(0o640)
        found = named(stores.store(asked, NOW), "file modes")
        assert found.verdict is verdict
        assert found.remedy == f"chmod 600 {tmp_path / name}"

    def test_a_user_who_may_not_enter_the_folder_is_told_whose_it_is(
        self, sqlite_store: Store, tmp_path: Path
    ) -> None:
        sqlite_store.close()
        rights = "-dac_override,-dac_read_search"
        before = ("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "NUMBA_CACHE_DIR": str(tmp_path / "kernels"),
            "GRIDGOV_DATABASE_URL": sqlite_store.url,
            "GRIDGOV_SECRET": SECRET,
        }
        tmp_path.chmod(0)
        try:
            done = gridgov_check(environment, *(before if os.geteuid() == 0 else ()))
        finally:
            tmp_path.chmod(0o700)
        assert (done.returncode, done.stderr) == (1, "")
        told = {each["what"]: each for each in json.loads(done.stdout) if each["verdict"] == "bad"}
        assert set(told) == {"kernel cache", "photos", "store"}
        assert told["store"]["found"] == f"user {os.geteuid()} may not enter {tmp_path}"
        assert told["store"]["remedy"].startswith("Run this check as the service's user")

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a folder read-only")
    def test_a_disk_mounted_read_only_is_named(self, sqlite_store: Store, tmp_path: Path) -> None:
        sqlite_store.close()
        script = (
            f"mount --bind {tmp_path} {tmp_path} && mount -o remount,bind,ro {tmp_path} && exec " + '"$@"'
        )
        environment = {
            "PATH": os.environ["PATH"],
            "GRIDGOV_DATABASE_URL": sqlite_store.url,
            "GRIDGOV_SECRET": SECRET,
        }
        done = gridgov_check(environment, "unshare", "--mount", "sh", "-c", script, "sh")
        bad = {each["what"] for each in json.loads(done.stdout) if each["verdict"] == "bad"}
        assert bad == {"store folder", "store files", "photos"}
        assert done.returncode == 1


@pytest.mark.postgis
class TestDatabase:
    @pytest.fixture
    def url(self, postgis_store: Store) -> str:
        postgis_store.close()
        return str(postgis_store._source[0])  # type: ignore[attr-defined]

    def test_where_nobody_listens(self, url: str, tmp_path: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            other = url.rpartition(":")[0] + f":{free.getsockname()[1]}/gridgov"
            found = named(stores.store(configured(other, tmp_path), NOW), "store")
        assert "nobody listens on 127.0.0.1" in found.found
        assert "\n" not in found.found + found.remedy

    def test_a_server_that_says_nothing_is_given_up_in_a_bounded_time(self, url: str, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            other = url.rpartition(":")[0] + f":{silent.getsockname()[1]}/gridgov"
            before = dt.datetime.now(dt.UTC)
            found = named(stores.store(configured(other, tmp_path, store_wait_seconds=2.0), NOW), "store")
        assert "does not answer" in found.found
        assert dt.datetime.now(dt.UTC) - before < dt.timedelta(seconds=6)

    def test_a_wrong_password_role_and_database_are_told_apart(self, url: str) -> None:
        password = url.split(":")[2].partition("@")[0]
        refused = postgis_facts(url.replace(password, "wrong-password"), 5)
        assert isinstance(refused, Unreachable)
        assert refused.why == "the password of postgres is refused"
        unknown = postgis_facts(with_database(url, "nowhere"), 5)
        assert isinstance(unknown, Unreachable)
        assert unknown.remedy.endswith("createdb -O postgres nowhere")
        assert password not in str(unknown) + str(refused)

    def test_postgis_that_is_not_created_is_named_with_who_must_do_it(self, url: str, tmp_path: Path) -> None:
        bare = fresh_database(url, template="template0")
        try:
            found = named(stores.store(configured(bare, tmp_path), NOW), "PostGIS")
            assert found.remedy.startswith("`gridgov init` creates it")
            execute(bare, "DROP ROLE IF EXISTS checked", "CREATE ROLE checked LOGIN PASSWORD 'checked'")
            as_role = bare.replace(url.split("//")[1].partition("@")[0], "checked:checked")
            found = named(stores.store(configured(as_role, tmp_path), NOW), "PostGIS")
            assert "checked may not create it" in found.remedy
            assert "GRANT CREATE" in named(stores.store(configured(as_role, tmp_path), NOW), "rights").remedy
        finally:
            execute(
                with_database(url, "postgres"),
                f"DROP DATABASE {bare.rpartition('/')[2]}",
                "DROP ROLE checked",
            )

    def test_a_database_that_only_reads_is_named(self, url: str, tmp_path: Path) -> None:
        name = url.rpartition("/")[2]
        execute(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        found = named(stores.store(configured(url, tmp_path), NOW), "rights")
        assert "primary" in found.remedy

    def test_what_libpq_says_otherwise_is_told_in_its_first_line(self, url: str) -> None:
        with pytest.raises(psycopg2.Error):
            psycopg2.connect(url, options="-c no_such_setting=1")
        found = postgis_facts(f"{url}?sslmode=require", 5)
        assert isinstance(found, Unreachable)
        assert "SSL" in found.why
        assert "\n" not in found.why
