"""Several processes on one socket: one that is killed is replaced, numbers are told together, none is left behind."""

from __future__ import annotations

import http.client
import os
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gridgov.store import Store
from tests.api.test_stopping import START_S, Service, make_service

__all__ = ["make_service"]  # the fixture that starts services


def children(service: Service) -> set[int]:
    """The serving processes of a service."""
    assert service.process is not None
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            serving = b"spawn_main" in (folder / "cmdline").read_bytes() and told[0] != "Z"
            if serving and int(told[1]) == service.process.pid:
                found.add(int(folder.name))
    return found


def mapped(process: int) -> Path:
    """The folder where a serving process keeps what it measures."""
    maps = Path(f"/proc/{process}/maps").read_text(encoding="utf-8").splitlines()
    [folder] = {Path(line.split()[-1]).parent for line in maps if line.endswith(".db")}
    return folder


def until(condition: Callable[[], bool], told: str) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < deadline, told
        time.sleep(0.1)


def number(service: Service, name: str) -> float:
    """One measurement, summed over its labels."""
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)) as connection:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_killed_process_is_replaced_and_none_outlives_the_service(
    store: Store, make_service: Callable[..., Service]
) -> None:
    service = make_service(workers=2)
    until(lambda: number(service, "gridgov_processes") == 2, "the second process never served")
    before = number(service, 'gridgov_requests_total{method="GET",route="/api/parcels"')
    for _ in range(20):
        assert service.status("/api/parcels") == 200
    first = children(service)
    assert len(first) == 2
    killed = min(first)
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(children(service) - first) == 1, "the killed process was not replaced")
    until(lambda: number(service, "gridgov_processes") == 2, "the replacement never served")
    told = number(service, 'gridgov_requests_total{method="GET",route="/api/parcels"')
    assert told - before == 20, "what the killed process had counted was lost"
    assert "a serving process ended" in service.log.read_text(encoding="utf-8")
    last = children(service)
    assert service.process is not None
    [numbers] = {mapped(each) for each in last}
    assert numbers.is_dir()
    service.process.kill()
    service.process.wait(10)
    until(lambda: not any(Path(f"/proc/{each}").exists() for each in last), "a process outlived the service")
    assert not numbers.exists(), "what they measured was left behind"
