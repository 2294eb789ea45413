"""The linkers in memory, one per zone and edition set, shared by all threads of a worker."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from threading import Lock
from typing import Any

import numpy as np
import shapely

from gridgov.serving.linking.link import Linker

Areas = Iterable[Mapping[str, Any]]


class Linkers:
    """A small cache; the least recently used linker beyond `capacity` is let go. Safe for threads.

    built: told of each linker that was built, in the thread that built it.
    """

    def __init__(self, capacity: int = 8, built: Callable[[Linker], None] | None = None) -> None:
        self.built = built
        self._capacity = capacity
        self._lock = Lock()
        self._linkers: OrderedDict[tuple[str, int], Future[Linker]] = OrderedDict()

    def get(self, zone: str, edition_set: int, load: Callable[[], Areas]) -> Linker:
        """The linker; the first caller loads the areas and builds it, others wait for it.

        load: gives the areas as `Linker.build` takes them. What it raises every waiting caller gets, and
        nothing stays.
        """
        key = (zone, edition_set)
        with self._lock:
            kept = self._linkers.get(key)
            if kept is not None:
                self._linkers.move_to_end(key)
            else:
                made = self._linkers[key] = Future()
                while len(self._linkers) > self._capacity:
                    self._linkers.popitem(last=False)
        if kept is not None:
            return kept.result()
        try:
            linker = Linker.build(zone, edition_set, load())
        except BaseException as problem:
            with self._lock:
                if self._linkers.get(key) is made:
                    del self._linkers[key]
            made.set_exception(problem)
            raise
        made.set_result(linker)
        if self.built is not None:
            self.built(linker)
        return linker

    def __len__(self) -> int:
        return len(self._linkers)


def warm() -> None:
    """Compile what linking needs, or load it from numba's cache, so that no request waits for it."""
    squares = [
        {
            "id": str(i),
            "code": str(i),
            "kind": "grid",
            "parent_id": None,
            "geometry": shapely.box(i, 0, i + 1, 1),
        }
        for i in range(2)
    ]
    linker = Linker.build("", 0, squares)
    linker.link(0.5, 0.5)
    linker.link_many(np.array([0.5, 3.0]), np.array([0.5, 3.0]))
