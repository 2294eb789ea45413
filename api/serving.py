"""The serving process: `gridgov serve` as one process or several on one socket, and how each of them stops.

Told to stop, a process first says so on /readyz, goes on taking requests for a quarter of GRIDGOV_STOP_SECONDS while
anybody is connected, ends each connection with its answer, and then finishes what is under way. What it had not
begun to read it never does, so every request either has its answer or had no effect.
"""

from __future__ import annotations

import datetime as dt
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead

from api import journal
from api.app import create_app
from api.commands import opened, seed_store
from api.console import say
from api.hot import checked_root
from api.reception import HEAD_MAX_BYTES, Reception
from gridgov.errors import ConfigurationProblem, GridgovError
from gridgov.seeding import read_json
from gridgov.settings import Settings, name_numbers_folder, read_settings, require_secret

LOG: Final = logging.getLogger("gridgov.serving")
KEEP_ALIVE_S: Final = 75  # longer than proxies keep theirs (60 s): the one that may send again closes first
BACKLOG: Final = 2048
_LOOK_S: Final = 0.3
_PARTING_S: Final = 0.5
_BUSY: Final = ("AnyIO worker thread", "gridgov-job")  # the threads of requests and of jobs
_END_S: Final = 3.0  # for a process to close its store and leave, after its time for requests and jobs
_SHORT_LIFE_S: Final = 10.0
_LONGEST_PAUSE_S: Final = 15.0

Clock = Callable[[], dt.datetime]


def run_serve(
    clock: Clock, demo: bool, host: str | None, port: int | None, workers: int | None = None
) -> None:
    """Serve until stopped; see `gridgov serve`."""
    settings = read_settings(host=host, port=port, workers=workers, demo=demo or None)
    require_secret(settings)
    checked_root(settings.root_path)
    journal.configure(settings)
    with opened(settings) as store:
        if settings.demo:
            store.migrate(clock())
            seed_store(store, clock(), quiet=False, accounts_too=True)
        store.check()
        if settings.workers == 1:
            application = create_app(settings, store)
            with listen(settings) as listener:
                _greet(settings)
                serve(application, settings, listener)
    if settings.workers == 1:
        _leave()
        return
    with listen(settings) as listener, tempfile.TemporaryDirectory(prefix="gridgov-") as folder:
        _greet(settings)
        Supervisor(settings, listener, Path(folder)).run()


