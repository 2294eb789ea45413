"""SIGTERM under load: every request has its answer or had no effect, and what was acknowledged is there."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from api.passwords import add_account
from gridgov.access import Scope
from gridgov.models import PARCELS
from gridgov.store import Store
from gridgov.store.queries import jobs
from tests.api.conftest import PASSWORD, parcel
from tests.fixtures_store import NOW, ZONE
from tests.throwaway_postgres import free_port

WRITERS = 8
STOP_SECONDS = 4
START_S = 60.0
ROOT = Path(__file__).resolve().parents[2]
GRIDGOV = (sys.executable, "-c", "from api.cli import main; main()")


@dataclass
class Service:
    """`gridgov serve` as a process of its own."""

    settings: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    command: tuple[str, ...] = GRIDGOV

    def start(self) -> None:
        """Start it and wait until it is ready."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GRIDGOV_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "serve", "--port", str(self.port)],
                env={**clean, **self.settings}, stdout=log, stderr=log, cwd=ROOT,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while self.status() != 200:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, self.log.read_text(encoding="utf-8")
            time.sleep(0.05)

    def status(self, path: str = "/readyz") -> int:
        """What it answers; 0 for nothing."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0

    def stop(self) -> int:
        """Wait until it has ended; its exit code."""
        assert self.process is not None
        return self.process.wait(STOP_SECONDS + 20)


@dataclass
class Load:
    """Writers with connections that they keep, and what became of each of their requests."""

    port: int
    cookie: str
    done: threading.Event = field(default_factory=threading.Event)
    written: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    others: list[tuple[int, str]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def run(self) -> None:
        """Write until told to end."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            while not self.done.is_set():
                try:
                    if connection.sock is None:
                        connection.connect()
                except OSError:
                    time.sleep(0.02)  # nobody there: nothing was sent
                    continue
                self.write(connection, str(uuid.uuid4()))

    def write(self, connection: http.client.HTTPConnection, identifier: str) -> None:
        """One parcel."""
        body = json.dumps(parcel(next(self.numbers), id=identifier))
        try:
            connection.request("POST", "/api/parcels", body, self.headers())
            answer = connection.getresponse()
            told = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.unanswered.add(identifier)
            connection.close()
            return
        if answer.status == 201:
            self.written.add(identifier)
        else:
            self.others.append((answer.status, told[:300]))

    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "Cookie": self.cookie}


@pytest.fixture
def make_service(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Service]]:
    made: list[Service] = []
    url = store.url if store.url.startswith("sqlite") else str(store._source[0])  # type: ignore[attr-defined]

    def make(command: tuple[str, ...] = GRIDGOV, **settings: Any) -> Service:
        given = {
            "database_url": url, "secret": "a secret of this test and of nothing else", "log_format": "json",
            "attachments_url": f"file://{tmp_path}/files", "stop_seconds": STOP_SECONDS, **settings,
        }  # fmt: skip
        named = {f"GRIDGOV_{name.upper()}": str(value) for name, value in given.items()}
        made.append(Service(named, tmp_path / "service.log", command=command))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        if each.process is not None and each.process.poll() is None:
            each.process.kill()
            each.process.wait(10)


def signed_in(store: Store, service: Service) -> str:
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        add_account(tx, "writer", PASSWORD, "staff", "测试", (), None)
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        body = json.dumps({"login": "writer", "password": PASSWORD})
        connection.request("POST", "/api/session", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return str(answer.headers["set-cookie"]).split(";")[0]


def half_sent(service: Service, cookie: str, identifier: str) -> tuple[socket.socket, bytes]:
    """A request whose body is only half there, and the other half."""
    body = json.dumps(parcel(999_999, id=identifier)).encode()
    head = f"POST /api/parcels HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nCookie: {cookie}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=15)
    connection.sendall(head.encode() + body[:50])
    return connection, body[50:]


def words_on_the_way_out(service: Service) -> set[int]:
    """What /readyz says from the signal until nobody answers any more."""
    assert service.process is not None
    service.process.send_signal(signal.SIGTERM)
    told = {service.status()}
    while 0 not in told:
        time.sleep(0.02)
        told.add(service.status())
    return told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "workers"),
    [("sqlite", 1), pytest.param("postgis", 2, marks=pytest.mark.postgis)],
    indirect=["store"],
)
def test_no_request_is_lost_when_the_service_stops_and_starts_under_load(
    store: Store, make_service: Callable[..., Service], workers: int
) -> None:
    service = make_service(workers=workers)
    load = Load(service.port, signed_in(store, service))
    writers = [threading.Thread(target=load.run, daemon=True) for _ in range(WRITERS)]
    for each in writers:
        each.start()
    time.sleep(0.7)
    late, before = str(uuid.uuid4()), len(load.written)
    slow, second_half = half_sent(service, load.cookie, late)
    with slow:
        time.sleep(0.1)
        assert 503 in words_on_the_way_out(service), "it did not say first that it stops"
        slow.sendall(second_half)
        assert slow.recv(100).startswith(b"HTTP/1.1 201"), "a request under way was cut off"
    assert service.stop() == 0
    during = len(load.written)
    service.start()
    time.sleep(0.7)
    load.done.set()
    for each in writers:
        each.join(30)
    words_on_the_way_out(service)
    assert service.stop() == 0
    with store.begin(Scope.system(ZONE), NOW) as tx:
        there = set(tx.every(PARCELS, ["id"]).columns["id"])
    assert load.others == []
    assert 0 < before < during < len(load.written)
    assert there == {*load.written, late}
    assert not there & load.unanswered


# `gridgov` with a kind of job whose handler hears nothing for two minutes.
DEAF = """
import sys, time
from pathlib import Path
from api.cli import main
from gridgov import tasks

def sleep(run):
    Path(run.job.payload["mark"]).touch()
    time.sleep(120)

tasks.HANDLERS = {**tasks.HANDLERS, "sleep": sleep}
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_one_time_for_all_a_deaf_job_and_half_a_request_keep_no_process(
    store: Store, make_service: Callable[..., Service], tmp_path: Path
) -> None:
    """Requests and jobs have their time together, not one after the other, and nobody waits for threads after it."""
    mark = tmp_path / "the job is at work"
    with store.begin(Scope.system(""), NOW, write=True) as tx:
        job = jobs.enqueue(tx, "sleep", "one", {"mark": str(mark)})
    service = make_service((sys.executable, "-c", DEAF))
    cookie = signed_in(store, service)
    assert service.process is not None
    while not mark.exists():
        assert service.process.poll() is None
        time.sleep(0.05)
    slow, _ = half_sent(service, cookie, str(uuid.uuid4()))
    with slow:
        time.sleep(0.1)
        started = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        told = slow.recv(100)
        assert service.stop() == 0
    took = time.monotonic() - started
    assert STOP_SECONDS - 1 < took < 1.7 * STOP_SECONDS
    assert told.startswith(b"HTTP/1.1 408 ")
    assert "Exception in ASGI application" not in service.log.read_text(encoding="utf-8")
    with store.begin(Scope.system(""), NOW) as tx:
        assert jobs.read_job(tx, job.id).state is jobs.State.WAITING
