"""Stores for the benchmarks: empty ones with a zone whose 2,000 micro-grids stand under grids and communities."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import shapely
from numpy.typing import NDArray

from bench.contest import Surroundings
from bench.dataset import Dataset
from bench.lattice import GRIDS
from gridgov.access import Scope
from gridgov.areas import publish
from gridgov.models import PARCELS
from gridgov.models.identifiers import new_identifier
from gridgov.records import current_linker, load_many
from gridgov.serving.linking import Linker, Linkers, warm
from gridgov.store import Store, open_store
from gridgov.store.queries.zones import Zone, make_zone

NOW = dt.datetime(2026, 11, 20, 8, 0, tzinfo=dt.UTC)

# kind → columns and lines of micro-grids that one area of it spans
_BLOCKS = {"street": (25, 20), "community": (10, 10), "grid": (5, 2), "micro_grid": (1, 1)}
PARCEL_ZONE = "bench-1"  # the first that a process makes
_BATCH = 5_000
_numbers = itertools.count(1)


def store(surroundings: Surroundings) -> Store:
    """The embedded store in the scratch folder, or the one in the surroundings' database; migrated, kernels warm."""
    url = surroundings.postgis or f"sqlite:///{surroundings.scratch / 'bench.gpkg'}"
    opened = open_store(url)
    opened.migrate(NOW)
    warm()
    return opened


def new_zone(opened: Store, data: Dataset) -> tuple[str, Linker]:
    """A zone of its own with all its areas published, and its link index."""
    zone = f"bench-{next(_numbers)}"
    with opened.begin(Scope.system(zone), NOW, write=True) as tx:
        make_zone(tx, Zone(zone, "测试片区", "Benchmark zone", "410400", opened_issues=False))
        publish(tx, "first", areas(data.grids))
    with opened.begin(Scope.system(zone), NOW, write=True) as tx:
        return zone, current_linker(tx, Linkers())


def with_parcels(surroundings: Surroundings) -> Store:
    """A store whose zone PARCEL_ZONE has its areas and the parcels of the data set.

    A process of its own makes it once, so that loading does not count as memory of listing: in the database, or as a
    file that each way gets a copy of.
    """
    made = surroundings.scratch.parent / "with-parcels"
    if surroundings.postgis:
        made = made.with_name(f"with-parcels-{urlsplit(surroundings.postgis).path[1:]}")
    if not made.exists():
        filling = made.with_name(f"{made.name}-unfinished")
        filling.mkdir()
        arguments = [str(surroundings.data), str(filling), surroundings.postgis]
        subprocess.run([sys.executable, "-m", "bench.stores", *arguments], check=True)
        filling.rename(made)
    for file in made.iterdir():
        shutil.copy(file, surroundings.scratch)
    return store(surroundings)


def fill_parcels(surroundings: Surroundings) -> None:
    """Load the parcels of the data set into a new zone, in one transaction."""
    opened, data = store(surroundings), Dataset(surroundings.data)
    zone, linker = new_zone(opened, data)
    assert zone == PARCEL_ZONE
    with opened.begin(Scope.system(zone), NOW, write=True) as tx:
        for start in range(0, len(data.parcels), _BATCH):
            shapes = data.parcels[start : start + _BATCH]
            load_many(
                tx, PARCELS, [_parcel(start + place, shape) for place, shape in enumerate(shapes)], linker
            )
    opened.close()


def _parcel(number: int, shape: Any) -> dict[str, Any]:
    return {
        "id": new_identifier(NOW),
        "code": f"DK-{number:06d}",
        "land_scheme": "ydyh-2023",
        "land_code": "1001",
        "stage": "reserved",
        "right_holder": f"单位{number % 5_000:04d}",
        "visibility": "public",
        "geometry": shape,
    }


def areas(grids: NDArray[Any]) -> list[dict[str, Any]]:
    """The zone, streets, communities, grids and micro-grids over a tiling, without parents: publishing finds them."""
    columns = GRIDS.columns if len(grids) == GRIDS.columns * GRIDS.lines else GRIDS.columns // 2
    line, column = np.divmod(np.arange(len(grids)), columns)
    rows = [_area("zone", "Z", shapely.coverage_union_all(grids))]
    for kind, (wide, high) in _BLOCKS.items():
        blocks = (line // high) * 1_000 + column // wide
        rows += [
            _area(kind, f"{kind}-{block:06d}", shapely.coverage_union_all(grids[blocks == block]))
            for block in np.unique(blocks).tolist()
        ]
    return rows


def _area(kind: str, code: str, geometry: Any) -> dict[str, Any]:
    return {"kind": kind, "code": code, "name_zh": code, "geometry": geometry}


if __name__ == "__main__":
    fill_parcels(Surroundings(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