def listen(settings: Settings) -> socket.socket:
    """The listening socket. Raises ConfigurationProblem when the address is not to be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        number = error.errno or 0
        # A host's name that cannot be resolved has a number below zero, which is none of the system's.
        told = os.strerror(number) if number > 0 else str(error.strerror).partition(" (")[0]
        raise ConfigurationProblem(
            f"Nothing can listen on {settings.host} port {settings.port}: {told}. "
            "Choose another with --host and --port, or stop what listens there."
        ) from error


def _greet(settings: Settings) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"gridgov listens on http://{host}:{settings.port}{checked_root(settings.root_path)}")
    if settings.demo:
        say("Demonstration accounts (never use them for real data):")
        for account in read_json("accounts.json"):
            label = f"{account['label_zh']} / {account['label_en']}"
            say(f"  {account['login']:<12} {account['password']:<22} {label}")


def serve(application: FastAPI, settings: Settings, listener: socket.socket) -> None:
    """Answer on `listener` until SIGTERM or SIGINT; closes the listener."""
    try:
        make_server(application, settings).run([listener])
    except KeyboardInterrupt:
        LOG.info("interrupted")


def make_server(application: FastAPI, settings: Settings) -> Server:
    """The server of one process, with the limits of the settings."""
    Reception.patience_s = settings.request_seconds
    config = uvicorn.Config(
        application,
        http=Reception,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.stop_seconds,
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
    )
    stopping = application.state.readiness.stopping
    return Server(config, stopping, settings.stop_seconds, application.state.service.runner.ask_to_stop)


class Server(uvicorn.Server):
    """uvicorn's server that goes on listening for a while after SIGTERM, so that nobody meets a closed door first.

    stopping: set at the signal; the app reads it. tell: called soon after it with the seconds that are left, for what
    works beside the requests. SIGINT, or a second SIGTERM, stops without that while.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        stopping: threading.Event,
        stop_seconds: float,
        tell: Callable[[float], None],
    ) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._stop_seconds = stop_seconds
        self._tell = tell
        self._told = False
        self._told_at = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; see the class."""
        if sig != signal.SIGTERM or self._stopping.is_set():
            self._stopping.set()
            super().handle_exit(sig, frame)
            return
        self._told_at = time.monotonic()
        self._stopping.set()

    async def on_tick(self, counter: int) -> bool:
        """Whether to close the door now: once a quarter of the time is over, or nobody is connected."""
        if self._stopping.is_set() and not self._told:
            self._told = True
            self._tell(self._stop_seconds)
        if await super().on_tick(counter):
            return True
        if not self._told_at:
            return False
        passed = time.monotonic() - self._told_at
        if self.server_state.connections and passed < self._stop_seconds / 4:
            return False
        self.config.timeout_graceful_shutdown = max(1, round(self._stop_seconds - passed))
        return True


@dataclass
class _Worker:
    """The place of one serving process. pause: before the next start, seconds; due: the monotonic instant of it."""

    process: SpawnProcess | None = None
    started: float = 0.0
    pause: float = 0.0
    due: float = 0.0


class Supervisor:
    """Keeps the processes of one service alive: one that ends is started anew, after a pause when it lived shortly."""

    def __init__(self, settings: Settings, listener: socket.socket, numbers: Path) -> None:
        self._settings = settings
        self._listener = listener
        self._numbers = numbers
        self._context = multiprocessing.get_context("spawn")
        self._workers = [_Worker() for _ in range(settings.workers)]
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        name_numbers_folder(self._numbers)
        while not self._stopping:
            for each in self._workers:
                if each.process is None and time.monotonic() >= each.due:
                    self._start(each)
            wait([each.process.sentinel for each in self._workers if each.process], timeout=_LOOK_S)
            self._look()
        self._end()

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._stopping = True

    def _start(self, worker: _Worker) -> None:
        told = (self._settings, self._listener, self._numbers)
        worker.process = self._context.Process(target=work, args=told, daemon=False)
        worker.process.start()
        worker.started = time.monotonic()

    def _look(self) -> None:
        for each in self._workers:
            process = each.process
            if process is None or process.is_alive():
                continue
            self._forget(process)
            each.process = None
            if self._stopping:
                continue
            brief = time.monotonic() - each.started < _SHORT_LIFE_S
            each.pause = min(max(0.5, 2 * each.pause), _LONGEST_PAUSE_S) if brief else 0.0
            each.due = time.monotonic() + each.pause
            facts = {"process": process.pid, "exit": process.exitcode, "pause_s": each.pause}
            LOG.warning("a serving process ended; starting another", extra={"facts": facts})

    def _forget(self, process: SpawnProcess) -> None:
        if process.pid is not None:
            mark_process_dead(process.pid, str(self._numbers))  # type: ignore[no-untyped-call]

    def _end(self) -> None:
        processes = [each.process for each in self._workers if each.process]
        for each in processes:
            each.terminate()
        self._listener.close()  # the processes have their own; ours would leave callers waiting
        until = time.monotonic() + self._settings.stop_seconds + self._settings.store_wait_seconds + _END_S
        for each in processes:
            each.join(max(0.1, until - time.monotonic()))
            if each.is_alive():
                each.kill()
                each.join()


def work(settings: Settings, listener: socket.socket, numbers: Path) -> None:
    """One of several serving processes, from its start to its end; it stops when its supervisor is gone."""
    journal.configure(settings)
    threading.Thread(target=_follow, name="follow the supervisor", daemon=True).start()
    try:
        with opened(settings) as store:
            store.check()
            serve(create_app(settings, store, numbers=numbers), settings, listener)
    except GridgovError as error:
        LOG.error("a serving process cannot start", extra={"facts": {"told": error.message}})  # noqa: TRY400 (for people)
        sys.exit(1)
    supervisor = multiprocessing.parent_process()
    if supervisor is not None and not supervisor.is_alive():
        shutil.rmtree(numbers, ignore_errors=True)  # nobody else will
    _leave()


def _leave() -> None:
    """End the process although threads are still at work, when their time is over and everything else is closed.

    Python would wait for them, and some work inside libraries that do not survive its end.
    """
    until = time.monotonic() + _PARTING_S
    others = [each for each in threading.enumerate() if each.name.startswith(_BUSY)]
    for each in others:
        each.join(max(0.0, until - time.monotonic()))
    left = [each.name for each in others if each.is_alive()]
    if left:
        LOG.warning("ended while work went on", extra={"facts": {"threads": len(left)}})
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


def _follow() -> None:
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)
