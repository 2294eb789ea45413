"""The throw-away PostgreSQL server: each test gets its own database, and nothing stays behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg2

from tests.throwaway_postgres import administration, ask, drop_database, fresh_database

KEEPER = Path(__file__).with_name("throwaway_postgres.py")


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with administration(url) as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_a_fresh_database_has_postgis(postgis_database: str) -> None:
    area = rows(postgis_database, "SELECT round(ST_Area(ST_MakeEnvelope(0, 0, 2, 3)))")
    assert area == [(6.0,)]


def test_what_one_database_holds_another_does_not_see(make_postgis_database: Callable[[], str]) -> None:
    first, second = make_postgis_database(), make_postgis_database()
    with administration(first) as cursor:
        cursor.execute("CREATE TABLE pin (code text)")
    assert rows(second, "SELECT to_regclass('pin')") == [(None,)]


def test_a_filled_database_is_a_template_by_its_address(postgis_url: str, postgis_database: str) -> None:
    with administration(postgis_database) as cursor:
        cursor.execute("CREATE TABLE pin AS SELECT 'G-07' AS code")
    copy = fresh_database(postgis_url, template=postgis_database)
    assert rows(copy, "SELECT code FROM pin") == [("G-07",)]
    drop_database(copy)


def test_a_dropped_database_is_gone_though_a_connection_was_open(postgis_url: str) -> None:
    url = fresh_database(postgis_url)
    name = url.rpartition("/")[2]
    left_open = psycopg2.connect(url)
    drop_database(url)
    assert rows(postgis_url, f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == []
    left_open.close()


def test_default_sorting_is_not_byte_order_so_that_a_forgotten_collate_shows(postgis_database: str) -> None:
    assert rows(postgis_database, "SELECT 'a' < 'B', 'a' < 'B' COLLATE \"C\"") == [(True, False)]


def test_the_server_listens_on_loopback_only(postgis_url: str) -> None:
    assert rows(postgis_url, "SHOW listen_addresses") == [("127.0.0.1",)]


def processes_with(text: str) -> list[int]:
    """Processes whose command line contains `text`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def gone(text: str, seconds: float = 15) -> bool:
    """Whether every process with `text` ends within `seconds`."""
    deadline = time.monotonic() + seconds
    while processes_with(text) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not processes_with(text)


def server_folder(url: str) -> Path:
    [(folder,)] = rows(url, "SHOW data_directory")
    return Path(str(folder)).parent


def test_server_and_files_are_gone_after_the_run_was_killed() -> None:
    """The run is a process of its own here: it starts a keeper, asks for a server, and gets SIGKILL."""
    program = (
        "import sys, time\n"
        "from tests.throwaway_postgres import Keeper, ask\n"
        "keeper = Keeper()\n"
        "print(keeper.folder, ask(str(keeper.door)), flush=True)\n"
        "time.sleep(600)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=KEEPER.parent.parent
    )
    assert run.stdout is not None
    keeper_folder, url = run.stdout.readline().split()
    folder = server_folder(url)
    assert processes_with(str(folder))
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    assert gone(str(folder))
    assert gone(keeper_folder)
    assert not folder.exists()
    assert not Path(keeper_folder).exists()


def test_the_server_ends_even_when_its_keeper_is_killed(tmp_path: Path) -> None:
    door = tmp_path / "door"
    keeper = subprocess.Popen([sys.executable, str(KEEPER), str(door)], stdin=subprocess.PIPE)
    folder = server_folder(ask(str(door)))
    keeper.kill()
    keeper.wait()
    assert keeper.stdin is not None
    keeper.stdin.close()
    assert gone(str(folder))
    shutil.rmtree(folder)
