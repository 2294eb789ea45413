"""What `gridgov files` does; api/cli.py has the names of its commands."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

from api.administering import note_in_every_zone
from api.commands import opened
from api.console import print_json, say
from gridgov.attachments import sweep
from gridgov.blobs import open_blobs
from gridgov.ownership import take
from gridgov.settings import read_settings

Clock = Callable[[], dt.datetime]


def run_sweep(clock: Clock, dry_run: bool, as_json: bool) -> None:
    """Take the photos that no record names; see `gridgov files sweep`."""
    settings = read_settings()
    with opened(settings) as store:
        store.check()
        swept = sweep(store, open_blobs(settings, settings.database_url), clock(), dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **dataclasses.asdict(swept)})
        return
    done = "would go" if dry_run else "are gone"
    say(
        f"{swept.photos} photo file(s) that no record names {done}, {swept.bytes:,} bytes; "
        f"{swept.tidied} leftover(s) of files that never arrived whole removed."
    )


def run_own(clock: Clock) -> None:
    """Make the place of files this store's own; see `gridgov files own`."""
    settings = read_settings()
    with opened(settings) as store:
        store.check()
        blobs = open_blobs(settings, settings.database_url)
        take(store, blobs, clock())
        note_in_every_zone(store, clock(), "files:own", {})
    say(f"The files in {blobs.url} belong to {store.url} now; no other store removes any of them.")
