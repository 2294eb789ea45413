"""The proxy of compose.yaml, tried for real: Caddy with deploy/Caddyfile in front of a real service."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import ssl
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from api.passwords import add_account
from gridgov.access import Scope
from gridgov.seeding import seed, seed_zone
from gridgov.store import open_store
from tests.fixtures_store import NOW
from tests.live_service import running, serving, wait_until
from tests.throwaway_postgres import free_port

ROOT = Path(__file__).resolve().parent.parent
NAME = "map.zone.test"
LOGIN, PASSWORD = "proxy-staff", "a password for tests only"


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
    with serving(program, environment, folder) as port, caddy(made, NAME, port) as log:
        wait_until(lambda: proxied(made), log)
        yield made


@contextmanager
def caddy(made: Proxy, address: str, upstream: int) -> Iterator[Path]:
    """Debian's Caddy with deploy/Caddyfile for a site in front of a port of this machine; gives its log."""
    program = shutil.which("caddy")
    assert program, "Caddy is missing: apt-get install caddy (scripts/test does it)"
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(made.folder),
        "XDG_DATA_HOME": str(made.folder),
        "SITE_ADDRESS": address,
        "SITE_UPSTREAM": f"127.0.0.1:{upstream}",
        "PROXY_BIND": "127.0.0.1",
        "PROXY_HTTP_PORT": str(made.http),
        "PROXY_HTTPS_PORT": str(made.https),
    }
    command = [program, "run", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / "Caddyfile")]
    log = made.folder / "caddy.log"
    with running(command, settings, made.folder, log):
        yield log


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the headers that came."""

    def do_GET(self) -> None:
        content = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def site_by_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A visitor of a site whose SITE_ADDRESS is an address, which echoes headers.

    The handshake then names no site, and as in a container the address that people type is not the proxy's own.
    """
    typed = "127.0.0.2"
    made = Proxy(free_port(), free_port(), tmp_path_factory.mktemp("address"))
    root = made.folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with caddy(made, typed, server.server_port) as log:
            wait_until(
                lambda: root.exists() and "certificate obtained" in log.read_text(encoding="utf-8"), log
            )
            trust = ssl.create_default_context(cafile=root)
            with httpx.Client(
                verify=trust,
                base_url=f"https://127.0.0.1:{made.https}",
                headers={"Host": f"{typed}:{made.https}"},
                event_hooks={"request": [lambda request: request.extensions.update(sni_hostname=typed)]},
            ) as visitor:
                yield visitor
        server.shutdown()


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

    @pytest.mark.parametrize(
        "path",
        [
            "/metrics",
            "/metrics/",
            "/METRICS",
            "/metric%73",
            "//metrics",
            "/z/pds-gaoxin/metrics",
            "/z/a%2Fb/metrics",
        ],
    )
    def test_figures_are_not_shown_outside(self, path: str, proxy: Proxy) -> None:
        answer = proxy.visitor().get(f"https://127.0.0.1:{proxy.https}{path}")
        assert (answer.status_code, answer.content) == (404, b""), "the service was not even asked"

    def test_the_number_of_a_request_is_the_proxys_own(self, proxy: Proxy) -> None:
        answer = proxy.visitor().get("/livez", headers={"X-Request-Id": "0123456789abcdef"})
        assert str(uuid.UUID(answer.headers["x-request-id"])) == answer.headers["x-request-id"]

    def test_a_phone_may_give_its_position(self, proxy: Proxy) -> None:
        with ThreadPoolExecutor(
            1
        ) as apart:  # another test of this process may have a browser of its own running
            secure, faults = apart.submit(locate, proxy).result()
        assert secure == [True, True]
        assert faults == []


def locate(proxy: Proxy) -> tuple[list[bool], list[str]]:
    """Press the button of the form on a phone: whether the page is secure, and the faults it told."""
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
        secure: list[bool] = page.evaluate("[isSecureContext, 'serviceWorker' in navigator]")
        page.locator("#locate").click()
        page.get_by_text("定位精度 12 m").wait_for()
        browser.close()
    return secure, faults


@pytest.mark.slow
class TestAddress:
    def test_a_site_may_have_an_address_instead_of_a_name(self, site_by_address: httpx.Client) -> None:
        assert site_by_address.get("/healthz").status_code == 200

    def test_what_the_service_believes_is_not_a_visitors(self, site_by_address: httpx.Client) -> None:
        claimed = {
            "X-Request-Id": "0123456789abcdef",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "tracestate": "elsewhere=1",
            "X-Forwarded-For": "198.51.100.7",
            "X-Forwarded-Proto": "http",
            "X-Forwarded-Host": "elsewhere.test",
        }
        came = site_by_address.get("/", headers=claimed).json()
        assert {name for name, value in claimed.items() if came.get(name.lower()) == value} == set()
        assert {"traceparent", "tracestate"} & came.keys() == set()
        assert (came["x-forwarded-for"], came["x-forwarded-proto"]) == ("127.0.0.1", "https")
