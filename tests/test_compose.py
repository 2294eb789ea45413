"""compose.yaml keeps its promises, and the proxy it starts is tried for real in front of a real service."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are not worth a dependency for one test
from playwright.sync_api import sync_playwright

from api.passwords import add_account
from gridgov.access import Scope
from gridgov.seeding import seed, seed_zone
from gridgov.settings import PREFIX, Settings, read_settings
from gridgov.store import open_store
from tests.fixtures_store import NOW
from tests.live_service import running, serving, wait_until
from tests.throwaway_postgres import free_port

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("init", "serve", "worker")
NAME = "map.zone.test"
LOGIN, PASSWORD = "proxy-staff", "a password for tests only"


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
        assert settings.job_threads == (1 if name == "worker" else 0)

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


@dataclass(frozen=True)
class Proxy:
    """A proxy on loopback ports in front of a service; every source address of 127.0.0.0/8 is another visitor."""

    https: int
    http: int
    folder: Path
    opened: list[httpx.Client] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """How browsers call it."""
        return f"https://{NAME}:{self.https}"

    def visitor(self, address: str = "127.0.0.9") -> httpx.Client:
        """A client that trusts the proxy's own authority and nobody else."""
        trust = ssl.create_default_context(
            cafile=self.folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        )
        transport = httpx.HTTPTransport(verify=trust, local_address=address)
        client = httpx.Client(
            transport=transport,
            base_url=f"https://127.0.0.1:{self.https}",
            headers={"Host": f"{NAME}:{self.https}", "Origin": self.origin},
            timeout=30,
        )
        client.event_hooks["request"] = [lambda request: request.extensions.update(sni_hostname=NAME)]
        self.opened.append(client)
        return client

    def close(self) -> None:
        """All that were opened go."""
        while self.opened:
            self.opened.pop().close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Debian's Caddy with deploy/Caddyfile in front of `gridgov serve` over the seeded embedded store."""
    caddy = shutil.which("caddy")
    assert caddy, "Caddy is missing: apt-get install caddy (scripts/test does it)"
    folder = tmp_path_factory.mktemp("proxy")
    store = open_store(f"sqlite:///{folder}/map.gpkg")
    store.migrate(NOW)
    seed(store, NOW)
    with store.begin(Scope.system(seed_zone().zone), NOW, write=True) as tx:
        add_account(tx, LOGIN, PASSWORD, "staff", "测试人员", (), None)
    store.close()
    made = Proxy(free_port(), free_port(), folder)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(folder / "kernels")),
        "GRIDGOV_DATABASE_URL": f"sqlite:///{folder}/map.gpkg",
        "GRIDGOV_SECRET": "Zk3-9vQm_Lr7TxHc2yWb8NfJd5GsAe1UoIp4",
        "GRIDGOV_PUBLIC_URL": made.origin,
        "GRIDGOV_TRUSTED_PROXIES": "127.0.0.1",
        "GRIDGOV_PUBLIC_REPORTS_PER_HOUR": "2",
    }
    program = [sys.executable, "-P", "-c", "from api.cli import main; main()", "serve"]
    with serving(program, environment, folder) as port:
        settings = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "SITE_ADDRESS": NAME,
            "SITE_UPSTREAM": f"127.0.0.1:{port}",
            "PROXY_BIND": "127.0.0.1",
            "PROXY_HTTP_PORT": str(made.http),
            "PROXY_HTTPS_PORT": str(made.https),
        }
        command = [caddy, "run", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / "Caddyfile")]
        log = folder / "caddy.log"
        with running(command, settings, folder, log):
            wait_until(lambda: proxied(made), log)
            yield made


def proxied(proxy: Proxy) -> bool:
    try:
        return proxy.visitor().get("/healthz").status_code == 200
    except (httpx.TransportError, OSError):
        return False
    finally:
        proxy.close()


