"""A clock and workers over the store of a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gridgov.jobs import Run, Runner
from gridgov.store import Store
from tests.jobs.kit import Clock, means_of, pour_once

Make = Callable[..., Runner]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worker(store: Store, clock: Clock, tmp_path: Path) -> Make:
    """Makes workers over the store of the test."""

    def make(
        handler: Callable[[Run], None] = pour_once,
        name: str = "first",
        over: Store = store,
        watch_seconds: float = 0.01,
    ) -> Runner:
        means = means_of(over, clock, tmp_path)
        return Runner(means, {"pour": handler}, worker=name, watch_seconds=watch_seconds)

    return make
