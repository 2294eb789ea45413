"""A real `gridgov serve` as a process of its own on a loopback port, for tests of what stands around the program."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.throwaway_postgres import free_port

START_SECONDS = 90  # compiling the kernels on a busy machine takes a while


@contextmanager
def running(command: list[str], environment: dict[str, str], folder: Path, log: Path) -> Iterator[None]:
    """A process that is asked to end when the block does, and killed when it does not within half a minute."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=output)
        try:
            yield
            assert process.poll() is None, log.read_text(encoding="utf-8")
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def serving(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[int]:
    """The port at which `command`, which ends with serve, listens and answers."""
    port = free_port()
    log = folder / "serve.log"
    given = environment | {"GRIDGOV_HOST": "127.0.0.1", "GRIDGOV_PORT": str(port)}
    with running(command, given, folder, log):
        wait_until(lambda: answers(port), log)
        yield port


def answers(port: int) -> bool:
    """Whether the service at the port says that it is ready."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def wait_until(ready: Callable[[], bool], log: Path) -> None:
    """Return when `ready` says so; AssertionError with the log when it does not in time."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")[-3000:]
        time.sleep(0.05)
