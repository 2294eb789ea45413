"""`gridgov check`: each thing that can be wrong is broken here, and must be named with what to do."""

from __future__ import annotations

import datetime as dt
import json
import socket
from pathlib import Path

import numba
import pyproj
import pytest
from typer.testing import CliRunner

from api import cli
from api.checking import findings, healthy, machine, told
from api.checking.finding import Verdict
from gridgov.errors import ConfigurationProblem
from gridgov.settings import DEMO_SECRET, Settings
from gridgov.store import Store
from tests.fixtures_store import NOW
from tests.installations import (
    BAD,
    GOOD,
    SECRET,
    WARNING,
    configured,
    named,
    sound,
)


@pytest.fixture
def settings(store: Store, tmp_path: Path) -> Settings:
    return sound(store, tmp_path)


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


class TestAddress:
    """An address of a store that cannot be is one line for every command, and shows no password."""

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "nonsense",
            "sqlite:///",
            "sqlite:////",
            "mysql://gridgov@database/gridgov",
            "postgresql://gridgov:hidden@database:many/gridgov",
            "postgresql://gridgov:hidden@database:70000/gridgov",
        ],
    )
    @pytest.mark.parametrize("command", ["check", "init", "serve", "worker", "audit"])
    def test_it_is_told_in_one_line(self, command: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GRIDGOV_DATABASE_URL", url)
        monkeypatch.setenv("GRIDGOV_SECRET", SECRET)
        ran = CliRunner().invoke(cli.app, [command, "--json"] if command == "check" else [command])
        if command == "check":
            [said] = [each["remedy"] for each in json.loads(ran.stdout) if each["what"] == "store"]
        else:
            assert isinstance(ran.exception, ConfigurationProblem), ran.exception
            said = ran.exception.message
        assert said.startswith("GRIDGOV_DATABASE_URL")
        assert "hidden" not in said
        assert ran.exit_code == 1


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
    @pytest.mark.parametrize("command", [["serve"], ["worker", "--once"]])
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
            ("0.0.0.0/1,128.0.0.0/1", "https://map.example", BAD),
            ("::/1, 8000::/1", "https://map.example", BAD),
            ("64.0.0.0/7", "https://map.example", WARNING),
            ("64.0.0.0/8, 65.0.0.0/8", "https://map.example", WARNING),
            ("2000::/3", "https://map.example", WARNING),
            ("10.0.0.0/8, 172.16.0.0/12, fd00::/8, 203.0.113.0/24", "https://map.example", GOOD),
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
