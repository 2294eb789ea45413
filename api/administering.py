"""What `gridgov token` and `gridgov audit` do. The operator at the terminal is not asked for a role."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
    """Print the audit log, oldest first; see `gridgov audit`."""
    settings = read_settings()
    with opened(settings) as store:
        begin = _instant(since)
        chosen = pick_zone(store, zone, settings, clock())
        with store.begin(Scope.system(chosen), clock()) as tx:
            found = [shown(row) for row in list_audit(tx, since=begin, limit=None, oldest_first=True)]
    if as_json:
        print_json(found)
        return
    table = Table("at", "actor", "action", "subject", "outcome", "details", box=None)
    for each in found:
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
