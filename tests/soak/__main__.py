"""The long soak: one table, and exit code 1 when anything was lost, doubled or wrong or a kill did not take place.

`make soak` runs it at full length; ARGS="--kills 20 --seed abc" makes it shorter or repeats a run.
"""

from __future__ import annotations

import argparse
import logging
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.soak.run import Outcome, Soak, durable_database, kill_service, stop_database
from tests.throwaway_postgres import fresh_database

OUT = Console(width=150)
_MOST_TOLD = 20


def main() -> int:
    """Run everything, print the table, give the exit code."""
    wanted = _arguments()
    seed = wanted.seed or secrets.token_hex(4)
    logging.getLogger("gridgov").addHandler(logging.NullHandler())  # the service's own log has what matters
    OUT.print(
        f"seed {seed}: {wanted.kills} kills of the service per store, {wanted.stops} stops of PostgreSQL"
    )
    settings = {"GRIDGOV_WORKERS": str(wanted.workers)}
    outcomes: list[Outcome] = []

    def soak(name: str, url: str, kills: int, kill: Callable[[Soak], float], share: float) -> None:
        until = time.monotonic() + wanted.minutes * 60 * share
        with tempfile.TemporaryDirectory(prefix="gridgov-soak-") as folder:
            place = url or f"sqlite:///{folder}/map.gpkg"
            made = Soak(name, place, Path(folder), f"{seed}/{name}", settings=settings)
            outcomes.append(made.run(kills, kill, until))
            OUT.print(f"{name}: {outcomes[-1].kills} kills in {outcomes[-1].seconds:.0f} s")

    soak("SQLite, service killed", "", wanted.kills, kill_service, 0.45)
    database = durable_database()
    try:
        soak(
            "PostGIS, service killed", fresh_database(database.cluster.url), wanted.kills, kill_service, 0.45
        )
        url = fresh_database(database.cluster.url)
        soak("PostGIS, database stopped", url, wanted.stops, stop_database(database), 0.1)
    finally:
        database.remove()
    OUT.print(_table(outcomes))
    for outcome in outcomes:
        for finding in outcome.findings[:_MOST_TOLD]:
            OUT.print(f"{outcome.name}: {finding.rule}: {finding.words}", style="red", markup=False)
    failures = _failure_tests() if wanted.failures else 0
    return int(failures != 0 or any(outcome.findings for outcome in outcomes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills of the service per store")
    parser.add_argument("--stops", type=int, default=20, help="immediate stops of PostgreSQL")
    parser.add_argument("--minutes", type=float, default=40.0, help="begin no further kill after this long")
    parser.add_argument("--workers", type=int, default=1, help="processes of the service")
    parser.add_argument("--seed", default="", help="repeat the run of this seed; default a new one")
    parser.add_argument(
        "--no-failures", dest="failures", action="store_false", help="leave tests/failures out"
    )
    return parser.parse_args()


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(
        "run", *("kills", "acknowledged", "lost", "doubled", "other"), "longest recovery", "duration"
    )
    for outcome in outcomes:
        lost, doubled = outcome.number("lost"), outcome.number("doubled")
        counts = (outcome.kills, outcome.acknowledged, lost, doubled, len(outcome.findings) - lost - doubled)
        longest = max(outcome.recoveries, default=0.0)
        table.add_row(outcome.name, *map(str, counts), f"{longest:.1f} s", f"{outcome.seconds:.0f} s")
    return table


def _failure_tests() -> int:
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "tests/failures"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
