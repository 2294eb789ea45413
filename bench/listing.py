"""Listing parcels by a box: the first page of 100, through the store and by bare SQL on the same tables.

gridgov gives records within a scope, with a cursor, the box decided exactly; the bare statement fetches the same rows
and reads their shapes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

import numpy as np
import psycopg2
import shapely

from bench import stores
from bench.contest import Outcome, Run, Surroundings, Way, percentiles
from bench.dataset import SEED
from bench.lattice import EAST, NORTH, SOUTH, WEST
from gridgov.access import Scope
from gridgov.models import PARCELS
from gridgov.store import Query, Store
from gridgov.store.types import geopackage_wkb

_PAGE = 100
_BOXES = 64

Box = tuple[float, float, float, float]


def boxes(size: float) -> list[Box]:
    """Fixed boxes of `size` degrees inside the data set."""
    rng = np.random.default_rng(SEED + 4)
    west = rng.uniform(WEST, EAST - size, _BOXES)
    south = rng.uniform(SOUTH, NORTH - size, _BOXES)
    return [(w, s, w + size, s + size) for w, s in zip(west.tolist(), south.tolist(), strict=True)]


def _singly(size: float, call: Callable[[Box], int]) -> Run:
    wanted = boxes(size)

    def run() -> Outcome:
        spent, found = [], 0
        for box in wanted:
            start = time.perf_counter_ns()
            found += call(box)
            spent.append(time.perf_counter_ns() - start)
        return Outcome(found, *percentiles(spent))

    return run


def _by_gridgov(surroundings: Surroundings, size: float) -> Run:
    opened = stores.with_parcels(surroundings)

    def call(box: Box) -> int:
        with opened.begin(Scope.system(stores.PARCEL_ZONE), stores.NOW) as tx:
            return len(tx.list(PARCELS, Query(box=box, limit=_PAGE)).records)

    return _singly(size, call)


def _by_sqlite(surroundings: Surroundings, size: float) -> Run:
    opened: Store = stores.with_parcels(surroundings)
    opened.close()
    cursor = sqlite3.connect(surroundings.scratch / "bench.gpkg").cursor()

    def call(box: Box) -> int:
        west, south, east, north = box
        # The plus keeps SQLite from walking the whole index of codes instead of the few rows of the R*Tree.
        cursor.execute(
            "SELECT * FROM parcels WHERE +zone = ? AND valid_to IS NULL AND fid IN"
            " (SELECT id FROM rtree_parcels_geometry WHERE maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ?)"
            " ORDER BY code, id",
            (stores.PARCEL_ZONE, west, east, south, north),
        )
        rows = cursor.fetchmany(_PAGE)
        place = [column[0] for column in cursor.description].index("geometry")
        return len(shapely.from_wkb([geopackage_wkb(row[place]) for row in rows]))

    return _singly(size, call)


def _by_postgis(surroundings: Surroundings, size: float) -> Run:
    stores.with_parcels(surroundings).close()
    cursor = psycopg2.connect(surroundings.postgis).cursor()

    def call(box: Box) -> int:
        cursor.execute(
            "SELECT * FROM parcels, ST_MakeEnvelope(%s, %s, %s, %s, 4326) AS box WHERE zone = %s AND valid_to IS NULL"
            " AND ST_Intersects(geometry, box) ORDER BY code, id LIMIT %s",
            (*box, stores.PARCEL_ZONE, _PAGE),
        )
        rows = cursor.fetchall()
        place = [column.name for column in cursor.description or ()].index("geometry")
        return len(shapely.from_wkb([row[place] for row in rows]))

    return _singly(size, call)


SMALL, LARGE = 0.006, 0.022  # degrees: about 75 and 900 parcels in the box


def small_by_gridgov(surroundings: Surroundings) -> Run:
    return _by_gridgov(surroundings, SMALL)


def small_by_sqlite(surroundings: Surroundings) -> Run:
    return _by_sqlite(surroundings, SMALL)


def small_by_postgis(surroundings: Surroundings) -> Run:
    return _by_postgis(surroundings, SMALL)


def large_by_gridgov(surroundings: Surroundings) -> Run:
    return _by_gridgov(surroundings, LARGE)


def large_by_sqlite(surroundings: Surroundings) -> Run:
    return _by_sqlite(surroundings, LARGE)


def large_by_postgis(surroundings: Surroundings) -> Run:
    return _by_postgis(surroundings, LARGE)


INEXACT = "boxes not decided exactly"
SMALL_SQLITE = (Way("gridgov", small_by_gridgov), Way("bare SQL", small_by_sqlite, note=INEXACT))
LARGE_SQLITE = (Way("gridgov", large_by_gridgov), Way("bare SQL", large_by_sqlite, note=INEXACT))
SMALL_POSTGIS = (
    Way("gridgov", small_by_gridgov, database="parcels"),
    Way("bare SQL", small_by_postgis, database="parcels"),
)
LARGE_POSTGIS = (
    Way("gridgov", large_by_gridgov, database="parcels"),
    Way("bare SQL", large_by_postgis, database="parcels"),
)
