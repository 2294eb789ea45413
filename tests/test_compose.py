"""compose.yaml and the units of systemd keep their promises. tests/test_proxy.py tries the proxy for real."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are not worth a dependency for one test

from gridgov.settings import PREFIX, Settings, read_settings

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
HANDBOOK = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
YAML = r"^```yaml\n(.*?)^```$"
OURS = ("init", "serve", "worker")
NAME = "map.zone.test"


class TestPromises:
    @pytest.mark.parametrize("name", OURS)
    def test_the_program_runs_hardened(self, name: str) -> None:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [entry.partition(":")[0] for entry in service["tmpfs"]] == ["/tmp"]  # noqa: S108  the container's
        assert "privileged" not in service
        assert "user" not in service, "the image's own user"

    def test_only_the_proxy_is_reached_from_outside(self) -> None:
        assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
        inner = {name for name, network in COMPOSE["networks"].items() if (network or {}).get("internal")}
        assert inner == {"front", "back"}
        for name in ("database", *OURS):
            assert set(SERVICES[name]["networks"]) <= inner
        assert SERVICES["database"]["networks"] == ["back"]
        assert "back" not in SERVICES["proxy"]["networks"]

    def test_what_is_secret_is_required_and_has_no_default(self) -> None:
        for name in ("GRIDGOV_SECRET", "POSTGRES_PASSWORD", "SITE_ADDRESS"):
            used = set(re.findall(rf"\$\{{{name}(.*?)\}}", TEXT))
            assert used == {":?set it in .env"}, name

    def test_images_are_pinned(self) -> None:
        for service in SERVICES.values():
            assert re.fullmatch(r"[a-z/]+:\d+[\d.]*(-[\w.]+)?", service["image"]), service["image"]

    def test_the_order_of_starting(self) -> None:
        def waits_for(name: str) -> dict[str, str]:
            return {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}

        assert waits_for("init") == {"database": "service_healthy"}
        assert waits_for("serve") == waits_for("worker") == {"init": "service_completed_successfully"}
        assert waits_for("proxy") == {"serve": "service_healthy"}
        assert SERVICES["init"]["restart"] == "no"
        assert "pg_isready" in SERVICES["database"]["healthcheck"]["test"]

    @pytest.mark.parametrize("name", OURS)
    def test_every_setting_exists_and_is_accepted(self, name: str) -> None:
        given = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
        assert {key for key in given if not key.startswith(PREFIX)} == set()
        filled = {
            key: re.sub(
                r"\$\{(\w+)(:[?-][^}]*)?\}", lambda found: {"SITE_ADDRESS": NAME}.get(found[1], ""), value
            )
            for key, value in given.items()
        }
        settings = read_settings(filled)
        assert settings.public_url == f"https://{NAME}"
        assert not settings.demo
        assert settings.job_threads == (0 if name == "serve" else 1), (
            "what gridgov.env says counts for the worker"
        )

    @pytest.mark.parametrize("name", OURS)
    def test_other_settings_come_from_a_file_that_need_not_be_there(self, name: str) -> None:
        assert SERVICES[name]["env_file"] == [{"path": "gridgov.env", "required": False}]
        assert "gridgov.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines(), (
            "it has secrets"
        )
        [shown] = re.findall(
            r"^cat > gridgov\.env <<END\n(.*?)^END$", HANDBOOK, flags=re.MULTILINE | re.DOTALL
        )
        given = dict(line.split("=", 1) for line in shown.splitlines())
        assert read_settings(given).attachments_url.startswith("s3://")
        assert set(given) & set(SERVICES[name]["environment"]) == set(), "what compose.yaml says would win"

    def test_what_the_handbook_adds_opens_a_way_out_and_nothing_else(self) -> None:
        added = [yaml.safe_load(text) for text in re.findall(YAML, HANDBOOK, re.MULTILINE | re.DOTALL)]
        joined = {
            (name, network)
            for each in added
            for name, service in each["services"].items()
            for network in service["networks"]
        }
        assert joined == {("serve", "outside"), ("worker", "outside"), ("serve", "watch")}
        known = set(COMPOSE["networks"]).union(*(each.get("networks", {}) for each in added))
        assert {network for _, network in joined} <= known
        assert {key for each in added for service in each["services"].values() for key in service} == {
            "networks"
        }

    def test_only_the_network_of_the_proxy_is_trusted(self) -> None:
        [front] = COMPOSE["networks"]["front"]["ipam"]["config"]
        assert SERVICES["serve"]["environment"]["GRIDGOV_TRUSTED_PROXIES"] == front["subnet"]
        assert {name for name, service in SERVICES.items() if "front" in service["networks"]} == {
            "serve",
            "proxy",
        }

    def test_the_service_has_time_to_stop(self) -> None:
        for name in OURS:
            assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > Settings().stop_seconds

    def test_the_proxy_lets_through_what_the_service_takes(self) -> None:
        text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
        [mebibytes] = re.findall(r"max_size \{\$PROXY_BODY_MAX:(\d+)MiB\}", text)
        assert int(mebibytes) * 1024**2 > Settings().upload_max_bytes


class TestUnits:
    @pytest.mark.parametrize("name", ["gridgov", "gridgov-worker"])
    def test_systemd_takes_the_unit_and_gives_the_service_time_to_stop(
        self, name: str, tmp_path: Path
    ) -> None:
        text = (ROOT / "deploy" / f"{name}.service").read_text(encoding="utf-8")
        [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", text, flags=re.MULTILINE)
        assert int(seconds) > Settings().stop_seconds
        [start] = re.findall(r"^ExecStart=/opt/gridgov/bin/gridgov (\w+)$", text, flags=re.MULTILINE)
        assert start == ("worker" if "worker" in name else "serve")
        analyse = shutil.which("systemd-analyze")
        if analyse:
            unit = tmp_path / f"{name}.service"
            unit.write_text(text.replace("/opt/gridgov/bin/gridgov", sys.executable), encoding="utf-8")
            told = subprocess.run([analyse, "verify", str(unit)], capture_output=True, text=True, check=False)
            assert (told.returncode, told.stderr) == (0, "")
