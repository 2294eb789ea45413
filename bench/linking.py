"""Linking points to areas: one point, and 100,000 points to 2,000 grids and to 200,000 parcels."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import psycopg2
import shapely
from numpy.typing import NDArray

from bench.contest import Outcome, Run, Surroundings, Way, percentiles
from bench.dataset import Dataset
from gridgov.serving.linking import LevelIndex

_SINGLE_CALLS = 20_000
_OUTSIDE = 3  # place in RULE_NAMES; 2 is nearest, which the other ways do not know


def _cursor(surroundings: Surroundings) -> psycopg2.extensions.cursor:
    """On the database with the tables; a process of its own makes them first, so that its memory is not counted."""
    cursor = psycopg2.connect(surroundings.postgis).cursor()
    cursor.execute("SELECT to_regclass('points')")
    if cursor.fetchone() == (None,):
        subprocess.run(
            [sys.executable, "-m", "bench.linking", str(surroundings.data), surroundings.postgis], check=True
        )
    return cursor


def fill_database(folder: Path, url: str) -> None:
    """Tables grids, parcels and points with GiST indexes, analysed."""
    data = Dataset(folder)
    points = shapely.points(data.lon, data.lat)
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        for name, geometries in (("grids", data.grids), ("parcels", data.parcels), ("points", points)):
            cursor.execute(f"CREATE TABLE {name} (id integer PRIMARY KEY, geometry geometry(Geometry, 4326))")
            texts = shapely.to_wkb(shapely.set_srid(geometries, 4326), hex=True, include_srid=True)
            lines = "".join(f"{row}\t{text}\n" for row, text in enumerate(texts))
            cursor.copy_expert(f"COPY {name} FROM STDIN", io.StringIO(lines))
            cursor.execute(f"CREATE INDEX ON {name} USING gist (geometry)")
            cursor.execute(f"ANALYZE {name}")


def _index(polygons: NDArray[Any]) -> LevelIndex:
    codes = [f"{number:06d}" for number in range(len(polygons))]
    index = LevelIndex.build("micro_grid", codes, codes, [None] * len(codes), polygons)
    index.locate_many(np.zeros(1), np.zeros(1))
    index.locate(0.0, 0.0)
    return index


def _many(choose: Callable[[Dataset], NDArray[Any]]) -> Callable[[Surroundings], Run]:
    def prepare(surroundings: Surroundings) -> Run:
        data = Dataset(surroundings.data)
        index = _index(choose(data))
        lon, lat = data.lon, data.lat

        def run() -> Outcome:
            found = index.locate_many(lon, lat)
            return Outcome(int((found.rules < _OUTSIDE - 1).sum()))

        return run

    return prepare


def _sjoin(choose: Callable[[Dataset], NDArray[Any]]) -> Callable[[Surroundings], Run]:
    def prepare(surroundings: Surroundings) -> Run:
        data = Dataset(surroundings.data)
        points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(data.lon, data.lat), crs=4326)
        areas = geopandas.GeoDataFrame(geometry=choose(data), crs=4326)
        return lambda: Outcome(len(geopandas.sjoin(points, areas, predicate="intersects")))

    return prepare


def _join(table: str) -> Callable[[Surroundings], Run]:
    def prepare(surroundings: Surroundings) -> Run:
        cursor = _cursor(surroundings)

        def run() -> Outcome:
            cursor.execute(
                f"SELECT count(*) FROM points p JOIN {table} a ON ST_Intersects(a.geometry, p.geometry)"
            )
            (count,) = cursor.fetchone() or (0,)
            return Outcome(count)

        return run

    return prepare


def grids(data: Dataset) -> NDArray[Any]:
    return data.grids


def parcels(data: Dataset) -> NDArray[Any]:
    return data.parcels


def many_to_grids(surroundings: Surroundings) -> Run:
    return _many(grids)(surroundings)


def many_to_parcels(surroundings: Surroundings) -> Run:
    return _many(parcels)(surroundings)


def sjoin_to_grids(surroundings: Surroundings) -> Run:
    return _sjoin(grids)(surroundings)


def sjoin_to_parcels(surroundings: Surroundings) -> Run:
    return _sjoin(parcels)(surroundings)


def join_to_grids(surroundings: Surroundings) -> Run:
    return _join("grids")(surroundings)


def join_to_parcels(surroundings: Surroundings) -> Run:
    return _join("parcels")(surroundings)


def _singly(data: Dataset, call: Callable[[float, float], bool]) -> Run:
    places = list(zip(data.lon[:_SINGLE_CALLS].tolist(), data.lat[:_SINGLE_CALLS].tolist(), strict=True))

    def run() -> Outcome:
        spent, found = [], 0
        for lon, lat in places:
            start = time.perf_counter_ns()
            held = call(lon, lat)
            spent.append(time.perf_counter_ns() - start)
            found += held
        return Outcome(found, *percentiles(spent))

    return run


def one_to_grids(surroundings: Surroundings) -> Run:
    data = Dataset(surroundings.data)
    index = _index(data.grids)
    return _singly(data, lambda lon, lat: index.locate(lon, lat).rule in {"contains", "border"})


def one_by_tree(surroundings: Surroundings) -> Run:
    data = Dataset(surroundings.data)
    tree = shapely.STRtree(data.grids)
    return _singly(
        data, lambda lon, lat: len(tree.query(shapely.Point(lon, lat), predicate="intersects")) > 0
    )


def one_by_postgis(surroundings: Surroundings) -> Run:
    cursor = _cursor(surroundings)
    cursor.execute(
        "PREPARE holder(float8, float8) AS SELECT id FROM grids"
        " WHERE ST_Intersects(geometry, ST_SetSRID(ST_MakePoint($1, $2), 4326))"
    )

    def call(lon: float, lat: float) -> bool:
        cursor.execute("EXECUTE holder(%s, %s)", (lon, lat))
        return bool(cursor.fetchall())

    return _singly(Dataset(surroundings.data), call)


ONE = (
    Way("gridgov", one_to_grids),
    Way("shapely STRtree", one_by_tree),
    Way("PostGIS, prepared", one_by_postgis, database="places"),
)
TO_GRIDS = (
    Way("gridgov", many_to_grids),
    Way("geopandas.sjoin", sjoin_to_grids),
    Way("PostGIS ST_Intersects, count", join_to_grids, database="places", note="memory of the client only"),
)
TO_PARCELS = (
    Way("gridgov", many_to_parcels),
    Way("geopandas.sjoin", sjoin_to_parcels),
    Way("PostGIS ST_Intersects, count", join_to_parcels, database="places", note="memory of the client only"),
)

if __name__ == "__main__":
    fill_database(Path(sys.argv[1]), sys.argv[2])