@pytest.fixture(autouse=True)
def visitors_leave(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test closes the clients that it opened."""
    yield
    if "proxy" in request.fixturenames:
        request.getfixturevalue("proxy").close()


def sign_in(visitor: httpx.Client) -> httpx.Response:
    return visitor.post("/api/session", json={"login": LOGIN, "password": PASSWORD})


def report(visitor: httpx.Client, **headers: str) -> int:
    body = {
        "category": "fire_lane",
        "text": "消防通道被堵",
        "lon": 113.3593,
        "lat": 33.7530,
        "position_source": "hand",
    }
    return visitor.post("/api/issues", json=body, headers=headers).status_code


@pytest.mark.slow
class TestProxy:
    def test_https_answers_and_http_leads_to_it(self, proxy: Proxy) -> None:
        page = proxy.visitor().get("/")
        assert page.status_code == 200
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        assert "server" not in page.headers
        plain = httpx.get(f"http://127.0.0.1:{proxy.http}/report", headers={"Host": NAME})
        assert plain.status_code == 308
        assert plain.headers["location"].startswith(f"https://{NAME}")

    def test_the_session_cookie_is_for_https_only(self, proxy: Proxy) -> None:
        visitor = proxy.visitor()
        answer = sign_in(visitor)
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"]
        assert "Secure" in cookie
        assert "HttpOnly" in cookie

    def test_a_write_from_another_site_is_refused_and_from_our_own_page_accepted(self, proxy: Proxy) -> None:
        visitor = proxy.visitor()
        visitor.headers["Origin"] = "https://elsewhere.test"
        assert sign_in(visitor).status_code == 403
        visitor.headers["Origin"] = proxy.origin
        assert sign_in(visitor).status_code == 200

    def test_visitors_are_counted_by_their_own_address_whatever_they_claim(self, proxy: Proxy) -> None:
        one, other = proxy.visitor("127.0.0.21"), proxy.visitor("127.0.0.22")
        assert [report(one), report(one)] == [201, 201]
        assert report(one, **{"X-Forwarded-For": "198.51.100.7"}) == 429
        assert report(other) == 201

    def test_an_upload_of_some_megabytes_passes(self, proxy: Proxy) -> None:
        visitor = proxy.visitor()
        token = sign_in(visitor).headers["set-cookie"].partition(";")[0]
        ring = [[113.30, 33.70], [113.301, 33.70], [113.301, 33.701], [113.30, 33.701], [113.30, 33.70]]
        feature = {
            "type": "Feature",
            "properties": {"编号": "DK-1", "名称": "一号地块"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        content = json.dumps({"type": "FeatureCollection", "features": [feature]}) + " " * 4_000_000
        assert len(content.encode()) > 4_000_000
        answer = visitor.post(
            "/api/import?kind=parcels&dry_run=true",
            files={"file": ("地块.geojson", content.encode())},
            headers={"Cookie": token},
        )
        assert answer.status_code == 200, answer.text[:500]
        assert answer.json()["counts"]["created"] == 1

    def test_figures_are_not_shown_outside(self, proxy: Proxy) -> None:
        assert proxy.visitor().get("/metrics").status_code == 404

    def test_a_phone_may_give_its_position(self, proxy: Proxy) -> None:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=arguments)
            context = browser.new_context(
                ignore_https_errors=True,
                geolocation={"longitude": 113.3593, "latitude": 33.7530, "accuracy": 12},
                permissions=["geolocation"],
                viewport={"width": 360, "height": 640},
            )
            page = context.new_page()
            faults: list[str] = []
            page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
            page.goto(f"{proxy.origin}/report")
            page.wait_for_selector("body[data-ready]")
            secure = page.evaluate("[isSecureContext, 'serviceWorker' in navigator]")
            page.locator("#locate").click()
            page.get_by_text("定位精度 12 m").wait_for()
            browser.close()
        assert secure == [True, True]
        assert faults == []
