"""A short memory over slow answers: kept for less than a second, asked for once however many threads want them."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Final

KEPT: Final = dt.timedelta(milliseconds=900)  # so that a revoked session or grant ends within a second
MOST: Final = 10_000
_KEPT_S: Final = KEPT.total_seconds()


@dataclass(frozen=True, slots=True)
class _Kept:
    since: dt.datetime
    tick: float
    value: Any


@dataclass(slots=True)
class _Flight:
    """An answer that one thread is fetching and others wait for."""

    tick: float
    future: Future[Any] = field(default_factory=Future)


class Memory:
    """Answers by key, safe for threads.

    An answer is old when either clock says so: the caller's, and `ticks`, which never goes back. So setting the
    computer's clock back keeps nothing alive. None is never kept: whoever was refused is asked about anew.
    """

    def __init__(self, ticks: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._ticks = ticks
        self._most = most
        self._lock = Lock()
        self._kept: dict[Any, _Kept] = {}
        self._flights: dict[Any, _Flight] = {}
        self._swept = ticks()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Any, now: dt.datetime, load: Callable[[], Any]) -> Any:
        """The kept answer, else what `load` gives; of several threads that ask at once one loads. Raises as `load`."""
        with self._lock:
            tick = self._ticks()
            kept = self._fresh(key, now, tick)
            if kept is not None:
                return kept.value
            flight = self._flights.get(key)
            joined = flight is not None and tick - flight.tick < _KEPT_S
            if flight is None or not joined:
                flight = self._flights[key] = _Flight(tick)
        if joined:
            return flight.future.result()
        try:
            value = load()
        except BaseException as error:
            self._land(key, flight)
            flight.future.set_exception(error)
            raise
        self._land(key, flight, now, value)
        flight.future.set_result(value)
        return value

    def peek(self, key: Any, now: dt.datetime) -> Any:
        """The kept answer; None when there is none or it is old."""
        with self._lock:
            kept = self._fresh(key, now, self._ticks())
        return None if kept is None else kept.value

    def put(self, key: Any, now: dt.datetime, value: Any) -> None:
        """Keep an answer that is true now."""
        with self._lock:
            self._keep(key, _Kept(now, self._ticks(), value))

    def amend(self, key: Any, value: Any) -> None:
        """Set right what is kept, which gets no younger by it; nothing when it is gone."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept[key] = replace(kept, value=value)

    def clear(self) -> None:
        """Forget everything, also what is being fetched at this moment."""
        with self._lock:
            self._kept.clear()
            self._flights.clear()

    def _fresh(self, key: Any, now: dt.datetime, tick: float) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None or tick - kept.tick >= _KEPT_S:
            return None
        return kept if dt.timedelta() <= now - kept.since < KEPT else None

    def _land(self, key: Any, flight: _Flight, now: dt.datetime | None = None, value: Any = None) -> None:
        """End a flight; what it brings is kept unless somebody asked to forget meanwhile."""
        with self._lock:
            if self._flights.get(key) is not flight:
                return
            del self._flights[key]
            if now is not None and value is not None:
                self._keep(key, _Kept(now, flight.tick, value))

    def _keep(self, key: Any, kept: _Kept) -> None:
        present = self._ticks()
        if present - self._swept >= _KEPT_S or len(self._kept) >= self._most:
            self._swept = present
            self._kept = {each: held for each, held in self._kept.items() if present - held.tick < _KEPT_S}
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = kept
