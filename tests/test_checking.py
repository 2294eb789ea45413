"""`gridgov check`: each thing that can be wrong is broken here, and must be named with what to do."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numba
import psycopg2
import pyproj
import pytest
from typer.testing import CliRunner

from api import cli
from api.checking import findings, healthy, machine, stores, told
from api.checking.finding import Finding, Verdict
from gridgov.errors import ConfigurationProblem
from gridgov.settings import DEMO_SECRET, Settings, read_settings
from gridgov.store import Store
from gridgov.store.facts import Unreachable, postgis_facts
from tests.fixtures_store import NOW
from tests.throwaway_postgres import administration, fresh_database, with_database

ROOT = Path(__file__).resolve().parent.parent
SECRET = "Zk3-9vQm_Lr7TxHc2yWb8NfJd5GsAe1UoIp4"
BAD, WARNING, GOOD = Verdict.BAD, Verdict.WARNING, Verdict.GOOD


@pytest.fixture
def settings(store: Store, tmp_path: Path) -> Settings:
    """Settings of a sound installation over the store, which nobody has open."""
    store.close()
    url = store.url if store.dialect.name == "sqlite" else store._source[0]  # type: ignore[attr-defined]
    return configured(url, tmp_path)


def configured(url: str, folder: Path, **given: object) -> Settings:
    return read_settings(
        {}, **{"database_url": url, "secret": SECRET, "attachments_url": f"file://{folder}/files", **given}
    )


def named(found: Iterator[Finding] | list[Finding], what: str) -> Finding:
    """The worst finding about `what`."""
    about = [each for each in found if each.what == what]
    assert about, f"nothing was said about {what}"
    return max(about, key=lambda each: (GOOD, WARNING, BAD).index(each.verdict))


def execute(url: str, *statements: str) -> None:
    with administration(url) as cursor:
        for statement in statements:
            cursor.execute(statement)


class TestSound:
    def test_a_sound_installation_has_nothing_bad_on_either_store(self, settings: Settings) -> None:
        found = list(findings(settings, dt.datetime.now(dt.UTC)))
        assert [each for each in found if each.verdict is BAD] == []
        assert healthy(found)

    def test_every_remedy_is_a_sentence_and_only_what_is_not_good_has_one(self, settings: Settings) -> None:
        for each in findings(settings, NOW + dt.timedelta(days=40_000)):
            assert bool(each.remedy) == (each.verdict is not GOOD), each

    def test_the_command_prints_json_and_its_exit_code_counts_only_what_is_bad(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GRIDGOV_DATABASE_URL", settings.database_url)
        monkeypatch.setenv("GRIDGOV_ATTACHMENTS_URL", settings.attachments_url)
        monkeypatch.setenv("GRIDGOV_SECRET", SECRET)
        monkeypatch.setenv("GRIDGOV_HOST", "192.0.2.1")
        warned = CliRunner().invoke(cli.app, ["check", "--json"])
        by_name = {each["what"]: each for each in json.loads(warned.stdout)}
        assert by_name["address"]["verdict"] == "warning"
        assert warned.exit_code == 0, warned.stdout
        words = CliRunner().invoke(cli.app, ["check"])
        assert "0 bad" in words.stdout
        assert by_name["address"]["remedy"][:40] in words.stdout
        assert SECRET not in warned.output + words.output
        monkeypatch.setenv("GRIDGOV_SECRET", "")
        assert CliRunner().invoke(cli.app, ["check"]).exit_code == 1

    def test_an_unknown_setting_is_a_finding_not_a_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GRIDGOV_PROT", "9000")
        told = CliRunner().invoke(cli.app, ["check", "--json"])
        [found] = [each for each in json.loads(told.stdout) if each["what"] == "settings"]
        assert "GRIDGOV_PROT" in found["remedy"]
        assert told.exit_code == 1


def gridgov_check(environment: dict[str, str], *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", "from api.cli import main; main()", "check", "--json"]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


class TestRefusal:
    """What check calls bad in the settings keeps the service from starting at all."""

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"GRIDGOV_SECRET": ""}, "GRIDGOV_SECRET"),
            ({"GRIDGOV_SECRET": "too short to be one"}, "GRIDGOV_SECRET"),
            ({"GRIDGOV_SECRET": DEMO_SECRET}, "GRIDGOV_SECRET"),
            ({"GRIDGOV_SECRET": SECRET, "GRIDGOV_SECRETS": "x"}, "GRIDGOV_SECRETS"),
            ({"GRIDGOV_SECRET": SECRET, "GRIDGOV_PORT": "0"}, "GRIDGOV_PORT"),
        ],
    )
    @pytest.mark.parametrize("command", [["serve"]])
    def test_a_service_does_not_start(
        self,
        command: list[str],
        given: dict[str, str],
        says: str,
        sqlite_store: Store,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        sqlite_store.close()
        for name, value in {"GRIDGOV_DATABASE_URL": sqlite_store.url, **given}.items():
            monkeypatch.setenv(name, value)
        started = CliRunner().invoke(cli.app, command)
        assert isinstance(started.exception, ConfigurationProblem)
        assert says in started.exception.message


class TestMachine:
    @pytest.mark.parametrize("name", sorted(machine.NEEDED))
    def test_an_old_version_is_named(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert machine.versions().verdict is GOOD
        monkeypatch.setitem(machine.NEEDED, name, (99, 1))
        found = machine.versions()
        assert found.verdict is BAD
        assert f"{name} 99.1" in found.remedy

    def test_a_sqlite_without_spatial_index_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert machine.spatial_index().verdict is GOOD
        monkeypatch.setattr(machine, "sqlite_facts", lambda: ("3.40.1", False))
        assert "PostGIS" in machine.spatial_index().remedy

    def test_projections_without_their_data_are_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert machine.coordinate_systems().verdict is GOOD
        monkeypatch.setattr(pyproj.datadir, "get_data_dir", lambda: str(tmp_path))
        found = machine.coordinate_systems()
        assert found.found == f"no proj.db in {tmp_path}"
        assert "pyproj" in found.remedy

    def test_a_machine_without_time_zones_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert machine.time_zone().verdict is GOOD
        monkeypatch.setattr(machine, "TIME_ZONE", "Asia/Nowhere")
        assert "tzdata" in machine.time_zone().remedy

    def test_a_machine_without_chinese_font_is_warned(self, tmp_path: Path) -> None:
        found = machine.chinese_font([str(tmp_path)])
        assert (found.verdict, "fonts-noto-cjk" in found.remedy) == (WARNING, True)
        (tmp_path / "NotoSansCJK-Regular.ttc").touch()
        assert machine.chinese_font([str(tmp_path)]).verdict is GOOD

    def test_an_incomplete_package_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert machine.files().verdict is GOOD
        monkeypatch.setattr(machine, "data_folder", lambda: tmp_path)
        assert "schema, codes, seed" in machine.files().found

    def test_a_kernel_cache_that_cannot_be_written_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kernels"))
        assert machine.kernel_cache().verdict is GOOD
        (tmp_path / "kernels").touch()
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kernels" / "below a file"))
        assert "NUMBA_CACHE_DIR" in machine.kernel_cache().remedy

    @pytest.mark.parametrize(("gib", "verdict"), [(0.9, BAD), (1.1, WARNING), (4.9, WARNING), (5.1, GOOD)])
    def test_room_on_the_disk(self, gib: float, verdict: Verdict, tmp_path: Path) -> None:
        found = machine.room(tmp_path, int(gib * 1024**3))
        assert (found.verdict, str(tmp_path) in found.found) == (verdict, True)

    @pytest.mark.parametrize(("free", "verdict"), [(99, BAD), (199, WARNING), (200, GOOD)])
    def test_room_for_uploads_among_the_temporary_files(self, free: int, verdict: Verdict) -> None:
        found = machine.temporary_room(100 * 1024**2, free * 1024**2)
        assert (found.verdict, f"{free} MiB" in found.found) == (verdict, True)

    def test_each_disk_is_looked_at_once_and_a_folder_to_be_made_counts_for_its_parent(
        self, tmp_path: Path
    ) -> None:
        places = [tmp_path / "a" / "b", tmp_path / "c", Path("/dev")]
        assert len(list(machine.rooms(places))) == 2


class TestConfiguration:
    @pytest.mark.parametrize(
        ("given", "verdict", "says"),
        [
            ({"secret": ""}, BAD, "token_urlsafe"),
            ({"secret": "short"}, BAD, "32"),
            ({"secret": "x" * 40}, WARNING, "random"),
            ({"secret": "", "demo": True}, WARNING, "GRIDGOV_DEMO"),
            ({}, GOOD, ""),
        ],
    )
    def test_the_secret(self, given: dict[str, object], verdict: Verdict, says: str, tmp_path: Path) -> None:
        found = told.secret(configured("sqlite:///x", tmp_path, **given))
        assert found.verdict is verdict
        assert says in found.remedy
        assert "x" * 40 not in found.found

    @pytest.mark.parametrize(
        ("given", "verdict"),
        [
            ({}, GOOD),
            ({"host": "localhost"}, GOOD),
            ({"host": "192.0.2.1"}, WARNING),
            ({"host": "map.example"}, WARNING),
            ({"host": "192.0.2.1", "public_url": "http://map.example"}, WARNING),
            ({"host": "192.0.2.1", "public_url": "https://map.example"}, GOOD),
        ],
    )
    def test_phones_give_their_position_over_https_only(
        self, given: dict[str, object], verdict: Verdict, tmp_path: Path
    ) -> None:
        found = told.address(configured("sqlite:///x", tmp_path, **given))
        assert (found.verdict, "phones" in found.remedy) == (verdict, verdict is WARNING)

    @pytest.mark.parametrize(
        ("trusted", "public_url", "verdict"),
        [
            ("", "", GOOD),
            ("10.0.0.5", "https://map.example", GOOD),
            ("", "https://map.example", WARNING),
            ("proxy", "https://map.example", BAD),
            ("0.0.0.0/0", "https://map.example", BAD),
            ("10.0.0.5, ::/0", "https://map.example", BAD),
        ],
    )
    def test_proxies(self, trusted: str, public_url: str, verdict: Verdict, tmp_path: Path) -> None:
        given = configured("sqlite:///x", tmp_path, trusted_proxies=trusted, public_url=public_url)
        assert told.proxies(given).verdict is verdict

    @pytest.mark.parametrize(
        ("given", "extra"),
        [
            ({"attachments_url": "s3://photos/zone"}, "s3"),
            ({"telemetry_endpoint": "http://127.0.0.1:4318"}, "telemetry"),
        ],
    )
    def test_an_extra_that_a_setting_needs_is_named_when_it_is_missing(
        self, given: dict[str, object], extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = configured("sqlite:///x", tmp_path, **given)
        assert named(told.extras(asked), f"extra {extra}").verdict is GOOD
        monkeypatch.setattr(told.importlib.util, "find_spec", lambda _: None)  # type: ignore[attr-defined]
        assert f"gridgov[{extra}]" in named(told.extras(asked), f"extra {extra}").remedy
        assert list(told.extras(configured("sqlite:///x", tmp_path))) == []

    def test_photos_in_a_place_that_is_none_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "taken").touch()
        for url in ("ftp://photos", f"file://{tmp_path}/taken/below"):
            assert told.photos(configured("sqlite:///x", tmp_path, attachments_url=url)).verdict is BAD
        assert told.photos(configured("sqlite:///x", tmp_path)).verdict is GOOD
        assert not (tmp_path / "files").exists(), "a check makes no folder"

    def test_photos_beside_a_database_need_a_place_that_does_not_move(self, tmp_path: Path) -> None:
        asked = configured("postgresql://gridgov@database/gridgov", tmp_path, attachments_url="")
        found = told.photos(asked)
        assert (found.verdict, "GRIDGOV_ATTACHMENTS_URL=file:///" in found.remedy) == (WARNING, True)

    def test_photos_in_storage_that_does_not_answer_are_named_in_one_line(self, tmp_path: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            asked = configured(
                "sqlite:///x",
                tmp_path,
                attachments_url="s3://photos/zone",
                s3_endpoint=f"http://127.0.0.1:{free.getsockname()[1]}",
                s3_region="here",
                s3_access_key="key",
                s3_secret_key="secret",
            )
            before = dt.datetime.now(dt.UTC)
            found = told.photos(asked)
        assert found.verdict is BAD
        assert "\n" not in found.found
        assert dt.datetime.now(dt.UTC) - before < dt.timedelta(seconds=20)


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
