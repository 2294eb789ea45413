"""What fails here: a small disk that can be filled and made read-only, and a database that can be stopped."""

from __future__ import annotations

import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

with warnings.catch_warnings():  # the client warns that it will move to another package one day
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

from api.app import create_app
from gridgov.settings import read_settings
from gridgov.store import Store, open_store
from tests.fixtures_store import NOW
from tests.fixtures_store import _make_zone as make_test_zone
from tests.soak.run import durable_database
from tests.soak.serving import Database
from tests.throwaway_postgres import fresh_database

WAIT_SECONDS = 2.0


class SmallDisk:
    """A disk in memory of a few megabytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab", buffering=0) as file:
            for piece in (1 << 16, 1 << 12):
                try:
                    while True:
                        file.write(b"\0" * piece)
                except OSError:
                    continue

    def make_room(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink(missing_ok=True)

    def mount(self, options: str) -> None:
        """Mount it anew: `ro`, `rw` or a size."""
        run("mount", "-o", f"remount,{options}", str(self.folder))


def run(*command: str) -> None:
    """A command of the machine; a refusal fails the test and says so, since nothing was tried."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(
            f"{' '.join(command)} failed ({done.stderr.strip()}); these tests need root's right to mount"
        )


@pytest.fixture
def make_disk() -> Iterator[Callable[[int], SmallDisk]]:
    """Mounts disks of so many megabytes and takes them away after the test."""
    made: list[SmallDisk] = []

    def make(megabytes: int) -> SmallDisk:
        folder = Path(tempfile.mkdtemp(prefix="gridgov-disk-"))
        folder.chmod(0o755)  # PostgreSQL's own user goes through it
        run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder))
        made.append(SmallDisk(folder))
        return made[-1]

    yield make
    for disk in made:
        run("umount", "--lazy", str(disk.folder))
        disk.folder.rmdir()


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A PostgreSQL cluster of the module's own, to be stopped and broken."""
    made = durable_database()
    yield made
    made.remove()


@pytest.fixture
def own_store(database: Database) -> Iterator[Store]:
    """A store with the test zone in that cluster."""
    with_zone = open_store(fresh_database(database.cluster.url), pool_size=3, wait_seconds=WAIT_SECONDS)
    prepare(with_zone)
    yield with_zone
    with_zone.close()


def prepare(store: Store) -> None:
    """Tables and the test zone."""
    store.migrate(NOW)
    make_test_zone(store)


def client_of(store: Store, folder: Path) -> TestClient:
    """Anybody, over the service in process."""
    settings = read_settings(
        {}, demo=True, attachments_url=f"file://{folder}/files", public_reports_per_hour=100_000
    )
    return TestClient(create_app(settings, store), raise_server_exceptions=False)


def report(number: int) -> dict[str, object]:
    """A report as the public form sends it."""
    return {
        "id": f"0199c0de-0000-7000-8000-{number:012x}",
        "category": "fire_lane",
        "text": "消防通道被堵",
        "lon": 113.3,
        "lat": 33.7,
    }
