"""What `gridgov backup`, `gridgov restore` and `gridgov transfer` do; api/cli.py has their names and arguments."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import typer

from api.administering import note_in_every_zone
from api.commands import opened
from api.console import err, print_json, say
from api.exchanging import progress_bar
from gridgov import backup
from gridgov.blobs import BlobStore, open_blobs
from gridgov.errors import ConfigurationProblem, StoreProblem
from gridgov.settings import Settings, read_settings
from gridgov.store import Store, open_store
from gridgov.store.copying import waits_for_upgrade

Clock = Callable[[], dt.datetime]


def run_backup(clock: Clock, file: Path, verify: bool, as_json: bool) -> None:
    """Make a backup or look one over; exit code 1 when files are missing in it or damaged. See `gridgov backup`."""
    if verify:
        with progress_bar() as bar:
            manifest = backup.verify(file, now=clock(), progress=bar)
        done = "is whole"
    else:
        settings = read_settings()
        # It waits for an import that holds the store longer than a request would.
        with closing(_open(settings, settings.database_url)) as store, progress_bar() as bar:
            blobs = open_blobs(settings, settings.database_url)
            manifest = backup.back_up(store, blobs, file, clock(), settings=settings, progress=bar)
            _note_backup(store, clock(), manifest)
        done = "is made"
    if as_json:
        print_json({"file": str(file), "size": file.stat().st_size, **manifest.summary()})
    else:
        _tell(manifest, f"{file} {done}")
    if not manifest.complete:
        raise typer.Exit(1)


def _note_backup(store: Store, now: dt.datetime, manifest: backup.Manifest) -> None:
    """In the audit log, if there is one and it can be written: a store on a full disk is backed up all the same."""
    if all(table.name != "audit_log" for table in manifest.tables):  # made by an upgrade yet to come
        return
    try:
        note_in_every_zone(store, now, "backup", {"complete": manifest.complete})
    except StoreProblem as error:
        err.print(
            f"The audit log does not tell of this backup: {error.message}", markup=False, soft_wrap=True
        )


def _tell(manifest: backup.Manifest, what: str) -> None:
    told = manifest.summary()
    say(
        f"{what}: {told['rows']} rows in {len(told['tables'])} tables and {told['files']} files, "
        f"as of {told['made_at']}, gridgov {told['gridgov']}, {told['store']}."
    )
    if manifest.erased:
        say(f"{len(manifest.erased)} file(s) were erased while the copy was made and are not in it.")
    if manifest.missing:
        say(
            f"Incomplete: {len(manifest.missing)} file(s) that records name are not where they should be: "
            f"{', '.join(manifest.missing[:5])}. Everything else is in the backup."
        )
    if manifest.damaged:
        say(
            f"Incomplete: {len(manifest.damaged)} photo(s) are damaged, and in the backup as they are: "
            f"{', '.join(manifest.damaged[:5])}. Take them from an older backup."
        )


def run_restore(clock: Clock, file: Path, take_over: bool, as_json: bool) -> None:
    """Put a backup into the empty store of the settings; see `gridgov restore`."""
    settings = read_settings()
    with opened(settings) as store, progress_bar() as bar:
        blobs = open_blobs(settings, settings.database_url)
        done = backup.restore(store, blobs, file, clock(), take_over=take_over, progress=bar)
        made_at = done.manifest.summary()["made_at"]
        note_in_every_zone(
            store, clock(), "restore", {"made_at": str(made_at), "sessions_ended": done.sessions}
        )
        place = store.url
    if as_json:
        print_json({"store": place, "sessions_ended": done.sessions, **done.manifest.summary()})
        return
    _tell(done.manifest, f"{place} is restored")
    say(f"{done.sessions} session(s) ended: people sign in again. Tokens of programs go on.")
    say(
        f"What was erased, revoked or disabled after {made_at} is there and valid again: contacts and photos, tokens, "
        "accounts. `gridgov audit` of the old store tells (contacts:erase, attachments:erase, tokens:revoke, "
        "users:change); do it again."
    )


def run_transfer(
    clock: Clock,
    source: str,
    target: str,
    source_files: str,
    target_files: str,
    take_over: bool,
    as_json: bool,
) -> None:
    """Copy everything of one store into another; see `gridgov transfer`."""
    settings = read_settings()
    if source == target:
        raise ConfigurationProblem("FROM and TO are the same store; name another one to move to.")
    first, second = _open(settings, source), _open(settings, target)
    try:
        with progress_bar() as bar:
            done = backup.transfer(
                first,
                second,
                _files(settings, source, source_files),
                _files(settings, target, target_files),
                clock(),
                take_over=take_over,
                progress=bar,
            )
        note_in_every_zone(second, clock(), "transfer", {"rows": done.rows, "files": done.files})
    finally:
        first.close()
        second.close()
    told = {name: digest.rows for name, digest in done.tables.items() if digest.rows}
    if as_json:
        print_json({"from": first.url, "to": second.url, "tables": told, "files": done.files})
        return
    say(
        f"{first.url} → {second.url}: {done.rows} rows in {len(told)} tables and {done.files} files, "
        "equal on both sides."
    )
    say(
        "Set GRIDGOV_DATABASE_URL to the new store (and GRIDGOV_ATTACHMENTS_URL to its files), then start the service."
    )


def _open(settings: Settings, url: str) -> Store:
    return open_store(url, pool_size=2, wait_seconds=max(settings.store_wait_seconds, 30.0))


def _files(settings: Settings, url: str, given: str) -> BlobStore:
    """The files of a store: as given, those of the settings for the store of the settings, else its default folder."""
    own = settings.attachments_url if url == settings.database_url else ""
    return open_blobs(settings.model_copy(update={"attachments_url": given or own}), url)


def remind_before_upgrade(clock: Clock, as_json: bool) -> None:
    """Before the upgrade of a store with data, say that this is the moment for a backup; ask, on a terminal."""
    with opened(read_settings()) as store:
        if as_json or not waits_for_upgrade(store, clock()):
            return
    say(
        "This store will be upgraded, which is not undone. `gridgov backup FILE` makes a backup first, even now."
    )
    if sys.stdin.isatty():
        typer.confirm("Upgrade it now?", abort=True)
