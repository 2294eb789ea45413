"""The built wheel, installed into an empty environment, serves its pages from a folder that is not the checkout.

No network is used, so the libraries are not installed anew: the environment is given the folder of those of the
tests by a .pth file, which names nothing of the checkout. That the locked libraries install from a registry is
tried by the replay of the Dockerfile (`make image`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Response

from gridgov.store import open_store
from tests.live_service import serving

ROOT = Path(__file__).resolve().parents[2]
SECRET = "Zk3-9vQm_Lr7TxHc2yWb8NfJd5GsAe1UoIp4"
PAGES = ("/", "/report", "/sign-in", "/maps/parks", "/maps/land", "/maps/plants", "/maps/grids")


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel, and a service of it: folder, program and address."""

    folder: Path
    program: Path
    url: str


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Built, installed, initialised, seeded and served by the wheel's own command."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    [wheel] = folder.glob("gridgov-*.whl")
    venv.create(folder / "environment", with_pip=False)
    python = folder / "environment" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    program = folder / "environment" / "bin" / "gridgov"
    environment = {
        "PATH": os.environ["PATH"],
        "NUMBA_CACHE_DIR": str(folder / "kernels"),
        "GRIDGOV_DATABASE_URL": f"sqlite:///{folder}/zone.gpkg",
        "GRIDGOV_SECRET": SECRET,
    }
    for command in ("init", "seed"):
        run(program, command, environment=environment, folder=folder)
    with serving([str(program), "serve"], environment, folder) as port:
        yield Installed(folder, program, f"http://127.0.0.1:{port}")


def run(*command: object, environment: dict[str, str] | None = None, folder: Path | None = None) -> str:
    """What a command prints; AssertionError with all it said when it fails."""
    words = [str(word) for word in command]
    ran = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.slow
class TestInstalledWheel:
    def test_the_program_is_the_wheels_own_and_not_the_checkouts(self, installed: Installed) -> None:
        python = installed.program.with_name("python")
        program = (
            "import api, gridgov, maps, sys, json\n"
            "print(json.dumps([api.__file__, gridgov.__file__, maps.__file__, *sys.path]))"
        )
        places = json.loads(run(python, "-c", program, folder=installed.folder))
        assert all(place.startswith(str(installed.folder)) for place in places[:3]), places[:3]
        assert str(ROOT) not in places

    @pytest.mark.parametrize("path", PAGES)
    def test_a_page_opens_with_everything_it_asks_for(
        self, path: str, installed: Installed, chromium: Browser
    ) -> None:
        page = chromium.new_page()
        faults = watched(page, installed.url)
        page.goto(installed.url + path)
        page.wait_for_selector("body[data-ready]")
        if path == "/report":
            page.locator("#pick-map path.draw").first.wait_for(state="attached")
        elif path.startswith("/maps/"):
            page.locator(".leaflet-overlay-pane path, .leaflet-marker-pane img").first.wait_for(
                state="attached"
            )
        page.close()
        assert faults == []

    def test_the_wheel_brings_every_migration_of_both_stores(self, installed: Installed) -> None:
        python = installed.program.with_name("python")
        told = run(python, "-c", "import gridgov; print(gridgov.__file__)", folder=installed.folder)
        site = Path(told.strip())
        for name in ("sqlite-map", "sqlite-private", "postgis"):
            shipped = {path.name for path in (site.parent / "_data" / "schema" / name).glob("*.sql")}
            assert shipped == {path.name for path in (ROOT / "data" / "schema" / name).glob("*.sql")}
        store = open_store(f"sqlite:///{installed.folder}/zone.gpkg")
        store.check()
        store.close()


def watched(page: Page, url: str) -> list[str]:
    """Fills with every fault of the page: on the console, an answer that is none, another host."""
    faults: list[str] = []

    def on_response(answer: Response) -> None:
        if answer.status >= 400:
            faults.append(f"{answer.status} {answer.url}")

    def on_request(request: Request) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            faults.append(f"another host: {request.url}")

    page.on("response", on_response)
    page.on("request", on_request)
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
    page.on("console", lambda told: faults.append(told.text) if told.type in ("error", "warning") else None)
    return faults
