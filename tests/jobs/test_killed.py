"""A worker killed in the middle, with its effect written but not committed: the next one does it once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridgov.errors import StoreBusy
from gridgov.jobs import Runner
from gridgov.store import Store
from gridgov.store.queries.jobs import State
from tests.jobs.conftest import Make
from tests.jobs.kit import Clock, claim, poured, put, seen

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def victim(store: Store, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The other process, which begins with the first job that is there."""
    address = getattr(store, "_source", (store.url,))[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.victim", address, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate(timeout=30)


def taken_over(runner: Runner) -> bool:
    """Run what is due; the database may need a moment to see that the other process is gone."""
    for _ in range(100):
        try:
            return runner.run_due_once()
        except StoreBusy:
            time.sleep(0.1)
    return False


def test_the_effect_of_a_killed_worker_happens_once(
    store: Store, clock: Clock, worker: Make, request: pytest.FixtureRequest
) -> None:
    job = put(store, clock)
    victim: subprocess.Popen[str] = request.getfixturevalue("victim")
    assert victim.stdout is not None
    assert victim.stdout.readline() == "inside\n"
    assert seen(store, clock, job).worker == "victim"
    victim.kill()
    victim.wait(30)
    assert claim(store, clock) is None, "its lease still goes on"
    clock.forward(seconds=61)
    assert taken_over(worker(name="second"))
    assert not worker(name="third").run_due_once()
    ended = seen(store, clock, job)
    assert (ended.state, ended.attempts, poured(store, clock)) == (State.DONE, 2, 1)
