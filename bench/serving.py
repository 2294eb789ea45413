"""Reporting issues over HTTP: a service of its own on loopback, eight reporters at once, each report durable."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench.contest import Outcome, Run, Surroundings, Unavailable, Way, peak_mb
from bench.dataset import Dataset
from gridgov.settings import data_folder
from tests.throwaway_postgres import free_port

_REPORTS = 1_500
_REPORTERS = 8
_START_SECONDS = 90


def reports(surroundings: Surroundings) -> Run:
    """The demonstration zone is served; signed-in reporters have no hourly limit."""
    port = free_port()
    store = surroundings.postgis or f"sqlite:///{surroundings.scratch / 'served.gpkg'}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDGOV_")}
    service = subprocess.Popen(
        [sys.executable, "-c", "from api.cli import main; main()", "serve", "--demo", "--port", str(port)],
        env=environment | {"GRIDGOV_DATABASE_URL": store, "GRIDGOV_LOG_LEVEL": "error"},
        stdout=subprocess.DEVNULL,
    )
    cookie = _sign_in(port, service)
    data = Dataset(surroundings.data)
    places = list(zip(data.lon[:_REPORTS].tolist(), data.lat[:_REPORTS].tolist(), strict=True))

    def run() -> Outcome:
        spent: list[float] = []
        parts = [places[number::_REPORTERS] for number in range(_REPORTERS)]
        threads = [threading.Thread(target=_report, args=(port, cookie, part, spent)) for part in parts]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - start
        tail = sorted(spent)[len(spent) * 99 // 100]
        return Outcome(len(spent), seconds / len(spent), tail, rate=True, child_mb=peak_mb(service.pid))

    return run


def _sign_in(port: int, service: subprocess.Popen[bytes]) -> str:
    """The session cookie of the demonstration's first grid worker, once the service answers."""
    deadline = time.monotonic() + _START_SECONDS
    while service.poll() is None and time.monotonic() < deadline:
        try:
            status, _, _ = _ask(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "GET", "/healthz")
        except OSError:
            time.sleep(0.2)
            continue
        if status == 200:
            break
    else:
        raise Unavailable(f"the service did not answer within {_START_SECONDS} s")
    accounts = json.loads((Path(data_folder()) / "seed" / "accounts.json").read_text(encoding="utf-8"))
    account = next(each for each in accounts if each["role"] == "grid_worker")
    body = {"login": account["login"], "password": account["password"]}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    status, cookie, text = _ask(connection, "POST", "/api/session", body)
    if status != 200:
        raise Unavailable(f"signing in gave {status}: {text[:200]}")
    return cookie


def _report(port: int, cookie: str, places: Sequence[tuple[float, float]], spent: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for lon, lat in places:
        body = {"category": "road_damage", "lon": lon, "lat": lat, "accuracy_m": 8.0, "text": "路面破损"}
        start = time.perf_counter()
        status, _, _ = _ask(connection, "POST", "/api/issues", body, cookie)
        if status == 201:
            spent.append(time.perf_counter() - start)


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = None, cookie: str = ""
) -> tuple[int, str, str]:
    """Status, the cookie set, and the text."""
    origin = f"http://{connection.host}:{connection.port}"
    headers = {"Content-Type": "application/json", "Origin": origin} | ({"Cookie": cookie} if cookie else {})
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read().decode()
    return response.status, (response.headers["Set-Cookie"] or "").partition(";")[0], text


WHOLE = f"{_REPORTERS} reporters share the cores with the service"
TO_SQLITE = (Way("gridgov over HTTP", reports, note=WHOLE),)
TO_POSTGIS = (Way("gridgov over HTTP", reports, database="served", note=f"{WHOLE} and the database"),)
