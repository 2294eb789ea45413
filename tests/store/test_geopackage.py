"""The map file is a GeoPackage that GDAL and QGIS open, read by a child process while the store is live."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely

from gridgov.access import Scope
from gridgov.errors import InvalidValue
from gridgov.models import AREAS, PARCELS
from gridgov.relink import publish_and_relink
from gridgov.store import Query, Store, open_store
from gridgov.store.geopackage import GEOPACKAGE_FUNCTIONS
from gridgov.store.queries.contacts import add_contact
from gridgov.store.types import geopackage_bounds, geopackage_wkb, to_geopackage
from tests.factories import sample, square

# What GDAL sees, said as JSON. A process that holds the store must never do this itself (DESIGN §7).
READ_WITH_GDAL = """
import json, sys, pyogrio
path = sys.argv[1]
layers = [name for name, _ in pyogrio.list_layers(path)]
told = {"layers": layers}
for name in ("parcels", "layer_parks"):
    frame = pyogrio.read_dataframe(path, layer=name)
    told[name] = {
        "codes": sorted(frame["code"]), "names": sorted(frame["name_zh"]), "crs": frame.crs.to_epsg(),
        "bounds": [round(side, 9) for side in frame.total_bounds],
        "at": str(frame["created_at"].iloc[0]) if "created_at" in frame else None,
    }
box = tuple(json.loads(sys.argv[2]))
told["in_box"] = sorted(pyogrio.read_dataframe(path, layer="parcels", bbox=box)["code"])
print(json.dumps(told))
"""


def told_by_gdal(path: Path, box: tuple[float, ...]) -> dict[str, object]:
    """What a child process reads from the file."""
    command = [sys.executable, "-W", "error", "-c", READ_WITH_GDAL, str(path), json.dumps(box)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_gdal_reads_the_live_file_completely_and_the_store_loses_nothing(
    sqlite_store: Store, system: Scope, now: dt.datetime
) -> None:
    with sqlite_store.begin(system, now, write=True) as tx:
        tx.insert_many(
            PARCELS, [sample("parcels", code=f"DK-{n:03d}", geometry=square(n)) for n in range(250)]
        )
        publish_and_relink(tx, "首次", [sample("areas")])
    path: Path = sqlite_store.path  # type: ignore[attr-defined]  # the embedded store has one
    told = told_by_gdal(path, square(3.2, 0.2, 0.5).bounds)
    assert {"parcels", "areas", "issues", "layer_parks", "layer_grids"} <= set(told["layers"])  # type: ignore[call-overload]
    assert not {"users", "sessions", "contacts", "links"} & set(told["layers"])  # type: ignore[call-overload]
    parcels, parks = told["parcels"], told["layer_parks"]
    assert parcels["codes"] == [f"DK-{n:03d}" for n in range(250)]  # type: ignore[index]
    assert parcels["names"][0] == "一号地块"  # type: ignore[index]
    assert parcels["crs"] == 4326  # type: ignore[index]
    assert "2026-11-20 06:05:00" in parcels["at"]  # type: ignore[index]
    assert parks["codes"] == ["PK-01"]  # type: ignore[index]
    assert told["in_box"] == ["DK-003"]
    with sqlite_store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, sample("parcels", code="after"))
    again = told_by_gdal(path, square().bounds)
    assert "after" in again["parcels"]["codes"]  # type: ignore[index]


def test_the_map_file_holds_no_personal_data(sqlite_store: Store, system: Scope, now: dt.datetime) -> None:
    with sqlite_store.begin(system, now, write=True) as tx:
        add_contact(tx, "00000000-0000-0000-0000-000000000001", "张三丰", "13812345678")
    path: Path = sqlite_store.path  # type: ignore[attr-defined]  # the embedded store has one
    sqlite_store.close()
    files = [path, path.with_name(path.name + "-wal")]
    content = b"".join(file.read_bytes() for file in files if file.exists())
    assert "张三丰".encode() not in content
    assert b"13812345678" not in content


def test_the_files_are_readable_by_their_owner_only(tmp_path: Path, now: dt.datetime) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'new' / 'map.gpkg'}")
    store.migrate(now)
    store.close()
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in (tmp_path / "new").iterdir()}
    assert modes == {"map.gpkg": "0o600", "map.private.sqlite": "0o600"}


def test_a_moved_and_an_emptied_box_are_kept_by_the_triggers(
    sqlite_store: Store, system: Scope, now: dt.datetime
) -> None:
    with sqlite_store.begin(system, now, write=True) as tx:
        record = tx.insert(AREAS, sample("areas", geometry=square())).record
        tx.change(AREAS, record.id, 1, {"geometry": square(50)})
        tx.change(AREAS, record.id, 2, {"name_zh": "改名"})
        assert tx.count(AREAS, Query(box=square().bounds)) == 0
        assert tx.count(AREAS, Query(box=square(50).bounds)) == 1


@pytest.mark.parametrize(
    "wkt",
    [
        "POINT (113.3 33.7)",
        "POLYGON ((0 0, 1 0, 1 1, 0 0))",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))",
        "POLYGON EMPTY",
    ],
)
def test_geopackage_binary_round_trip(wkt: str) -> None:
    geometry = shapely.from_wkt(wkt)
    blob = to_geopackage(geometry)
    assert blob is not None
    assert shapely.from_wkb(geopackage_wkb(blob)).equals_exact(geometry, 0.0)
    assert to_geopackage(None) is None
    if geometry.is_empty:
        assert geopackage_bounds(blob) is None
        assert GEOPACKAGE_FUNCTIONS["ST_IsEmpty"](blob) == 1
    else:
        west, south, east, north = geometry.bounds
        assert geopackage_bounds(blob) == (west, east, south, north)
        assert [GEOPACKAGE_FUNCTIONS[f"ST_{name}"](blob) for name in ("MinX", "MaxY")] == [west, north]


def test_a_blob_of_another_writer_without_envelope_is_read_too() -> None:
    blob = b"GP\x00\x01\xe6\x10\x00\x00" + shapely.to_wkb(shapely.Point(1, 2))
    assert geopackage_bounds(blob) == (1, 1, 2, 2)
    assert np.isclose(shapely.from_wkb(geopackage_wkb(blob)).y, 2)
    with pytest.raises(InvalidValue, match="damaged"):
        geopackage_wkb(b"XX")
