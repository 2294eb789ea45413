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
class Moment:
    """When the source began to be asked for an answer: by the caller's clock, and by the one that never goes back."""

    at: dt.datetime
    tick: float


@dataclass(frozen=True, slots=True)
class _Kept:
    since: Moment
    value: Any


@dataclass(slots=True)
class _Flight:
    """An answer that one thread is fetching and others wait for."""

    since: Moment
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
        return self.dated(key, now, load)[0]

    def dated(self, key: Any, now: dt.datetime, load: Callable[[], Any]) -> tuple[Any, Moment]:
        """The answer as `get` gives it, with the moment since when it is known. Raises as `load`."""
        with self._lock:
            present = Moment(now, self._ticks())
            kept = self._fresh(key, present)
            if kept is not None:
                return kept.value, kept.since
            flight = self._flights.get(key)
            joined = flight is not None and present.tick - flight.since.tick < _KEPT_S
            if flight is None or not joined:
                flight = self._flights[key] = _Flight(present)
        if joined:
            return flight.future.result(), flight.since
        try:
            value = load()
        except BaseException as error:
            self._land(key, flight)
            flight.future.set_exception(error)
            raise
        self._land(key, flight, value)
        flight.future.set_result(value)
        return value, flight.since

    def fresh(self, since: Moment, now: dt.datetime) -> bool:
        """Whether what was read at that moment may still be taken for true."""
        return _young(since, Moment(now, self._ticks()))

    def peek(self, key: Any, now: dt.datetime) -> Any:
        """The kept answer; None when there is none or it is old."""
        with self._lock:
            kept = self._fresh(key, Moment(now, self._ticks()))
        return None if kept is None else kept.value

    def put(self, key: Any, now: dt.datetime, value: Any) -> None:
        """Keep an answer that is true now."""
        with self._lock:
            self._keep(key, _Kept(Moment(now, self._ticks()), value))

    def amend(self, key: Any, value: Any, since: Moment | None = None) -> None:
        """Set right what is kept, which gets no younger by it; nothing when it is gone.

        since: nothing either when what is kept was read at another moment than this.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and since in (None, kept.since):
                self._kept[key] = replace(kept, value=value)

    def clear(self) -> None:
        """Forget everything, also what is being fetched at this moment."""
        with self._lock:
            self._kept.clear()
            self._flights.clear()

    def _fresh(self, key: Any, present: Moment) -> _Kept | None:
        kept = self._kept.get(key)
        return kept if kept is not None and _young(kept.since, present) else None

    def _land(self, key: Any, flight: _Flight, value: Any = None) -> None:
        """End a flight; what it brings is kept unless somebody asked to forget meanwhile."""
        with self._lock:
            if self._flights.get(key) is not flight:
                return
            del self._flights[key]
            if value is not None:
                self._keep(key, _Kept(flight.since, value))

    def _keep(self, key: Any, kept: _Kept) -> None:
        present = self._ticks()
        if present - self._swept >= _KEPT_S or len(self._kept) >= self._most:
            self._swept = present
            self._kept = {
                each: held for each, held in self._kept.items() if present - held.since.tick < _KEPT_S
            }
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = kept


def _young(since: Moment, present: Moment) -> bool:
    return present.tick - since.tick < _KEPT_S and dt.timedelta() <= present.at - since.at < KEPT
