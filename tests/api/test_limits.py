"""What a client may take of the service: time, connections, lengths and depths. Slow clients are sent away."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api import hot, observing
from api.app import create_app
from api.reception import HEAD_MAX_BYTES, Reception
from api.serving import make_server
from gridgov.settings import Settings
from gridgov.store import Store
from tests.api.conftest import Clock, parcel
from tests.fixtures_store import ZONE

PATIENCE_S = 0.6
Connect = Callable[[], socket.socket]


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """Limits stand before the store."""
    return sqlite_store


@pytest.fixture
def served(store: Store, settings: Settings, clock: Clock) -> FastAPI:
    return create_app(
        settings.model_copy(update={"request_seconds": PATIENCE_S, "job_threads": 0}), store, clock
    )


@pytest.fixture
def connect(served: FastAPI) -> Iterator[Connect]:
    """Opens connections to the service as it is really served, with little patience."""
    patient = Reception.patience_s, Reception.most
    app = served
    server = make_server(app, app.state.service.settings)
    listener = socket.create_server(("127.0.0.1", 0))
    place = listener.getsockname()
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.01)
    opened: list[socket.socket] = []

    def make() -> socket.socket:
        opened.append(socket.create_connection(place, timeout=10))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
    server.should_exit = True
    thread.join(10)
    Reception.patience_s, Reception.most = patient


def rest(connection: socket.socket) -> bytes:
    """Everything until the service closes the connection."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def drip(connection: socket.socket, data: bytes, seconds: float) -> float:
    """Send byte after byte until the other side closes; returns how long that took."""
    started = time.monotonic()
    try:
        for index in range(len(data)):
            if time.monotonic() - started > seconds:
                break
            connection.sendall(data[index : index + 1])
            time.sleep(0.05)
    except OSError:
        pass
    return time.monotonic() - started


HEAD = b"POST /api/issues HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@pytest.mark.parametrize(
    ("before", "dripped"),
    [
        (b"", b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 1_000),
        (HEAD, b"{" + b" " * 1_000),
        (HEAD.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked"), b"1\r\n \r\n" * 200),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /livez HTTP/1.1\r\nX: " + b"a" * 1_000),
    ],
    ids=["head", "body", "chunks", "second request"],
)
def test_a_request_that_drips_is_ended_in_time(connect: Connect, before: bytes, dripped: bytes) -> None:
    connection = connect()
    connection.sendall(before)
    took = drip(connection, dripped, 6 * PATIENCE_S)
    assert PATIENCE_S * 0.8 < took < 4 * PATIENCE_S
    assert b" 500 " not in rest(connection)


