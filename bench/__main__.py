"""`make bench`, or `python -m bench [--quick] [--only WORD]`: measure, print one table, keep it.

--quick takes a smaller data set and fewer turns and leaves bench/RESULTS.md alone, as does --only, which
measures the contests whose name has the word in it. Ways that need PostGIS get a throw-away cluster, with
fsync on.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import backup, importing, jobs, linking, listing, observing, photos, reporting, serving, table
from bench.contest import Row, Surroundings, Way, hold
from tests import throwaway_postgres

RESULTS = Path(__file__).parent / "RESULTS.md"
DATA = Path(tempfile.gettempdir()) / "gridgov-bench-data"

# name → ways, turns of each, turns before that to warm up. The first way of a contest is gridgov's own, which the
# others stand beside. The import warms up with a small file of its own.
CONTESTS: tuple[tuple[str, tuple[Way, ...], int, int], ...] = (
    ("link 1 point to {grids} grids", linking.ONE, 3, 1),
    ("link {points} points to {grids} grids", linking.TO_GRIDS, 7, 1),
    ("link {points} points to {parcels} parcels", linking.TO_PARCELS, 5, 1),
    ("import {parcels} parcels, SQLite", importing.TO_SQLITE, 2, 0),
    ("import {parcels} parcels, PostGIS", importing.TO_POSTGIS, 2, 0),
    ("list box of about 75 parcels, SQLite", listing.SMALL_SQLITE, 5, 1),
    ("list box of about 75 parcels, PostGIS", listing.SMALL_POSTGIS, 5, 1),
    ("list 100 of about 900 parcels, SQLite", listing.LARGE_SQLITE, 5, 1),
    ("list 100 of about 900 parcels, PostGIS", listing.LARGE_POSTGIS, 5, 1),
    ("report issues, SQLite", reporting.TO_SQLITE, 5, 1),
    ("report issues, PostGIS", reporting.TO_POSTGIS, 5, 1),
    ("keep a photo of 12 megapixels", photos.TO_FOLDER, 3, 1),
    ("run jobs one by one, SQLite", jobs.TO_SQLITE, 5, 1),
    ("run jobs one by one, PostGIS", jobs.TO_POSTGIS, 5, 1),
    ("report issues over HTTP, SQLite", serving.TO_SQLITE, 3, 1),
    ("report issues over HTTP, PostGIS", serving.TO_POSTGIS, 3, 1),
    ("answer a request for one parcel, SQLite", observing.ONE_PARCEL, 5, 1),
    ("back up and restore the demonstration, SQLite", backup.DEMO_SQLITE, 3, 1),
    ("back up and restore the demonstration, PostGIS", backup.DEMO_POSTGIS, 3, 1),
    ("back up and restore {parcels} parcels, SQLite", backup.PARCELS_SQLITE, 2, 0),
    ("back up and restore {parcels} parcels, PostGIS", backup.PARCELS_POSTGIS, 2, 0),
)


@contextlib.contextmanager
def cluster() -> Iterator[throwaway_postgres.Cluster | str]:
    """A durable throw-away server set up as for production, or why there is none."""
    throwaway_postgres.SETTINGS.update(
        shared_buffers="2GB",
        work_mem="64MB",
        jit="off",
        random_page_cost="1.1",
        autovacuum="on",
        client_connection_check_interval="1s",  # a way that is given up leaves no statement running
    )
    try:
        server = throwaway_postgres.start(durable=True)
    except throwaway_postgres.NoPostgres as reason:
        yield str(reason)
        return
    try:
        yield server
    finally:
        server.stop()


class Databases:
    """The databases of one run by name, each made from the empty template when first asked for."""

    def __init__(self, server: throwaway_postgres.Cluster | str) -> None:
        self.fault = server if isinstance(server, str) else ""
        self._url = "" if isinstance(server, str) else server.url
        self._made: dict[str, str] = {}

    def address(self, name: str) -> str:
        """The URL of the database called `name` here."""
        if name not in self._made:
            self._made[name] = throwaway_postgres.fresh_database(self._url)
        return self._made[name]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller data, fewer turns")
    parser.add_argument("--only", default="", help="only contests whose name has this word")
    given = parser.parse_args()
    data = DATA / ("quick" if given.quick else "full")
    subprocess.run(
        [sys.executable, "-m", "bench.dataset", str(data), *(["--quick"] if given.quick else [])], check=True
    )
    scratch = Path(tempfile.mkdtemp(prefix="gridgov-bench-"))
    rows: list[Row] = []
    try:
        with cluster() as server:
            databases = Databases(server)
            for pattern, ways, turns, first in CONTESTS:
                name = pattern.format(**sizes(data))
                if given.only in name:
                    print(f"… {name}", file=sys.stderr, flush=True)
                    rows += contest(
                        name, ways, (1 if given.quick else turns, first), data, scratch, databases
                    )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    text = "\n".join(table.lines(rows))
    print(text)
    if not given.quick and not given.only:
        keep(text)


def sizes(data: Path) -> dict[str, str]:
    """How many points, grids and parcels the data set has, as the names of the contests say it."""
    told: dict[str, int] = json.loads((data / "complete").read_text(encoding="utf-8"))
    return {name: f"{count:,}" for name, count in told.items()}


def contest(
    name: str,
    ways: tuple[Way, ...],
    turns: tuple[int, int],
    data: Path,
    scratch: Path,
    databases: Databases,
) -> list[Row]:
    """Hold one contest; ways that need a database get it, or say why there is none."""
    ready, missing = [], []
    for number, way in enumerate(ways):
        folder = Path(tempfile.mkdtemp(prefix=f"{number}-", dir=scratch))
        if way.database and databases.fault:
            missing.append(Row(name, way.name, fault=databases.fault))
        else:
            address = databases.address(way.database) if way.database else ""
            ready.append((way, Surroundings(data, folder, address)))
    return [*hold(name, ready, *turns), *missing]


def keep(text: str) -> None:
    """Write bench/RESULTS.md."""
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    load = os.getloadavg()[2]
    RESULTS.write_text(
        f"# Measured on {today}\n\n{table.machine()}; load average of the last 15 minutes {load:.1f}.\n"
        "Made by `make bench`. Read ratios rather than absolute times: the machine is shared. Each way runs in a\n"
        f"process of its own; the ways of one contest take turns.\n\n{text}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
