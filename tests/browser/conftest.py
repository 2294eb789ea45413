"""The service on a loopback port and a real Chromium in front of it; every page is watched while it is open."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from api.app import create_app
from api.passwords import add_account
from gridgov.access import Scope
from gridgov.seeding import seed, seed_zone
from gridgov.settings import read_settings
from gridgov.store import open_store
from tests.fixtures_store import NOW

SIZES = {"desk": (1280, 800), "phone": (360, 640)}
LOGIN, PASSWORD = "browser-staff", "a password for tests only"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here opens pages, and takes its time."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the demonstration zone, served as in production."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('service') / 'map.gpkg'}")
    store.migrate(NOW)
    seed(store, NOW)
    with store.begin(Scope.system(seed_zone().zone), NOW, write=True) as tx:
        add_account(tx, LOGIN, PASSWORD, "staff", "测试人员", (), None)
    app = create_app(read_settings({}, demo=True, public_reports_per_hour=1_000), store)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
    store.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the screenshots of a run are, to look at."""
    return tmp_path_factory.mktemp("screenshots")


@dataclass
class Watched:
    """A page with everything that went wrong on it."""

    page: Page
    context: BrowserContext
    service: str
    faults: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def open(self, path: str) -> Page:
        """Go there and wait until the page says that it is ready."""
        self.page.goto(path if "://" in path else self.service + path)
        self.page.wait_for_selector("body[data-ready]")
        return self.page

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.faults.append(f"{message.type}: {message.text}")

    def on_request(self, request: Request) -> None:
        if not request.url.startswith((self.service, "data:", "blob:", "file:")):
            self.faults.append(f"asked another host: {request.url}")


Open = Callable[..., Watched]


@pytest.fixture
def watch(chromium: Browser, service: str) -> Iterator[Open]:
    """Makes watched pages; the test fails when one of them had an error or asked another host."""
    made: list[Watched] = []

    def make(size: str = "desk", expected: tuple[str, ...] = (), **options: Any) -> Watched:
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height}, has_touch=size == "phone", **options
        )
        watched = Watched(context.new_page(), context, service, expected=expected)
        watched.page.on("console", watched.on_console)
        watched.page.on("pageerror", lambda error: watched.faults.append(f"exception: {error}"))
        watched.page.on("request", watched.on_request)
        made.append(watched)
        return watched

    yield make
    faults = [fault for watched in made for fault in watched.faults]
    for watched in made:
        watched.context.close()
    assert not faults, faults
