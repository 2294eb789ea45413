"""The embedded store on a disk that is full, read-only, gone or damaged: a clear answer, then on without a restart."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from gridgov.access import Scope
from gridgov.errors import SchemaMissing, StoreBusy, StoreProblem, StoreUnavailable
from gridgov.store import Store, open_store
from gridgov.store.sqlite import private_path
from tests.failures.conftest import SmallDisk, client_of, prepare, report
from tests.fixtures_store import NOW, ZONE
from tests.soak.run import Soak

MakeDisk = Callable[[int], SmallDisk]


def file_of(store: Store) -> Path:
    return Path(store.url.removeprefix("sqlite:///"))


@pytest.mark.slow
def test_a_full_disk_is_507_and_nothing_is_half_written(make_disk: MakeDisk, tmp_path: Path) -> None:
    disk = make_disk(16)
    soak = Soak("full", f"sqlite:///{disk.folder / 'map.gpkg'}", tmp_path, "full")

    def fill_for_a_while(_: Soak) -> float:
        disk.fill()
        time.sleep(1.0)
        disk.make_room()
        return time.monotonic()

    outcome = soak.run(3, fill_for_a_while)
    assert outcome.findings == []
    assert outcome.told["answered 507"] > 0
    assert outcome.kills == 3


def test_a_full_disk_can_still_be_read(make_disk: MakeDisk, tmp_path: Path) -> None:
    disk = make_disk(16)
    store = open_store(f"sqlite:///{disk.folder / 'map.gpkg'}")
    prepare(store)
    client = client_of(store, tmp_path)
    assert client.post("/api/issues", json=report(1)).status_code == 201
    disk.fill()
    answers = [client.post("/api/issues", json=report(number)) for number in range(2, 60)]
    full = next(answer for answer in answers if answer.status_code != 201)
    assert (full.status_code, full.json()["type"]) == (507, "urn:gridgov:problem:store-full")
    assert full.headers["retry-after"].isdigit()
    assert client.get("/api/areas").status_code == 200
    disk.make_room()
    assert client.post("/api/issues", json=report(99)).status_code == 201
    store.close()


@pytest.mark.parametrize(("left", "reading"), [("closed", 503), ("in use", 200)])
def test_a_read_only_disk_is_written_again_once_it_can_be(
    make_disk: MakeDisk, tmp_path: Path, left: str, reading: int
) -> None:
    """A disk that turns read-only under a running service can still be read; SQLite opens no closed store on one."""
    disk = make_disk(16)
    first = open_store(f"sqlite:///{tmp_path / 'map.gpkg'}")
    prepare(first)
    if left == "closed":
        first.close()
    for each in tmp_path.glob("map.*"):
        shutil.copy(each, disk.folder / each.name)
    first.close()
    disk.mount("ro")
    store = open_store(f"sqlite:///{disk.folder / 'map.gpkg'}")
    client = client_of(store, tmp_path)
    assert client.get("/api/areas").status_code == reading
    refused = client.post("/api/issues", json=report(1))
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:gridgov:problem:store-read-only")
    assert refused.headers["retry-after"].isdigit()
    disk.mount("rw")
    assert client.post("/api/issues", json=report(1)).status_code == 201
    store.close()


def test_a_folder_that_is_gone_and_comes_back(sqlite_store: Store, tmp_path: Path) -> None:
    folder = file_of(sqlite_store).parent
    moved = folder / "moved"
    moved.mkdir()
    client = client_of(sqlite_store, tmp_path)
    assert client.post("/api/issues", json=report(1)).status_code == 201
    files = [each for each in folder.iterdir() if each.name.startswith("map.")]
    for each in files:
        each.rename(moved / each.name)
    for answer in (
        client.post("/api/issues", json=report(2)),
        client.get("/api/areas"),
        client.get("/healthz"),
    ):
        assert answer.status_code == 503
        assert answer.headers["retry-after"].isdigit()
    assert not file_of(sqlite_store).exists(), "an empty file in its place would hide the loss"
    for each in files:
        (moved / each.name).rename(each)
    assert client.post("/api/issues", json=report(1)).status_code == 200
    assert client.post("/api/issues", json=report(2)).status_code == 201


def test_no_write_goes_into_a_file_that_was_replaced(sqlite_store: Store, now: object) -> None:
    """A connection that was open before would write into the old file, which nobody finds again."""
    path = file_of(sqlite_store)
    system = Scope.system(ZONE)
    with sqlite_store.begin(system, NOW):
        pass
    sqlite_store.close()
    for each in (path, private_path(path)):
        shutil.copy(each, each.with_suffix(".copy"))
    with sqlite_store.begin(system, NOW):
        pass  # a connection is open again
    for each in (path, private_path(path)):
        each.with_suffix(".copy").replace(each)
        for beside in ("-wal", "-shm"):
            each.with_name(each.name + beside).unlink(missing_ok=True)
    before = path.stat().st_ino
    with sqlite_store.begin(system, NOW, write=True) as tx:
        tx.connection.exec_driver_sql("UPDATE zones SET name_zh = '新'")  # type: ignore[attr-defined]
    again = sqlite_store.reopen()
    with again.begin(system, NOW) as tx:
        found = tx.connection.exec_driver_sql("SELECT name_zh FROM zones").scalar_one()  # type: ignore[attr-defined]
    again.close()
    assert (found, path.stat().st_ino) == ("新", before)


@pytest.mark.parametrize("damage", ["header", "pages"])
def test_a_damaged_file_says_restore(sqlite_store: Store, tmp_path: Path, damage: str) -> None:
    sqlite_store.close()
    path = file_of(sqlite_store)
    raw = bytearray(path.read_bytes())
    if damage == "header":
        raw[:100] = b"\xff" * 100
    else:
        raw[4096:] = b"\xff" * len(raw[4096:])
    path.write_bytes(raw)
    client = client_of(sqlite_store, tmp_path)
    for answer in (client.get("/api/areas"), client.post("/api/issues", json=report(1))):
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:gridgov:problem:store-unavailable")
        assert "restore the newest backup" in answer.json()["detail"]
        assert answer.headers["retry-after"].isdigit()


def test_a_store_that_was_never_made_says_init(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'never.gpkg'}")
    with pytest.raises(SchemaMissing, match="gridgov init"):
        store.check()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_nobody_may_write_to_is_told_by_init(make_disk: MakeDisk) -> None:
    disk = make_disk(1)
    disk.mount("ro")
    with pytest.raises(StoreProblem, match="read-only"):
        open_store(f"sqlite:///{disk.folder / 'map.gpkg'}").migrate(NOW)


def test_init_on_a_full_disk_leaves_nothing_half(make_disk: MakeDisk) -> None:
    disk = make_disk(1)
    disk.fill()
    store = open_store(f"sqlite:///{disk.folder / 'map.gpkg'}")
    with pytest.raises(StoreProblem, match="No room is left"):
        store.migrate(NOW)
    disk.make_room()
    disk.mount("size=16m")
    assert len(store.migrate(NOW)) > 0
    store.check()
    store.close()


def test_readers_beyond_the_pool_are_told_busy_in_time(sqlite_store: Store) -> None:
    store = open_store(sqlite_store.url, pool_size=1, wait_seconds=0.2)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(store.begin(Scope.system(ZONE), NOW))
        since = time.monotonic()
        with pytest.raises(StoreBusy), store.begin(Scope.system(ZONE), NOW):
            pass
        assert time.monotonic() - since < 1.0
    with store.begin(Scope.system(ZONE), NOW):
        pass
    store.close()


def test_a_statement_that_is_wrong_is_a_fault_of_ours_and_not_of_the_store(sqlite_store: Store) -> None:
    with (
        pytest.raises(Exception, match="no such column") as caught,
        sqlite_store.begin(Scope.system(ZONE), NOW) as tx,
    ):
        tx.connection.exec_driver_sql("SELECT colour FROM zones")  # type: ignore[attr-defined]
    assert not isinstance(caught.value, StoreUnavailable)
