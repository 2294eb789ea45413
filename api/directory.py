"""What every request asks of the store first: zones, sessions, tokens, areas. Kept in memory for under a second."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import replace

from api import bearers, sessions
from api.memory import Memory, Moment
from gridgov.access import Scope
from gridgov.areas import descendants
from gridgov.errors import NotFound, StoreProblem
from gridgov.models import AREAS
from gridgov.store import Store
from gridgov.store.queries import accounts
from gridgov.store.queries.audit import REFUSED, record_audit
from gridgov.store.queries.zones import Zone, list_zones


class Directory:
    """A short memory over the store, safe for threads."""

    def __init__(self, store: Store, default_zone: str, ticks: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._default = default_zone
        self._memory = Memory(ticks)

    def zone(self, name: str, now: dt.datetime) -> Zone:
        """The zone of this name; "" means the default one or the only one. Raises NotFound that says what there is."""
        known: dict[str, Zone] = self._memory.get("zones", now, lambda: self._zones(now))
        wanted = name or self._default or (next(iter(known)) if len(known) == 1 else "")
        if wanted in known:
            return known[wanted]
        if wanted:
            raise NotFound(f"There is no zone “{wanted}” here.", zone=wanted)
        message = (
            "This service has several zones; put /z/ and the zone's key in front of the path."
            if known
            else "This service has no zone yet; `gridgov seed` or `gridgov init --zone` makes one."
        )
        raise NotFound(message)

    def _zones(self, now: dt.datetime) -> dict[str, Zone]:
        with self._store.begin(Scope.system(""), now) as tx:
            return {zone.zone: zone for zone in list_zones(tx)}

    def session(self, zone: str, token: str, now: dt.datetime) -> tuple[sessions.Session, Moment] | None:
        """The living session of a token, and since when it is known to live; None when there is none.

        A new token replaces the older ones; a copied one ends its whole family. Raises StoreProblem.
        """
        key = (zone, sessions.hash_token(token))
        found: sessions.Session | None
        found, since = self._memory.dated(key, now, lambda: self._session(zone, token, now))
        if found is None or found.expires_at <= now:
            return None
        if found.copied(now):
            with self._store.begin(Scope.system(zone), now, write=True) as tx:
                accounts.revoke_sessions(tx, family=found.family)
                record_audit(tx, "session:copied", found.user_id, outcome=REFUSED)
            self.forget_all()
            return None
        if found.older:
            self._replace_older(zone, found, now)
            found = replace(found, older=False)
            self._memory.amend(key, found, since)  # also when it failed: tried again once this is forgotten
        return found, since

    def _replace_older(self, zone: str, session: sessions.Session, now: dt.datetime) -> None:
        try:
            with self._store.begin(Scope.system(zone), now, write=True) as tx:
                accounts.replace_older_tokens(tx, session.family, session.created_at)
        except StoreProblem:
            return  # a store that cannot be written to can still be read

    def _session(self, zone: str, token: str, now: dt.datetime) -> sessions.Session | None:
        with self._store.begin(Scope.system(zone), now) as tx:
            return sessions.read(tx, token)

    def bearer(self, zone: str, token_hash: str, now: dt.datetime) -> tuple[bearers.Bearer, Moment] | None:
        """The living service token with this hash, and since when it is known to live.

        None when it is unknown in the zone or has ended.
        """
        key = (zone, "token", token_hash)
        found: bearers.Bearer | None
        found, since = self._memory.dated(key, now, lambda: self._bearer(zone, token_hash, now))
        return None if found is None or found.ended(now) else (found, since)

    def _bearer(self, zone: str, token_hash: str, now: dt.datetime) -> bearers.Bearer | None:
        with self._store.begin(Scope.system(zone), now) as tx:
            return bearers.read(tx, token_hash)

    def may_renew(self, family: str, now: dt.datetime) -> bool:
        """Whether a sign-in did not just try for a new token: one of several requests at once is enough."""
        if self._memory.peek(("renewed", family), now):
            return False
        self._memory.put(("renewed", family), now, value=True)
        return True

    def areas_below(self, zone: str, codes: tuple[str, ...], now: dt.datetime) -> frozenset[str]:
        """Ids of the areas with these codes and of everything below them."""
        if not codes:
            return frozenset()
        found: frozenset[str] = self._memory.get((zone, codes), now, lambda: self._areas(zone, codes, now))
        return found

    def _areas(self, zone: str, codes: tuple[str, ...], now: dt.datetime) -> frozenset[str]:
        with self._store.begin(Scope.system(zone), now) as tx:
            loaded = tx.every(AREAS, ("id", "code", "parent_id")).columns
        rows = [
            {"id": own, "parent_id": parent}
            for own, parent in zip(loaded["id"], loaded["parent_id"], strict=True)
        ]
        named = zip(loaded["id"], loaded["code"], strict=True)
        return descendants(rows, frozenset(own for own, code in named if code in codes))

    def fresh(self, since: Moment, now: dt.datetime) -> bool:
        """Whether a right that was read at that moment need not be asked about again."""
        return self._memory.fresh(since, now)

    def forget_all(self) -> None:
        """Ask the store again about everything; after a change of accounts or tokens."""
        self._memory.clear()
