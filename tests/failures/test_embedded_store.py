"""The embedded store on a disk that is full, read-only, gone or damaged: a clear answer, then on without a restart."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from gridgov.access import Scope
from gridgov.errors import (
    SchemaMissing,
    StoreBusy,
    StoreFull,
    StoreProblem,
    StoreReadOnly,
    StoreUnavailable,
)
from gridgov.store import Store, open_store
from gridgov.store.base import Tx
from gridgov.store.sqlite import SqliteStore, private_path
from gridgov.store.sqlite_errors import meaning
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


@pytest.mark.parametrize(
    ("place_after", "told"), [(0.6, "The store is busy"), (1.6, "All connections to the store are in use")]
)
def test_a_writer_waits_for_its_turn_a_connection_and_the_file_all_together_no_longer_than_it_may(
    sqlite_store: Store, place_after: float, told: str
) -> None:
    """Each is given a while after the one before; waiting anew at each, it would take 1.6 and 1.3 seconds."""
    store = open_store(sqlite_store.url, pool_size=1, wait_seconds=1.0)
    assert isinstance(store, SqliteStore)
    system = Scope.system(ZONE)
    with ExitStack() as held:
        held.enter_context(sqlite_store.begin(system, NOW, write=True))
        held.enter_context(store.begin(system, NOW))
        reader = held.enter_context(ExitStack())
        reader.enter_context(store.begin(system, NOW))
        store._writer.acquire()
        given = [threading.Timer(0.3, store._writer.release), threading.Timer(place_after, reader.close)]
        since = time.monotonic()
        for each in given:
            each.start()
        with pytest.raises(StoreBusy, match=told), store.begin(system, NOW, write=True):
            pass
        assert 0.9 < time.monotonic() - since < 1.25
        for each in given:
            each.join()
    with store.begin(system, NOW, write=True):
        pass  # the time that was left then is not kept
    store.close()


def raw(tx: Tx) -> sqlite3.Connection:
    return tx.connection.connection.driver_connection  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("where", ["idle", "in use"])
def test_no_connection_outlives_one_that_met_a_read_only_store(sqlite_store: Store, where: str) -> None:
    """What was open while the disk was read-only stays read-only, and so does what is opened beside it later."""
    system = Scope.system(ZONE)
    other = ExitStack()
    with ExitStack() as hurt:
        beside = other.enter_context(sqlite_store.begin(system, NOW))
        open_before = raw(beside)
        hurt.enter_context(pytest.raises(StoreReadOnly))
        tx = hurt.enter_context(sqlite_store.begin(system, NOW, write=True))
        if where == "idle":
            other.close()
        raw(tx).execute("PRAGMA query_only = ON")  # SQLite answers writes as on a read-only disk
        tx.connection.exec_driver_sql("UPDATE zones SET name_zh = '新'")  # type: ignore[attr-defined]
    other.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        open_before.execute("SELECT 1")


@pytest.mark.parametrize("code", ["SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_SHMMAP"])
def test_an_index_that_cannot_grow_beside_the_file_means_a_full_disk(code: str) -> None:
    """The index of the log grows by being written to, which SQLite tells as a fault of the disk."""
    assert isinstance(meaning(driver_error(code)), StoreFull)
    assert isinstance(meaning(driver_error("SQLITE_IOERR_READ")), StoreUnavailable)


def driver_error(code: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = getattr(sqlite3, code)
    return error


def test_a_statement_that_is_wrong_is_a_fault_of_ours_and_not_of_the_store(sqlite_store: Store) -> None:
    with (
        pytest.raises(Exception, match="no such column") as caught,
        sqlite_store.begin(Scope.system(ZONE), NOW) as tx,
    ):
        tx.connection.exec_driver_sql("SELECT colour FROM zones")  # type: ignore[attr-defined]
    assert not isinstance(caught.value, StoreUnavailable)
