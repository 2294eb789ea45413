"""The short memory: never longer than a second by either clock, asked for once, never larger than its bound."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from api.memory import KEPT, Memory
from tests.fixtures_store import NOW

SHORT, LONG = dt.timedelta(milliseconds=800), KEPT


class Ticks:
    """A clock that never goes back, moved by the test."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Something slow that can be asked, and counts how often it was."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.asked = 0

    def __call__(self) -> object:
        self.asked += 1
        return self.value


def test_an_answer_is_kept_for_less_than_a_second() -> None:
    memory, source = Memory(Ticks()), Source("first")
    assert memory.get("key", NOW, source) == "first"
    source.value = "second"
    assert memory.get("key", NOW + SHORT, source) == "first"
    assert memory.get("key", NOW + LONG, source) == "second"
    assert dt.timedelta(seconds=1) > LONG


def test_a_clock_set_back_keeps_nothing_alive() -> None:
    ticks = Ticks()
    memory, source = Memory(ticks), Source("first")
    memory.get("key", NOW, source)
    assert memory.get("key", NOW - dt.timedelta(hours=1), source) == "first"
    assert source.asked == 2  # an answer from the future is none
    ticks.now += 1
    memory.get("key", NOW - dt.timedelta(hours=1), source)  # the clock stands still: only the ticks went on
    assert source.asked == 3


def test_nothing_is_no_answer_to_keep() -> None:
    memory, source = Memory(Ticks()), Source(None)
    assert memory.get("key", NOW, source) is None
    source.value = "now there is one"
    assert memory.get("key", NOW, source) == "now there is one"


def test_setting_an_answer_right_makes_it_no_younger() -> None:
    memory, source = Memory(Ticks()), Source("first")
    memory.get("key", NOW, source)
    memory.amend("key", "mended")
    assert memory.get("key", NOW + SHORT, source) == "mended"
    assert memory.get("key", NOW + LONG, source) == "first"
    memory.amend("unknown", "made up")
    assert memory.peek("unknown", NOW) is None


def test_many_threads_ask_once() -> None:
    memory, together, go = Memory(), Barrier(9), Event()
    asked = []

    def load() -> str:
        asked.append(1)
        go.wait(10)
        return "answer"

    def ask() -> object:
        together.wait(10)
        return memory.get("key", NOW, load)

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(ask) for _ in range(8)]
        together.wait(10)
        go.set()
        assert {each.result(10) for each in answers} == {"answer"}
    assert len(asked) <= 2  # a late thread may come after the first answer was old


def test_a_failure_reaches_everybody_and_is_not_kept() -> None:
    memory, source = Memory(Ticks()), Source("well again")

    def fail() -> object:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        memory.get("key", NOW, fail)
    assert memory.get("key", NOW, source) == "well again"


def test_what_was_fetched_before_forgetting_is_not_kept() -> None:
    memory, source = Memory(Ticks()), Source("after")

    def load() -> str:
        memory.clear()  # somebody signs out while the store answers
        return "before"

    assert memory.get("key", NOW, load) == "before"
    assert memory.get("key", NOW, source) == "after"


def test_nobody_waits_for_a_fetch_that_began_too_long_ago() -> None:
    ticks = Ticks()
    memory, inner = Memory(ticks), Source("fresh")

    def slow() -> str:
        ticks.now += 2
        assert memory.get("key", NOW, inner) == "fresh"  # another request, while this one hangs
        return "stale"

    assert memory.get("key", NOW, slow) == "stale"
    assert memory.get("key", NOW, Source("never asked")) == "fresh"


def test_it_never_grows_beyond_its_bound_and_drops_the_old_first() -> None:
    ticks = Ticks()
    memory = Memory(ticks, most=100)
    for number in range(1_000):
        memory.put(number, NOW, number)
        assert len(memory) <= 100
    ticks.now += 1
    memory.put("one more", NOW, 1)
    assert len(memory) == 1