@pytest.mark.parametrize("part", [b"GET /livez HTTP/1.1\r\nHost:", HEAD, HEAD + b"{"])
def test_a_request_that_stays_away_is_answered_408_and_is_no_fault_of_ours(
    connect: Connect, part: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect()
    connection.sendall(part)
    assert rest(connection).startswith(b"HTTP/1.1 408 ")
    time.sleep(0.1)
    assert [record.message for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


def test_who_leaves_in_the_middle_of_a_body_is_no_fault_of_ours(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect()
    connection.sendall(HEAD + b"{")
    time.sleep(0.1)
    connection.close()
    time.sleep(0.2)
    assert [record.message for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


def test_who_connects_and_says_nothing_is_let_go(connect: Connect) -> None:
    started = time.monotonic()
    assert rest(connect()) == b""
    assert time.monotonic() - started < 4 * PATIENCE_S


def test_a_large_body_that_keeps_coming_may_take_longer(connect: Connect) -> None:
    """1.5 s at 80 KB/s: beyond the patience, but far from a drip."""
    body = json.dumps(parcel()).encode()
    size = 120_000
    connection = connect()
    connection.sendall(HEAD.replace(b"100000", str(size + len(body)).encode()))
    for _ in range(12):
        connection.sendall(b" " * (size // 12))
        time.sleep(0.125)
    connection.sendall(body)
    connection.settimeout(5)
    assert connection.recv(100).startswith(b"HTTP/1.1 4")  # refused for what it says, not for its time


def test_who_never_reads_the_answer_is_cut_off(connect: Connect) -> None:
    connection = connect()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    ask = b"GET /assets/vendor/leaflet/leaflet.js HTTP/1.1\r\nHost: x\r\n\r\n"
    started = time.monotonic()
    try:
        while time.monotonic() - started < 8 * PATIENCE_S:
            connection.sendall(ask)
            time.sleep(0.005)
    except OSError:
        pass
    assert time.monotonic() - started < 8 * PATIENCE_S


def test_headers_are_bounded(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (2 * HEAD_MAX_BYTES))
    assert b" 400 " in rest(connection).splitlines()[0]


def test_more_connections_than_are_held_are_told_so(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reception, "most", 3)
    held = [connect() for _ in range(3)]
    time.sleep(0.1)
    told = rest(connect())
    assert told.startswith(b"HTTP/1.1 503")
    assert b"retry-after" in told
    held[0].sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert held[0].recv(100).startswith(b"HTTP/1.1 200")


def test_a_query_is_bounded(client: TestClient) -> None:
    assert client.get("/api/parcels?q=" + "a" * (hot.QUERY_MAX_BYTES - 2)).status_code == 400
    answer = client.get("/api/parcels?q=" + "a" * hot.QUERY_MAX_BYTES)
    assert (answer.status_code, answer.json()["type"]) == (414, "urn:gridgov:problem:address-too-long")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("depth", [hot.JSON_DEPTH, 200, 800, 5_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]"), ('[{"a":', "}]")])
def test_a_body_nests_no_deeper_than_anything_here_reads(
    admin: TestClient, depth: int, opening: str, closing: str
) -> None:
    body = '{"code": "DK-1", "geometry": ' + opening * depth + "1" + closing * depth + "}"
    answer = admin.post("/api/parcels", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text[:300]


def test_what_is_deep_enough_for_geojson_passes() -> None:
    shape: object = [113.3, 33.7]
    for _ in range(6):
        shape = [shape]
    hot.check_depth({"features": [{"geometry": {"geometries": [{"coordinates": shape}]}}]})


def test_too_many_requests_at_once_are_told_when_to_come_back(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/api/parcels").status_code == 200
    around = client.app.middleware_stack  # type: ignore[attr-defined]  # the client knows its app as any ASGI app
    assert isinstance(around, observing.Observed)
    monkeypatch.setattr(around, "under_way", around.most)
    answer = client.get("/api/parcels")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:gridgov:problem:too-busy")
    assert int(answer.headers["retry-after"]) >= 1
    assert client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/session", 64 * 1024),
        ("/api/users", 64 * 1024),
        ("/api/tokens", 64 * 1024),
        ("/api/issues", 256 * 1024),
        (f"/z/{ZONE}/api/issues", 256 * 1024),
        ("/api/units", 256 * 1024),
        ("/api/parcels", 20 * 1024**2),
        ("/api/facilities", 20 * 1024**2),
    ],
)
def test_a_body_is_no_longer_than_what_its_address_reads(admin: TestClient, path: str, limit: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = admin.post(path, content=b"[" + b" " * (limit - 2) + b"]", headers=headers)
    assert (answer.status_code, "must be a JSON object" in answer.text) == (400, True)
    answer = admin.post(path, content=b"[" + b" " * (limit - 1) + b"]", headers=headers)
    assert (answer.status_code, answer.json()["details"]) == (413, {"limit": limit})


SIGN_IN = HEAD.replace(b"/api/issues", b"/api/session").replace(b"100000", b"1000")
ASK = b"GET /api/parcels HTTP/1.1\r\nHost: x\r\n\r\n"


def test_of_one_address_so_many_bodies_may_be_on_their_way(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "MOST_ARRIVING", 3)
    slow = [connect() for _ in range(3)]
    for each in slow:
        each.sendall(SIGN_IN + b"{")
    time.sleep(0.2)
    refused = connect()
    refused.sendall(SIGN_IN + b"{")
    told = refused.recv(2_000)
    assert told.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: 2" in told.lower()
    asked = connect()
    asked.sendall(ASK)
    assert asked.recv(100).startswith(b"HTTP/1.1 200 ")
    slow[0].sendall(b"}" + b" " * 998)
    assert slow[0].recv(100).startswith(b"HTTP/1.1 400 ")
    slow[1].close()
    time.sleep(0.1)
    for each in (connect(), connect()):  # those two have made room
        each.sendall(SIGN_IN + b"}" + b" " * 999)
        assert each.recv(100).startswith(b"HTTP/1.1 400 ")


def test_who_sends_slowly_takes_nobody_s_room(
    served: FastAPI, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    connection.sendall(ASK)
    assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    around = served.middleware_stack
    assert isinstance(around, observing.Observed)
    monkeypatch.setattr(around, "most", 2)
    slow = [connect() for _ in range(5)]
    for each in slow:
        each.sendall(SIGN_IN + b"{")
    time.sleep(0.2)
    asked = connect()
    asked.sendall(ASK)
    assert asked.recv(100).startswith(b"HTTP/1.1 200 ")
    for each in slow:
        each.close()
    time.sleep(0.2)
    assert (around.under_way, dict(around.arriving)) == (0, {})


def test_only_the_process_s_own_addresses_are_answered_when_it_is_too_busy(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/livez").status_code == 200
    around = client.app.middleware_stack  # type: ignore[attr-defined]  # the client knows its app as any ASGI app
    monkeypatch.setattr(around, "under_way", around.most)
    for path in ("/api/parcels/livez", "/x/metrics", "/assets/readyz", f"/z/{ZONE}/healthz"):
        assert client.get(path).status_code == 503
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/metrics"])
def test_the_process_s_own_addresses_have_no_zone(
    settings: Settings, store: Store, clock: Clock, path: str
) -> None:
    """A proxy that keeps /metrics from strangers need not know of zones."""
    app = create_app(settings.model_copy(update={"root_path": "/map"}), store, clock)
    here = TestClient(app, client=("127.0.0.1", 1))
    assert here.get(path).status_code == 200
    assert here.get(f"/map{path}").status_code == 200
    assert here.get(f"/z/{ZONE}{path}").status_code == 404
    assert here.get(f"/map/z/{ZONE}{path}").status_code == 404
