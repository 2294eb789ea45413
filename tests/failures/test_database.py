"""PostgreSQL away, full, read-only or out of connections: a clear answer in time, and on again without a restart."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import event

from gridgov.access import Scope
from gridgov.errors import StoreUnavailable
from gridgov.models import ISSUES
from gridgov.store import Query, Store, open_store
from tests.factories import sample
from tests.failures.conftest import WAIT_SECONDS, SmallDisk, client_of, prepare, report
from tests.fixtures_store import NOW, ZONE
from tests.soak.serving import GRIDGOV, ROOT, Database
from tests.throwaway_postgres import administration, fresh_database, server_user, with_database

pytestmark = [pytest.mark.postgis, pytest.mark.slow]
SYSTEM = Scope.system(ZONE)


@pytest.fixture
def running(database: Database) -> Iterator[Database]:
    """The cluster, which runs again after the test whatever the test did to it."""
    yield database
    (database.cluster.folder / "data" / "standby.signal").unlink(missing_ok=True)
    if not database.runs:
        database.start()


def number_of_issues(store: Store) -> int:
    with store.begin(SYSTEM, NOW) as tx:
        return tx.count(ISSUES, Query())


def cut_connections(url: str) -> None:
    """Let the server close every other connection to this database."""
    with administration(url) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_database_that_is_away_is_503_in_time_and_on_again(
    own_store: Store, running: Database, tmp_path: Path
) -> None:
    client = client_of(own_store, tmp_path)
    assert client.post("/api/issues", json=report(1)).status_code == 201
    running.stop_at_once()
    since = time.monotonic()
    for answer in (
        client.post("/api/issues", json=report(2)),
        client.get("/api/areas"),
        client.get("/healthz"),
        client.post("/api/session", json={"login": "somebody", "password": "some password or other"}),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
    assert time.monotonic() - since < 4 * WAIT_SECONDS
    running.start()
    assert client.post("/api/issues", json=report(2)).status_code == 201
    assert client.post("/api/issues", json=report(1)).status_code == 200
    assert number_of_issues(own_store) == 2


def test_a_connection_lost_in_the_middle_of_a_bulk_load_leaves_nothing(
    own_store: Store, database: Database
) -> None:
    url = own_store._source[0]  # type: ignore[attr-defined]

    def rows(name: str) -> Iterator[dict[str, object]]:
        for number in range(3_000):
            yield sample("issues", code=f"{name}-{number:05d}")

    def load() -> None:
        with own_store.begin(SYSTEM, NOW, write=True) as tx:
            tx.insert_many(ISSUES, rows("before"))
            cut_connections(url)
            tx.insert_many(ISSUES, rows("after"))

    with pytest.raises(StoreUnavailable):
        load()
    assert number_of_issues(own_store) == 0


def test_a_connection_lost_at_commit_is_503_and_the_same_id_settles_it(
    own_store: Store, tmp_path: Path
) -> None:
    """Nobody knows whether it was kept; sent again under its id it is there once."""
    url = own_store._source[0]  # type: ignore[attr-defined]
    client = client_of(own_store, tmp_path)
    engine = own_store._engine  # type: ignore[attr-defined]
    cuts: list[str] = []
    client.get("/api/areas")  # what is read first is known now

    def cut(_: object) -> None:
        if not cuts:
            cuts.append(url)
            cut_connections(url)

    event.listen(engine, "commit", cut)
    lost = client.post("/api/issues", json=report(1))
    assert (lost.status_code, lost.headers["retry-after"].isdigit()) == (503, True)
    assert client.post("/api/issues", json=report(1)).status_code in (200, 201)
    assert number_of_issues(own_store) == 1


def test_a_full_tablespace_is_507_and_on_again(
    running: Database, make_disk: Callable[[int], SmallDisk], tmp_path: Path
) -> None:
    disk = make_disk(64)
    place = disk.folder / "space"
    place.mkdir()
    owner = server_user()
    if owner:
        os.chown(place, pwd.getpwnam(owner).pw_uid, -1)
    url = fresh_database(running.cluster.url)
    with administration(running.cluster.url) as cursor:
        cursor.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
        cursor.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET TABLESPACE small")
    store = open_store(url)
    try:
        prepare(store)
        client = client_of(store, tmp_path)
        assert client.post("/api/issues", json=report(1)).status_code == 201
        disk.fill()
        statuses = [client.post("/api/issues", json=report(number)) for number in range(2, 400)]
        full = next(answer for answer in statuses if answer.status_code != 201)
        assert (full.status_code, full.json()["type"]) == (507, "urn:gridgov:problem:store-full")
        assert full.headers["retry-after"].isdigit()
        assert client.get("/api/areas").status_code == 200
        disk.make_room()
        kept = sum(answer.status_code == 201 for answer in statuses) + 1
        assert number_of_issues(store) == kept
        assert client.post("/api/issues", json=report(999)).status_code == 201
    finally:
        store.close()
        with administration(running.cluster.url) as cursor:
            cursor.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
            cursor.execute("DROP TABLESPACE small")


def test_a_standby_is_read_and_written_again_once_it_is_promoted(
    own_store: Store, running: Database, tmp_path: Path
) -> None:
    client = client_of(own_store, tmp_path)
    assert client.post("/api/issues", json=report(1)).status_code == 201
    running.stop_at_once()
    (running.cluster.folder / "data" / "standby.signal").touch()
    running.start()
    assert client.get("/api/areas").status_code == 200
    refused = client.post("/api/issues", json=report(2))
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:gridgov:problem:store-read-only")
    with administration(running.cluster.url) as cursor:
        cursor.execute("SELECT pg_promote(true, 30)")
    assert client.post("/api/issues", json=report(2)).status_code == 201


def test_a_server_without_free_connections_is_503(
    own_store: Store, running: Database, tmp_path: Path
) -> None:
    url = own_store._source[0]  # type: ignore[attr-defined]
    own_store.close()
    held = []
    with contextlib.suppress(psycopg2.OperationalError):
        while True:
            held.append(psycopg2.connect(with_database(url, "postgres")))
    try:
        client = client_of(own_store, tmp_path)
        answer = client.get("/api/areas")
        assert (answer.status_code, answer.headers["retry-after"].isdigit()) == (503, True)
    finally:
        for connection in held:
            connection.close()
    time.sleep(0.2)
    assert client.get("/api/areas").status_code == 200


def test_many_waiting_for_one_lock_are_told_busy_in_time(own_store: Store, tmp_path: Path) -> None:
    client = client_of(own_store, tmp_path)
    client.post("/api/issues", json=report(1))
    told: list[int] = []
    with own_store.begin(SYSTEM, NOW, write=True) as tx:
        tx.reserve(ISSUES)
        since = time.monotonic()
        asking = [
            threading.Thread(
                target=lambda number=number: told.append(
                    client.post("/api/issues", json=report(number)).status_code
                )
            )
            for number in range(2, 5)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert time.monotonic() - since < 3 * WAIT_SECONDS
    assert told == [503, 503, 503]
    assert client.post("/api/issues", json=report(2)).status_code == 201


def test_the_service_does_not_start_without_its_database_and_says_so_in_one_line(
    own_store: Store, running: Database
) -> None:
    """Whoever supervises it starts it again; it would only hide from them that it cannot serve."""
    running.stop_at_once()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GRIDGOV_")},
        "GRIDGOV_DATABASE_URL": own_store._source[0],  # type: ignore[attr-defined]
        "GRIDGOV_SECRET": "a secret of this test and of nothing else",
    }
    done = subprocess.run(
        [*GRIDGOV, "serve"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "gridgov: The database does not answer; try again in a moment."
    assert sys.executable not in done.stderr
