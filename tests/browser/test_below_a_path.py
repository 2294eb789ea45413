"""Below a path of a proxy the pages work in the browser, and ask nothing outside that path."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from api.app import create_app
from api.passwords import add_account
from api.serving import make_server
from gridgov.access import Scope
from gridgov.settings import read_settings
from gridgov.store import Store
from tests.browser.conftest import PASSWORD
from tests.fixtures_store import NOW, ZONE

ROOT = "/map"


@pytest.fixture
def below(sqlite_store: Store) -> Iterator[str]:
    """Address of the service below /map, on a proxy that leaves the path as it is."""
    with sqlite_store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        add_account(tx, "staff", PASSWORD, "staff", "测试", (), None)
    settings = read_settings({}, demo=True, root_path=ROOT, job_threads=0)
    server = make_server(create_app(settings, sqlite_store), settings)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def test_pages_and_maps_work_there(chromium: Browser, below: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 400 else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    for path in ("/", "/report", f"/z/{ZONE}/", f"/z/{ZONE}/maps/parks"):
        page.goto(below + ROOT + path)
        page.wait_for_selector("body[data-ready]")
    page.goto(f"{below}{ROOT}/sign-in")
    page.wait_for_selector("body[data-ready]")
    page.locator("#login").fill("staff")
    page.locator("#password").fill(PASSWORD)
    page.locator("#send").click()
    page.wait_for_url(f"{below}{ROOT}/?lang=*")
    [cookie] = context.cookies()
    context.close()
    assert cookie["path"] == f"{ROOT}/"
    assert faults == []
    ours = [url for url in asked if not url.startswith(("data:", "blob:"))]
    assert [url for url in ours if not url.startswith(f"{below}{ROOT}/")] == []
