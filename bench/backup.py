"""Backing up and restoring: gridgov beside a plain copy of the files, and beside pg_dump and pg_restore.

gridgov's backup is of one moment while others write, compressed, with hashes of everything and all files; restoring
checks them. A plain copy of the files is whole only while nobody writes.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench import stores
from bench.contest import Outcome, Run, Surroundings, Unavailable, Way, peak_mb
from gridgov.backup import back_up, restore
from gridgov.blobs.folder import FolderBlobs
from gridgov.seeding import seed
from gridgov.settings import Settings
from gridgov.store import Store, open_store
from tests.throwaway_postgres import drop_database, fresh_database

Filled = Callable[[Surroundings], Store]


def demonstration(surroundings: Surroundings) -> Store:
    """The demonstration zone, about 66,000 rows."""
    opened = stores.store(surroundings)
    seed(opened, stores.NOW)
    return opened


def parcels(surroundings: Surroundings) -> Store:
    """The parcels of the data set with their areas, links, editions and events."""
    return stores.with_parcels(surroundings)


def _archive(opened: Store, surroundings: Surroundings) -> tuple[Path, int]:
    path = surroundings.scratch / "backup.zip"
    path.unlink(missing_ok=True)
    files = FolderBlobs(surroundings.scratch / "files")
    made = back_up(opened, files, path, stores.NOW, settings=Settings())
    return path, made.summary()["rows"]


def by_backup(filled: Filled, surroundings: Surroundings) -> Run:
    opened = filled(surroundings)
    return lambda: Outcome(_archive(opened, surroundings)[1])


def by_restore(filled: Filled, surroundings: Surroundings) -> Run:
    opened = filled(surroundings)
    path, rows = _archive(opened, surroundings)
    numbers = itertools.count()

    def run() -> Outcome:
        folder = surroundings.scratch / f"restored-{next(numbers)}"
        url = (
            fresh_database(surroundings.postgis) if surroundings.postgis else f"sqlite:///{folder / 'r.gpkg'}"
        )
        place = open_store(url)
        start = time.perf_counter()
        restore(place, FolderBlobs(folder / "files"), path, stores.NOW)
        seconds = time.perf_counter() - start
        place.close()
        shutil.rmtree(folder, ignore_errors=True)
        if surroundings.postgis:
            drop_database(url)
        return Outcome(rows, seconds)

    return run


def by_file_copy(filled: Filled, surroundings: Surroundings) -> Run:
    opened = filled(surroundings)
    rows = _archive(opened, surroundings)[1]
    opened.close()
    path = Path(opened.url.removeprefix("sqlite:///"))
    files = [path, path.with_name(f"{path.stem}.private.sqlite")]

    def run() -> Outcome:
        start = time.perf_counter()
        for file in files:
            copy = Path(shutil.copy(file, surroundings.scratch / f"{file.name}.copy"))
            with copy.open("rb") as copied:
                os.fsync(copied.fileno())
        return Outcome(rows, time.perf_counter() - start)

    return run


def by_pg_dump(filled: Filled, surroundings: Surroundings) -> Run:
    opened = filled(surroundings)
    rows = _archive(opened, surroundings)[1]
    command = _dump(surroundings, surroundings.scratch / "dump")

    def run() -> Outcome:
        seconds, peak = _timed(command)
        return Outcome(rows, seconds, child_mb=peak)

    return run


def by_pg_restore(filled: Filled, surroundings: Surroundings) -> Run:
    opened = filled(surroundings)
    rows = _archive(opened, surroundings)[1]
    dump = surroundings.scratch / "dump"
    _timed(_dump(surroundings, dump))

    def run() -> Outcome:
        url = fresh_database(surroundings.postgis)
        program = _program("pg_restore")
        seconds, peak = _timed([program, "--single-transaction", "--no-owner", f"--dbname={url}", str(dump)])
        drop_database(url)
        return Outcome(rows, seconds, child_mb=peak)

    return run


def _dump(surroundings: Surroundings, target: Path) -> list[str]:
    given = ["--format=custom", "--compress=1", f"--dbname={surroundings.postgis}", f"--file={target}"]
    return [_program("pg_dump"), *given]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not on this machine (Debian's package postgresql-client)")
    return found


def _timed(command: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak memory of a program. Raises Unavailable when it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, peak_mb(process.pid))
        time.sleep(0.005)
    seconds = time.perf_counter() - start
    assert process.stderr is not None
    told = process.stderr.read().decode(errors="replace")
    process.stderr.close()
    if process.returncode:
        raise Unavailable(f"{Path(command[0]).name}: {told.strip()[-200:]}")
    return seconds, peak


WHOLE = "one moment, compressed, hashed"
CHECKED = "every hash checked"


def _to_file(filled: Filled) -> tuple[Way, ...]:
    return (
        Way("gridgov backup", partial(by_backup, filled), note=WHOLE),
        Way("gridgov restore", partial(by_restore, filled), note=CHECKED),
        Way("copy of both files", partial(by_file_copy, filled), note="whole only while nobody writes"),
    )


def _to_postgis(filled: Filled, database: str) -> tuple[Way, ...]:
    return (
        Way("gridgov backup", partial(by_backup, filled), database, WHOLE),
        Way("pg_dump", partial(by_pg_dump, filled), database, "custom format, compression 1"),
        Way("gridgov restore", partial(by_restore, filled), database, CHECKED),
        Way("pg_restore", partial(by_pg_restore, filled), database, "in one transaction; no hash to check"),
    )


DEMO_SQLITE, PARCELS_SQLITE = _to_file(demonstration), _to_file(parcels)
DEMO_POSTGIS, PARCELS_POSTGIS = _to_postgis(demonstration, "demo"), _to_postgis(parcels, "with_parcels")
