"""Which link indexes this process has built, against the boundaries that are published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial

from gridgov.access import Scope
from gridgov.records import load_areas
from gridgov.serving.linking import Linker, Linkers
from gridgov.store import Store
from gridgov.store.queries.editions import current_set
from gridgov.store.queries.zones import list_zones


class LinkIndexes:
    """The link indexes of all zones. One that the cache let go meanwhile counts as built: it is built on demand."""

    def __init__(self, store: Store, linkers: Linkers, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._linkers = linkers
        self._clock = clock
        self._built: dict[str, int] = {}

    def note(self, linker: Linker) -> None:
        """An index was just built."""
        self._built[linker.zone] = max(linker.edition_set, self._built.get(linker.zone, 0))

    def behind(self) -> list[str]:
        """The zones whose published boundaries were never built here. Raises StoreProblem."""
        now = self._clock()
        with self._store.begin(Scope.system(""), now) as tx:
            zones = [each.zone for each in list_zones(tx)]
        found = []
        for zone in zones:
            with self._store.begin(Scope.system(zone), now) as tx:
                published = current_set(tx)
            if self._built.get(zone, 0) < published:
                found.append(zone)
        return found

    def build(self) -> None:
        """Build what is behind, so that no report waits for it. Raises StoreProblem, and what unusable areas raise."""
        now = self._clock()
        for zone in self.behind():
            with self._store.begin(Scope.system(zone), now) as tx:
                self._linkers.get(zone, current_set(tx), partial(load_areas, tx))
