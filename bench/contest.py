"""Ways of doing the same, measured turn by turn: each in a process of its own, so that its memory is its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

Run = Callable[[], "Outcome"]

_LEAST_SECONDS = 0.2
_MOST_REPEATS = 15
_LONGEST_SECONDS = 240  # for a turn, or for preparing


@dataclass(frozen=True)
class Surroundings:
    """What a way may use: the data set's folder, a scratch folder, the address of a database (empty when none)."""

    data: Path
    scratch: Path
    postgis: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one turn gave.

    count: how many results, to see that all ways did the same. seconds: of the measured part, None for the whole
    turn. tail: the 99th percentile in seconds where the turn times single calls. rate: show how many a second.
    child_mb: peak of a child process, which then counts instead of this one's.
    """

    count: int
    seconds: float | None = None
    tail: float | None = None
    rate: bool = False
    child_mb: float = 0.0


@dataclass(frozen=True)
class Way:
    """One way. prepare: top-level function; called once in the way's process, returns what is measured.

    database: the PostGIS database it needs, shared by all ways that name it; "" for none. note: what a reader
    of the table should know.
    """

    name: str
    prepare: Callable[[Surroundings], Run]
    database: str = ""
    note: str = ""


class Unavailable(RuntimeError):
    """This way cannot be measured here; the text says why."""


@dataclass
class Row:
    """One line of the table. seconds: one per turn. fault: why there are none."""

    contest: str
    way: str
    seconds: list[float] = field(default_factory=list)
    tail: float | None = None
    count: int | None = None
    rate: bool = False
    peak_mb: float = 0.0
    note: str = ""
    fault: str = ""

    @property
    def median(self) -> float:
        """The median of the turns, in seconds."""
        return statistics.median(self.seconds)


def hold(contest: str, ways: Sequence[tuple[Way, Surroundings]], turns: int, first: int = 1) -> list[Row]:
    """Let the ways take turns (A B C A B C …). The first `first` turns of each warm up and do not count."""
    rows = [Row(contest, way.name, note=way.note) for way, _ in ways]
    context = multiprocessing.get_context("spawn")
    lines: list[Connection] = []
    processes: list[SpawnProcess] = []
    try:
        for (way, surroundings), row in zip(ways, rows, strict=True):
            ours, theirs = context.Pipe()
            processes.append(context.Process(target=_serve, args=(theirs, way, surroundings)))
            processes[-1].start()
            theirs.close()
            lines.append(ours)
            _receive(ours, row)  # one prepares at a time
        _take_turns(lines, rows, turns, first)
        for line, row in zip(lines, rows, strict=True):
            if not row.fault:
                line.send("end")
                row.peak_mb = line.recv()
    finally:
        for process in processes:
            _end(process)
            process.join()
    return rows


def _take_turns(lines: Sequence[Connection], rows: Sequence[Row], turns: int, first: int) -> None:
    for turn in range(first + turns):
        for line, row in zip(lines, rows, strict=True):
            if row.fault:
                continue
            line.send("go")
            answer = _receive(line, row)
            if answer is not None and turn >= first:
                row.seconds.append(answer.seconds or 0.0)
                row.tail, row.count, row.rate = answer.tail, answer.count, answer.rate


def _end(process: SpawnProcess) -> None:
    """End a way's process and what it started; they are a group of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGTERM)


def _receive(line: Connection, row: Row) -> Outcome | None:
    try:
        answer = line.recv() if line.poll(_LONGEST_SECONDS) else f"given up after {_LONGEST_SECONDS} s"
    except EOFError:
        answer = "its process ended"
    if isinstance(answer, str):
        row.fault = answer
        return None
    assert answer is None or isinstance(answer, Outcome)
    return answer


def _serve(line: Connection, way: Way, surroundings: Surroundings) -> None:
    """The way's process: prepare, run at each "go", tell the peak of memory at "end"."""
    child_mb = 0.0
    os.setpgrp()
    try:
        run = way.prepare(surroundings)
        line.send(None)
        while line.recv() == "go":
            outcome = _turn(run)
            child_mb = max(child_mb, outcome.child_mb)
            line.send(outcome)
    except Unavailable as reason:
        line.send(str(reason))
        return
    except Exception as fault:  # noqa: BLE001  a fault of one way is a line of the table, not the end of the others
        line.send(f"{type(fault).__name__}: {fault}")
        return
    line.send(child_mb or peak_mb())


def _turn(run: Run) -> Outcome:
    """One turn: what takes less than _LEAST_SECONDS is repeated and its median counts."""
    spent: list[float] = []
    while not spent or (sum(spent) < _LEAST_SECONDS and len(spent) < _MOST_REPEATS):
        start = time.perf_counter()
        outcome = run()
        took = time.perf_counter() - start
        spent.append(took if outcome.seconds is None else outcome.seconds)
        if outcome.seconds is not None:
            break  # it measures a part of itself, or many calls one by one
    return replace(outcome, seconds=statistics.median(spent))


def peak_mb(process: int | None = None) -> float:
    """The most memory a process (None: this one) has had resident, in MB; 0 when it has gone.

    Read from the kernel's status of the process: what getrusage tells starts with the parent's peak.
    """
    try:
        status = Path(f"/proc/{process or 'self'}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024.0
    return 0.0


def percentiles(nanoseconds: Sequence[int]) -> tuple[float, float]:
    """Median and 99th percentile in seconds of single calls."""
    ordered = sorted(nanoseconds)
    return ordered[len(ordered) // 2] / 1e9, ordered[len(ordered) * 99 // 100] / 1e9
