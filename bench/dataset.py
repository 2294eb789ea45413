"""The data of the benchmarks, the same on every machine: parcels, points, grids. Made once, kept in a folder.

Run as `python -m bench.dataset FOLDER [--quick]` to make it; the benchmarks' processes then load it.
"""

from __future__ import annotations

import json
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from bench.lattice import EAST, GRIDS, NORTH, PARCELS, SOUTH, WEST, Lattice, tiling
from gridgov.geo import geodesic_area

SEED = 20_250_101
POINTS = 100_000
CLUSTERS = 40
FEW = 500  # parcels of the small file, for warming up
LAND_CODES = ("0701", "1001", "100102", "0901", "0801", "1207", "1401", "0101")  # of scheme ydyh-2023
STAGES = ("净地", "已收储", "成交", "在建", "竣工")

Floats = NDArray[np.float64]


class Dataset:
    """What `make` wrote into `folder`; each part is read when first used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def parcels(self) -> NDArray[Any]:
        """Polygons in lon-lat degrees."""
        return _polygons(self.folder, "parcels")

    @cached_property
    def grids(self) -> NDArray[Any]:
        """Polygons in lon-lat degrees."""
        return _polygons(self.folder, "grids")

    @cached_property
    def points(self) -> Floats:
        """(n, 2) lon-lat degrees."""
        points: Floats = np.load(self.folder / "points.npy")
        return points

    @property
    def lon(self) -> Floats:
        """Longitudes of the points."""
        return np.ascontiguousarray(self.points[:, 0])

    @property
    def lat(self) -> Floats:
        """Latitudes of the points."""
        return np.ascontiguousarray(self.points[:, 1])

    @property
    def parcel_file(self) -> Path:
        """The parcels as a GeoPackage with Chinese columns, in random order, as a planner would hand it over."""
        return self.folder / "parcels.gpkg"

    @property
    def small_file(self) -> Path:
        """The first rows of the parcel file."""
        return self.folder / "few.gpkg"


def make(folder: Path, *, quick: bool) -> None:
    """Write the files unless they are there. quick: a tenth of the parcels and points, a quarter of the grids."""
    if (folder / "complete").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    parcels = tiling(_smaller(PARCELS, 3) if quick else PARCELS, SEED)
    grids = tiling(_smaller(GRIDS, 2) if quick else GRIDS, SEED + 1)
    lon, lat = _points(POINTS // 10 if quick else POINTS)
    for name, polygons in (("parcels", parcels), ("grids", grids)):
        _, coordinates, (rings, _) = shapely.to_ragged_array(polygons)
        np.save(folder / f"{name}-xy.npy", coordinates)
        np.save(folder / f"{name}-rings.npy", rings)
    np.save(folder / "points.npy", np.column_stack((lon, lat)))
    _write_parcels(folder / "parcels.gpkg", parcels)
    sizes = {"parcels": len(parcels), "grids": len(grids), "points": len(lon)}
    (folder / "complete").write_text(json.dumps(sizes), encoding="utf-8")


def _polygons(folder: Path, name: str) -> NDArray[Any]:
    rings = np.load(folder / f"{name}-rings.npy")
    polygons: NDArray[Any] = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, np.load(folder / f"{name}-xy.npy"), (rings, np.arange(len(rings)))
    )
    return polygons


def _smaller(lattice: Lattice, factor: int) -> Lattice:
    return Lattice(
        lattice.columns // factor,
        lattice.lines // factor,
        lattice.most,
        lattice.short,
        lattice.jitter,
        lattice.denser,
    )


def _points(count: int) -> tuple[Floats, Floats]:
    """70 % in clusters of about 1 km, 25 % anywhere inside, 5 % outside the box; in random order."""
    rng = np.random.default_rng(SEED + 2)
    low, high = np.array([WEST, SOUTH]), np.array([EAST, NORTH])
    centres = rng.uniform(low + 0.02, high - 0.02, (CLUSTERS, 2))
    clustered = centres[rng.integers(0, CLUSTERS, count * 70 // 100)]
    clustered = np.clip(clustered + rng.normal(0.0, 0.004, clustered.shape), low, high)
    outside = rng.uniform(low, high, (count * 5 // 100, 2))
    outside[:, 0] += np.where(rng.uniform(size=len(outside)) < 0.5, -1.0, 1.0) * (EAST - WEST)
    inside = rng.uniform(low, high, (count - len(clustered) - len(outside), 2))
    places = rng.permutation(np.concatenate((clustered, inside, outside)))
    return places[:, 0], places[:, 1]


def _write_parcels(path: Path, parcels: NDArray[Any]) -> None:
    rng = np.random.default_rng(SEED + 3)
    count = len(parcels)
    frame = geopandas.GeoDataFrame(
        {
            "编号": [f"DK-{number:06d}" for number in range(count)],
            "用地代码": rng.choice(LAND_CODES, count),
            "分类标准": ["ydyh-2023"] * count,
            "证载面积": np.round(geodesic_area(parcels), 2),
            "使用权人": [f"单位{number % 5000:04d}" for number in range(count)],
            "计划年度": rng.integers(2015, 2027, count),
            "状态": rng.choice(STAGES, count),
        },
        geometry=parcels,
        crs="EPSG:4326",
    )
    shuffled = frame.iloc[rng.permutation(count)]
    # The version that ogr2ogr of every supported system reads without a warning.
    shuffled.to_file(path, layer="parcels", driver="GPKG", VERSION="1.2")
    shuffled[:FEW].to_file(path.with_name("few.gpkg"), layer="parcels", driver="GPKG", VERSION="1.2")


if __name__ == "__main__":
    make(Path(sys.argv[1]), quick="--quick" in sys.argv)
