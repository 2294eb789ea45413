"""Several processes on one socket: one that is killed is replaced, numbers are told together, none is left behind."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from api import serving
from gridgov.errors import ConfigurationProblem
from gridgov.settings import Settings
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


class Mortal:
    """A serving process that is alive as long as the test says."""

    pid = None
    exitcode = 3

    def __init__(self) -> None:
        self.sentinel, self._end = os.pipe()

    def start(self) -> None:
        pass

    def join(self, _: float = 0) -> None:
        pass

    def die(self) -> None:
        if self._end >= 0:
            os.close(self._end)
            self._end = -1

    terminate = kill = die

    def is_alive(self) -> bool:
        return self._end >= 0


@pytest.fixture
def supervised(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[serving.Supervisor, list[Mortal]]]:
    """A supervisor of two processes at work in a thread, and every process it made; the first ones die at once."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(serving, "name_numbers_folder", lambda _: None)
    made: list[Mortal] = []
    supervisor = serving.Supervisor(
        settings.model_copy(update={"workers": 2}), socket.create_server(("127.0.0.1", 0)), tmp_path
    )

    class Context:
        def Process(self, **_: Any) -> Mortal:  # noqa: N802 (as multiprocessing names it)
            made.append(Mortal())
            return made[-1]

    monkeypatch.setattr(supervisor, "_context", Context())
    thread = threading.Thread(target=supervisor.run, daemon=True)
    thread.start()
    yield supervisor, made
    supervisor._stop(0, None)
    thread.join(2)
    assert not thread.is_alive(), "the supervisor did not hear that it is to stop"
    for each in made:
        os.close(each.sentinel)


def test_each_process_has_a_pause_of_its_own_and_the_supervisor_hears_during_it(
    supervised: tuple[serving.Supervisor, list[Mortal]],
) -> None:
    _, made = supervised
    until(lambda: len(made) == 2, "they were not started")
    for number in range(2, 5):  # pauses of 0.5, 1 and 2 s
        made[0 if number == 2 else number - 1].die()
        if number < 4:
            until(lambda wanted=number: len(made) == wanted + 1, "the dead process was not replaced")  # type: ignore[misc]
    time.sleep(0.4)  # the first place waits for 2 s now
    started = time.monotonic()
    made[1].die()
    until(lambda: len(made) == 5, "the second place was not filled")
    assert time.monotonic() - started < 1.2, "it had to wait for the other's pause"


def test_a_name_that_nobody_knows_is_told_in_words(settings: Settings) -> None:
    unknown = settings.model_copy(update={"host": "no-such-host.invalid", "port": 8000})
    with pytest.raises(ConfigurationProblem, match=r"no-such-host\.invalid port 8000: \w+") as told:
        serving.listen(unknown)
    assert "Unknown error" not in told.value.message


def test_a_port_that_is_taken_is_told_in_words(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationProblem, match=f"port {port}: Address already in use"):
            serving.listen(settings.model_copy(update={"host": "127.0.0.1", "port": port}))
