"""Loading: one transaction, all or nothing, and the same file again changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import shapely

from gridgov.access import Scope
from gridgov.errors import ImportRejected
from gridgov.exchange.existing import read_existing, read_references
from gridgov.exchange.loading import run_import
from gridgov.exchange.planning import Options, plan_import
from gridgov.exchange.report import Report
from gridgov.geo.crs import Gcj02
from gridgov.geo.distance import geodesic_distance
from gridgov.geo.transform import from_lonlat
from gridgov.models import AREAS, KINDS, PARCELS, PLANTS, UNITS, RecordKind
from gridgov.records import current_linker
from gridgov.relink import publish_and_relink
from gridgov.serving.linking import Linkers
from gridgov.settings import Settings
from gridgov.store import Query, Store
from tests.exchange.files import DISTRICTS, ZONE, parcel, parcels, write_geojson
from tests.factories import sample, square

SETTINGS = Settings()


def load(
    store: Store,
    scope: Scope,
    now: dt.datetime,
    path: Path,
    kind: RecordKind = PARCELS,
    options: Options | None = None,
    boundary: Any = None,
    skip_bad: bool = False,
    dry_run: bool = False,
) -> Report:
    """Plan and run in one transaction, as the command line does."""
    with store.begin(scope, now, write=True) as tx:
        plan = plan_import(
            path,
            kind,
            settings=SETTINGS,
            now=now,
            options=options,
            zone_boundary=boundary,
            existing=read_existing(tx, kind),
            references=read_references(tx, kind),
        )
        linker = current_linker(tx, Linkers())
        return run_import(tx, plan, linker, publish_and_relink, skip_bad=skip_bad, dry_run=dry_run)


def stored(store: Store, scope: Scope, now: dt.datetime, kind: RecordKind = PARCELS) -> Mapping[str, Any]:
    """The living records of the kind by code."""
    with store.begin(scope, now) as tx:
        return {record["code"]: record for record in tx.list(kind, Query(limit=1000)).records}


def test_a_geojson_becomes_records_with_measured_areas(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    report = load(store, system, now, write_geojson(tmp_path / "parcels.geojson", parcels()), boundary=ZONE)
    records = stored(store, system, now)
    assert report.outcome == "loaded"
    assert (report.counts.created, report.counts.rejected) == (3, 0)
    assert sorted(records) == ["DK-0001", "DK-0002", "DK-0003"]
    assert records["DK-0002"]["land_code"] == "1001"
    assert records["DK-0002"].geometry.equals(square(column=4))
    assert records["DK-0002"]["area_geodesic_m2"] == pytest.approx(10_282, abs=2)


def test_the_same_file_again_changes_nothing(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    path = write_geojson(tmp_path / "parcels.geojson", parcels())
    load(store, system, now, path)
    before = stored(store, system, now)
    again = load(store, system, now + dt.timedelta(days=1), path)
    assert again.outcome == "unchanged"
    assert (again.counts.created, again.counts.changed, again.counts.unchanged) == (0, 0, 3)
    assert {code: dict(record) for code, record in stored(store, system, now).items()} == {
        code: dict(record) for code, record in before.items()
    }


def test_a_changed_file_changes_only_the_rows_that_differ(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    rows = parcels()
    load(store, system, now, write_geojson(tmp_path / "first.geojson", rows))
    moved = [
        rows[0],
        {**rows[1], "geometry": square(column=4, size=1.5)},
        {**rows[2], "名称": "新名"},
        parcel(9),
    ]
    later = now + dt.timedelta(days=1)
    report = load(store, system, later, write_geojson(tmp_path / "second.geojson", moved))
    records = stored(store, system, later)
    assert (report.counts.created, report.counts.changed, report.counts.unchanged) == (1, 2, 1)
    assert [records[code]["version"] for code in ("DK-0001", "DK-0002", "DK-0003")] == [1, 2, 2]
    assert records["DK-0002"].geometry.equals(square(column=4, size=1.5))
    assert records["DK-0003"]["name_zh"] == "新名"


def test_an_empty_cell_erases_nothing(store: Store, system: Scope, now: dt.datetime, tmp_path: Path) -> None:
    load(store, system, now, write_geojson(tmp_path / "first.geojson", parcels(1)))
    blank = [{**parcel(1), "名称": "", "用地代码": None}]
    report = load(store, system, now, write_geojson(tmp_path / "second.geojson", blank))
    assert report.counts.unchanged == 1
    assert stored(store, system, now)["DK-0001"]["name_zh"] == "1号地块"


def test_a_dry_run_writes_nothing(store: Store, system: Scope, now: dt.datetime, tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "parcels.geojson", parcels())
    report = load(store, system, now, path, dry_run=True)
    assert report.outcome == "dry_run"
    assert report.counts.created == 3
    assert stored(store, system, now) == {}
    assert load(store, system, now, path).outcome == "loaded"


def test_one_bad_row_refuses_the_whole_file(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    path = write_geojson(tmp_path / "parcels.geojson", [*parcels(), parcel(7, 用地代码="9999")])
    with pytest.raises(ImportRejected, match="1 errors in 1 rows") as caught:
        load(store, system, now, path)
    (problem,) = caught.value.details["report"]["problems"]
    assert (problem["kind"], problem["row"], problem["reference"]) == ("unknown_land_code", 4, "DK-0007")
    assert stored(store, system, now) == {}


def test_skip_bad_loads_the_sound_rows(store: Store, system: Scope, now: dt.datetime, tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "parcels.geojson", [*parcels(), parcel(7, 用地代码="9999")])
    report = load(store, system, now, path, skip_bad=True)
    assert (report.counts.created, report.counts.rejected) == (3, 1)
    assert sorted(stored(store, system, now)) == ["DK-0001", "DK-0002", "DK-0003"]


def test_a_failure_in_the_middle_loads_nothing(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    path = write_geojson(tmp_path / "parcels.geojson", parcels())

    class Interrupted:
        def start(self, total: int, label: str) -> None:
            pass

        def advance(self, count: int = 1) -> None:
            raise KeyboardInterrupt

    plan = plan_import(path, PARCELS, settings=SETTINGS, now=now)

    def interrupted_run() -> None:
        with store.begin(system, now, write=True) as tx:
            run_import(tx, plan, current_linker(tx, Linkers()), publish_and_relink, progress=Interrupted())

    with pytest.raises(KeyboardInterrupt):
        interrupted_run()
    assert stored(store, system, now) == {}


def test_the_ten_real_districts_land_where_wgs84_has_them(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    options = Options(Gcj02(), columns={"adcode": "code", "level": "kind"})
    report = load(store, system, now, DISTRICTS, AREAS, options)
    assert report.outcome == "loaded"
    records = stored(store, system, now, AREAS)
    assert sorted(records) == [
        "410402", "410403", "410404", "410411", "410421", "410422", "410423", "410425", "410481", "410482",
    ]  # fmt: skip
    assert {record["kind"] for record in records.values()} == {"district"}
    assert records["410402"]["name_zh"] == "新华区"
    shapes = [record.geometry for record in records.values()]
    lonlat = shapely.get_coordinates(shapes)
    back = shapely.get_coordinates(from_lonlat(shapes, Gcj02()))
    offset = geodesic_distance(lonlat[:, 0], lonlat[:, 1], back[:, 0], back[:, 1])
    assert 560.0 < offset.min() < 600.0 < offset.max() < 625.0
    source = shapely.get_coordinates(shapely.from_geojson(DISTRICTS.read_text(encoding="utf-8")))
    _, nearest = shapely.STRtree(shapely.points(source)).query_nearest(
        shapely.points(back), all_matches=False
    )
    miss = geodesic_distance(back[:, 0], back[:, 1], source[nearest, 0], source[nearest, 1])
    assert miss.max() < 0.001


def test_areas_of_a_changed_file_get_new_editions_and_keep_what_the_file_does_not_say(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    park = {"编号": "PK-01", "类型": "园区", "名称": "电气园", "functional": 1, "geometry": square(size=10)}
    load(store, system, now, write_geojson(tmp_path / "first.geojson", [park]), AREAS)
    only_border = {"编号": "PK-01", "geometry": square(size=12)}
    report = load(store, system, now, write_geojson(tmp_path / "second.geojson", [only_border]), AREAS)
    record = stored(store, system, now, AREAS)["PK-01"]
    assert report.counts.changed == 1
    assert (record["name_zh"], record["kind"], record["edition_set"]) == ("电气园", "park", 2)
    assert record.geometry.equals(square(size=12))


def test_units_and_departments_come_from_tables(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    with store.begin(system, now, write=True) as tx:
        plant = tx.insert(PLANTS, sample("plants")).record
    table = tmp_path / "units.csv"
    table.write_text(
        "编号,厂房编号,可租面积(平方米)\nU-1,CF-001,2400\nU-2,CF-001,800.5\n", encoding="utf-8-sig"
    )
    assert load(store, system, now, table, UNITS).counts.created == 2
    units = stored(store, system, now, UNITS)
    assert {code: (unit["plant_id"], unit["lettable_m2"]) for code, unit in units.items()} == {
        "U-1": (plant.id, 2400.0),
        "U-2": (plant.id, 800.5),
    }
    assert load(store, system, now, table, UNITS).outcome == "unchanged"


def test_an_imported_issue_says_so_but_a_patrolled_one_keeps_its_source(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    with store.begin(system, now, write=True) as tx:
        tx.insert(KINDS["issues"], sample("issues", code="WT-1", position_source="gps"))
    rows = [{"编号": code, "类别": "噪声油烟", "geometry": square().centroid} for code in ("WT-1", "WT-2")]
    load(store, system, now, write_geojson(tmp_path / "a.geojson", rows), KINDS["issues"])
    issues = stored(store, system, now, KINDS["issues"])
    assert {code: issue["position_source"] for code, issue in issues.items()} == {
        "WT-1": "gps",
        "WT-2": "import",
    }
