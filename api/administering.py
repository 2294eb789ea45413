"""What `gridgov token` and `gridgov audit` do. The operator at the terminal is not asked for a role."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from api import bearers
from api.audit import shown
from api.commands import opened, pick_zone
from api.console import err, out, print_json, say
from gridgov.access import Scope
from gridgov.errors import InvalidValue, NotFound
from gridgov.models import AREAS
from gridgov.settings import read_settings
from gridgov.store import Store
from gridgov.store.queries import tokens
from gridgov.store.queries.audit import list_audit, record_audit
from gridgov.store.queries.zones import list_zones

Clock = Callable[[], dt.datetime]
Entry = dict[str, Any]
PAGE: Final = 1_000  # entries of the audit log in memory at once


def run_token_add(
    clock: Clock, name: str, role: str, areas: Sequence[str], days: int, zone: str, as_json: bool
) -> None:
    """Make a token and print it, once; see `gridgov token add`. days: 0 for no end."""
    settings = read_settings()
    with opened(settings) as store:
        chosen = pick_zone(store, zone, settings, clock())
        with store.begin(Scope.operator(chosen), clock(), write=True) as tx:
            for code in areas:
                if tx.find(AREAS, code) is None:
                    raise NotFound(f"There is no area with the code {code}.", code=code)
            token, row = bearers.make(tx, name, role, areas, days or None)
    if as_json:
        print_json({**row, "token": token})
        return
    until = f"until {row['expires_at']:%Y-%m-%d}" if row["expires_at"] else "without an end"
    words = f"Made {name} ({role}), {until}. Keep the token now: it is not shown again."
    err.print(words, markup=False, highlight=False, soft_wrap=True)
    say(token)


def run_token_list(clock: Clock, zone: str, as_json: bool) -> None:
    """List the tokens of a zone; see `gridgov token list`."""
    settings = read_settings()
    with opened(settings) as store:
        now = clock()
        chosen = pick_zone(store, zone, settings, now)
        with store.begin(Scope.system(chosen), now) as tx:
            found = tokens.list_tokens(tx)
    if as_json:
        print_json(found)
        return
    table = Table("name", "role", "areas", "made by", "ends", "state", box=None)
    for each in found:
        ends = f"{each['expires_at']:%Y-%m-%d}" if each["expires_at"] else "never"
        where = ", ".join(each["area_codes"])
        words = (each["name"], each["role"], where, each["created_by"], ends, _state(each, now))
        table.add_row(*map(Text, words))
    out.print(table)


def _state(row: dict[str, Any], now: dt.datetime) -> str:
    if row["revoked_at"] is not None:
        return "revoked"
    return "ended" if row["expires_at"] is not None and row["expires_at"] <= now else "in force"


def run_token_revoke(clock: Clock, name: str, zone: str) -> None:
    """Revoke a token by its name; see `gridgov token revoke`."""
    settings = read_settings()
    with opened(settings) as store:
        chosen = pick_zone(store, zone, settings, clock())
        with store.begin(Scope.operator(chosen), clock(), write=True) as tx:
            row = tokens.named_token(tx, name)
            if row is None:
                raise NotFound(f"There is no token “{name}”; `gridgov token list` names them.", name=name)
            bearers.revoke(tx, row)
    say(f"Revoked {name}; within a second no worker takes it any more.")


def run_audit(clock: Clock, since: str, zone: str, as_json: bool) -> None:
    """Print the audit log, oldest first and a page at a time, however long it is; see `gridgov audit`."""
    settings = read_settings()
    with opened(settings) as store:
        begin = _instant(since)
        chosen = pick_zone(store, zone, settings, clock())
        (_print_entries if as_json else _print_tables)(_pages(store, chosen, clock, begin))


def _pages(store: Store, zone: str, clock: Clock, since: dt.datetime | None) -> Iterator[list[Entry]]:
    """The log's entries as they are shown, oldest first; at least one page, which may be empty.

    Each page is a transaction of its own, so that a reader who pauses keeps nothing open. What was in the log before
    the first page is in one of them; of what is written meanwhile, the last page has what it finds.
    """
    after: int | None = None
    while True:
        with store.begin(Scope.system(zone), clock()) as tx:
            rows = list_audit(tx, since=since, after=after, limit=PAGE, oldest_first=True)
        yield [shown(row) for row in rows]
        if len(rows) < PAGE:
            return
        after = rows[-1]["fid"]


def _print_entries(pages: Iterator[list[Entry]]) -> None:
    """One JSON array, with an entry on each line."""
    before = "["
    for page in pages:
        for each in page:
            told = json.dumps({**each, "at": each["at"].isoformat()}, ensure_ascii=False)
            sys.stdout.write(f"{before}\n{told}")
            before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def _print_tables(pages: Iterator[list[Entry]]) -> None:
    for page in pages:
        table = Table("at", "actor", "action", "subject", "outcome", "details", box=None)
        for each in page:
            told = ", ".join(f"{name} {value}" for name, value in (each["details"] or {}).items())
            at = each["at"].isoformat(timespec="seconds")
            words = (at, each["actor"], each["action"], each["subject"] or "", each["outcome"], told)
            table.add_row(*map(Text, words))
        out.print(table)


def note_in_every_zone(store: Store, now: dt.datetime, action: str, details: Mapping[str, Any]) -> None:
    """Note an act of the operator that concerns the whole store in the audit log of each of its zones."""
    with store.begin(Scope.system(""), now) as tx:
        zones = [each.zone for each in list_zones(tx)]
    for zone in zones:
        with store.begin(Scope.operator(zone), now, write=True) as tx:
            record_audit(tx, action, details=details)


def _instant(text: str) -> dt.datetime | None:
    """A day or an instant as ISO 8601; without a zone of time it means UTC. None for no text. Raises InvalidValue."""
    if not text:
        return None
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue(
            f"--since is {text[:40]!r}, but must be a day or an instant such as 2026-11-20 or 2026-11-20T08:00+08:00."
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
