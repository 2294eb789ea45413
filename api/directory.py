"""What every request asks of the store first: zones, sessions, areas. Kept in memory for less than a second."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from threading import Lock
from typing import Any, Final

from api import sessions
from gridgov.access import Scope
from gridgov.areas import descendants
from gridgov.errors import NotFound
from gridgov.models import AREAS
from gridgov.store import Store
from gridgov.store.queries import accounts
from gridgov.store.queries.zones import Zone, list_zones

KEPT: Final = dt.timedelta(milliseconds=900)  # so that a revoked session or grant ends within a second
_MOST: Final = 10_000


class Directory:
    """A short memory over the store, safe for threads."""

    def __init__(self, store: Store, default_zone: str) -> None:
        self._store = store
        self._default = default_zone
        self._lock = Lock()
        self._kept: dict[Any, tuple[dt.datetime, Any]] = {}

    def zone(self, name: str, now: dt.datetime) -> Zone:
        """The zone of this name; "" means the default one or the only one. Raises NotFound that says what there is."""
        known = self._recall("zones", now)
        if known is None:
            with self._store.begin(Scope.system(""), now) as tx:
                known = self._keep("zones", now, {zone.zone: zone for zone in list_zones(tx)})
        wanted = name or self._default or (next(iter(known)) if len(known) == 1 else "")
        if wanted in known:
            found: Zone = known[wanted]
            return found
        if wanted:
            raise NotFound(f"There is no zone “{wanted}” here.", zone=wanted)
        message = (
            "This service has several zones; put /z/ and the zone's key in front of the path."
            if known
            else "This service has no zone yet; `gridgov seed` or `gridgov init --zone` makes one."
        )
        raise NotFound(message)

    def session(self, zone: str, token: str, now: dt.datetime) -> sessions.Session | None:
        """The living session of a token. A new token replaces the older ones; a copied one ends its whole family."""
        key = (zone, sessions.hash_token(token))
        found: sessions.Session | None = self._recall(key, now)
        if found is None:
            with self._store.begin(Scope.system(zone), now) as tx:
                found = sessions.read(tx, token)
            if found is not None:
                self._keep(key, now, found)
        if found is None or found.expires_at <= now:
            return None
        if found.copied(now):
            with self._store.begin(Scope.system(zone), now, write=True) as tx:
                accounts.revoke_sessions(tx, family=found.family)
            self.forget_all()
            return None
        if found.older:
            with self._store.begin(Scope.system(zone), now, write=True) as tx:
                accounts.replace_older_tokens(tx, found.family, found.created_at)
            self._keep(key, now, replace(found, older=False))
        return found

    def may_renew(self, family: str, now: dt.datetime) -> bool:
        """Whether a sign-in did not just try for a new token: one of several requests at once is enough."""
        if self._recall(("renewed", family), now):
            return False
        return bool(self._keep(("renewed", family), now, value=True))

    def areas_below(self, zone: str, codes: tuple[str, ...], now: dt.datetime) -> frozenset[str]:
        """Ids of the areas with these codes and of everything below them."""
        if not codes:
            return frozenset()
        found: frozenset[str] | None = self._recall((zone, codes), now)
        if found is None:
            with self._store.begin(Scope.system(zone), now) as tx:
                loaded = tx.every(AREAS, ("id", "code", "parent_id")).columns
            rows = [
                {"id": own, "parent_id": parent}
                for own, parent in zip(loaded["id"], loaded["parent_id"], strict=True)
            ]
            roots = frozenset(
                own for own, code in zip(loaded["id"], loaded["code"], strict=True) if code in codes
            )
            found = self._keep((zone, codes), now, descendants(rows, roots))
        return found

    def forget_all(self) -> None:
        """Ask the store again about everything; after a change of accounts."""
        with self._lock:
            self._kept.clear()

    def _recall(self, key: Any, now: dt.datetime) -> Any:
        with self._lock:
            since, value = self._kept.get(key, (None, None))
        fresh = since is not None and dt.timedelta() <= now - since < KEPT
        return value if fresh else None

    def _keep(self, key: Any, now: dt.datetime, value: Any) -> Any:
        with self._lock:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = (now, value)
        return value
