"""What is wrong with an installation, in words, and how to mend it: `gridgov check`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from api.checking import machine, told
from api.checking.finding import Finding, Verdict, bad
from api.checking.stores import ownership, store
from api.checking.told import photo_folder, photos
from api.console import out, print_json, say
from gridgov.errors import ConfigurationProblem
from gridgov.settings import Settings, read_settings
from gridgov.store.address import database_parts
from gridgov.store.facts import sqlite_files

_COLOURS = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}


def findings(settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    """Everything that was looked at. Nothing is made or changed: neither the store nor a folder."""
    yield from machines()
    yield from told.configuration(settings)
    yield machine.temporary_room(settings.upload_max_bytes)
    try:
        places = _places(settings)
    except ConfigurationProblem as error:
        yield bad("store", "its address cannot be", error.message)
        return
    yield from machine.rooms(places)
    placed = photos(settings)
    yield placed
    stored = list(store(settings, now))
    yield from stored
    migrated = any(each.what == "migrations" and each.verdict is Verdict.GOOD for each in stored)
    if migrated and placed.verdict is not Verdict.BAD:
        yield ownership(settings, now)


def machines() -> Iterator[Finding]:
    """What does not depend on any setting."""
    yield machine.versions()
    yield machine.spatial_index()
    yield machine.coordinate_systems()
    yield machine.time_zone()
    yield machine.chinese_font()
    yield machine.files()
    yield machine.kernel_cache()


def healthy(found: Iterable[Finding]) -> bool:
    """Whether nothing is bad."""
    return all(each.verdict is not Verdict.BAD for each in found)


def run_check(clock: Callable[[], dt.datetime], as_json: bool) -> None:
    """Look at the installation and print it; see `gridgov check`. Exit code 1 when something is bad."""
    try:
        found = list(findings(read_settings(), clock()))
    except ConfigurationProblem as error:
        found = [*machines(), bad("settings", "not usable", error.message)]
    if as_json:
        print_json([each.as_dict() for each in found])
    else:
        _print(found)
    if not healthy(found):
        raise typer.Exit(1)


def _print(found: list[Finding]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for each in found:
        table.add_row(Text(each.verdict, style=_COLOURS[each.verdict]), Text(each.what), Text(each.found))
        if each.remedy:
            table.add_row("", "", Text(f"→ {each.remedy}"))
    out.print(table)
    counts = {verdict: sum(each.verdict is verdict for each in found) for verdict in Verdict}
    say(f"{counts[Verdict.BAD]} bad, {counts[Verdict.WARNING]} warnings, {counts[Verdict.GOOD]} good.")


def _places(settings: Settings) -> list[Path]:
    """Where gridgov keeps files: the embedded store and photos. Raises ConfigurationProblem for a store nowhere."""
    files = sqlite_files(settings.database_url)
    if files is None:
        database_parts(settings.database_url)
    folder = photo_folder(settings)
    return [*(files[:1] if files else ()), *([folder] if folder else [])]
