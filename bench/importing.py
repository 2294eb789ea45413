"""Importing the parcels from a GeoPackage with Chinese columns: gridgov's whole import beside ogr2ogr's bare copy.

gridgov checks every row, measures areas, finds overlaps, links each parcel to its areas and keeps editions, events and
revisions; ogr2ogr copies columns and shapes. Both write an index.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pyogrio

from bench import stores
from bench.contest import Outcome, Run, Surroundings, Unavailable, Way, peak_mb
from bench.dataset import Dataset
from gridgov.access import Scope
from gridgov.importing import import_file
from gridgov.models import PARCELS
from gridgov.serving.linking import Linkers
from gridgov.settings import read_settings
from gridgov.store import Store


def by_gridgov(surroundings: Surroundings) -> Run:
    data = Dataset(surroundings.data)
    opened = stores.store(surroundings)
    _import(opened, data.small_file, stores.new_zone(opened, data)[0])

    def run() -> Outcome:
        zone, _ = stores.new_zone(opened, data)
        start = time.perf_counter()
        count = _import(opened, data.parcel_file, zone)
        return Outcome(count, time.perf_counter() - start)

    return run


def _import(opened: Store, file: Path, zone: str) -> int:
    """One import, by the very function that the command line and the upload call."""
    scope, settings = Scope.system(zone), read_settings({})
    report = import_file(
        opened, scope, lambda: stores.NOW, file, PARCELS, settings=settings, linkers=Linkers()
    )
    return report.counts.created


def by_ogr2ogr_to_file(surroundings: Surroundings) -> Run:
    target = surroundings.scratch / "copy.gpkg"
    return _ogr2ogr(surroundings, ["-f", "GPKG", str(target)], target)


def by_ogr2ogr_to_postgis(surroundings: Surroundings) -> Run:
    parts = urlsplit(surroundings.postgis)
    address = f"PG:host={parts.hostname} port={parts.port} user={parts.username} password={parts.password}"
    # COPY is ogr2ogr's faster way and its default into a new table.
    return _ogr2ogr(
        surroundings, ["-f", "PostgreSQL", f"{address} dbname={parts.path[1:]}", "-overwrite"], None
    )


def _ogr2ogr(surroundings: Surroundings, arguments: list[str], target: Path | None) -> Run:
    program = shutil.which("ogr2ogr")
    if program is None:
        raise Unavailable("ogr2ogr is not on this machine (Debian's package gdal-bin)")
    source = Dataset(surroundings.data).parcel_file
    command = [program, "--config", "PG_USE_COPY", "YES", *arguments, str(source)]
    count = int(pyogrio.read_info(source)["features"])

    def run() -> Outcome:
        if target is not None:
            target.unlink(missing_ok=True)
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, peak_mb(process.pid))
            time.sleep(0.005)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise Unavailable(f"ogr2ogr ended with {process.returncode}")
        return Outcome(count, seconds, child_mb=peak)

    return run


WHOLE = "checked, measured, linked, with editions and events"
TO_SQLITE = (
    Way("gridgov", by_gridgov, note=WHOLE),
    Way("ogr2ogr to GeoPackage", by_ogr2ogr_to_file, note="bare copy"),
)
TO_POSTGIS = (
    Way("gridgov", by_gridgov, database="import", note=f"{WHOLE}; memory of the client only"),
    Way("ogr2ogr to PostGIS", by_ogr2ogr_to_postgis, database="copy", note="bare copy by COPY"),
)
