"""Reporting issues one by one, each in a durable transaction of its own, beside bare inserts of the same point.

gridgov checks the report, numbers it, links it to its areas, and writes issue, links, event and revision; the bare
insert writes one row and its spatial index.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable

import psycopg2
import shapely

from bench import stores
from bench.contest import Outcome, Run, Surroundings, Way, percentiles
from bench.dataset import Dataset
from gridgov import issues
from gridgov.access import Scope
from gridgov.records import current_linker
from gridgov.serving.linking import Linkers

_REPORTS = 1_000


def _singly(surroundings: Surroundings, call: Callable[[float, float], None]) -> Run:
    data = Dataset(surroundings.data)
    places = list(zip(data.lon[:_REPORTS].tolist(), data.lat[:_REPORTS].tolist(), strict=True))

    def run() -> Outcome:
        spent = []
        for lon, lat in places:
            start = time.perf_counter_ns()
            call(lon, lat)
            spent.append(time.perf_counter_ns() - start)
        _, tail = percentiles(spent)
        return Outcome(len(spent), sum(spent) / len(spent) / 1e9, tail, rate=True)

    return run


def by_gridgov(surroundings: Surroundings) -> Run:
    opened = stores.store(surroundings)
    zone, _ = stores.new_zone(opened, Dataset(surroundings.data))
    linkers = Linkers()

    def call(lon: float, lat: float) -> None:
        values = {"category": "road_damage", "geometry": shapely.Point(lon, lat), "accuracy_m": 8.0}
        with opened.begin(Scope.system(zone), stores.NOW, write=True) as tx:
            issues.report(tx, values, current_linker(tx, linkers))

    return _singly(surroundings, call)


_COLUMNS = "id text PRIMARY KEY, zone text, code text, category text, reported_at text"


def by_sqlite(surroundings: Surroundings) -> Run:
    connection = sqlite3.connect(surroundings.scratch / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    columns = _COLUMNS.replace(" PRIMARY KEY", " UNIQUE")
    connection.execute(f"CREATE TABLE issue (fid INTEGER PRIMARY KEY, {columns}, geometry blob)")
    connection.execute("CREATE VIRTUAL TABLE issue_index USING rtree(id, minx, maxx, miny, maxy)")

    def call(lon: float, lat: float) -> None:
        connection.execute("BEGIN IMMEDIATE")
        row = connection.execute(
            "INSERT INTO issue (id, zone, code, category, reported_at, geometry)"
            " VALUES (?, 'z', 'c', 'road_damage', ?, ?)",
            (str(uuid.uuid4()), stores.NOW.isoformat(), shapely.to_wkb(shapely.Point(lon, lat))),
        )
        connection.execute(
            "INSERT INTO issue_index VALUES (?, ?, ?, ?, ?)", (row.lastrowid, lon, lon, lat, lat)
        )
        connection.execute("COMMIT")

    return _singly(surroundings, call)


def by_postgis(surroundings: Surroundings) -> Run:
    connection = psycopg2.connect(surroundings.postgis)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE IF NOT EXISTS issue ({_COLUMNS}, geometry geometry(Point, 4326))")
    cursor.execute("CREATE INDEX IF NOT EXISTS issue_index ON issue USING gist (geometry)")

    def call(lon: float, lat: float) -> None:
        cursor.execute(
            "INSERT INTO issue VALUES (%s, 'z', 'c', 'road_damage', %s, ST_SetSRID(ST_MakePoint(%s, %s), 4326))",
            (str(uuid.uuid4()), stores.NOW.isoformat(), lon, lat),
        )

    return _singly(surroundings, call)


WHOLE = "with number, links, event and revision"
TO_SQLITE = (Way("gridgov", by_gridgov, note=WHOLE), Way("bare insert", by_sqlite, note="row and R*Tree"))
TO_POSTGIS = (
    Way("gridgov", by_gridgov, database="issues", note=WHOLE),
    Way("bare insert", by_postgis, database="bare issues", note="row and GiST"),
)
