"""The command line, as an operator types it, on both stores."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api import cli
from gridgov.access import Scope
from gridgov.errors import GridgovError, LiveStoreFile, NotFound, SchemaMissing
from gridgov.models import AREAS, PARCELS
from gridgov.store import Query, Store, open_store
from gridgov.store.queries.accounts import find_user
from tests.api.conftest import Run
from tests.factories import square
from tests.fixtures_store import ZONE

DISTRICTS = Path(__file__).parents[3] / "shared" / "data" / "pingdingshan_districts_gcj02.geojson"


def parcels_file(folder: Path, **changes: Any) -> Path:
    """Two parcels as a planner exports them."""
    features = [
        {
            "type": "Feature",
            "properties": {"编号": f"DK-{n}", "名称": f"{n} 号地块", "进度": "净地", **changes},
            "geometry": square(n).__geo_interface__,
        }
        for n in range(2)
    ]
    path = folder / "parcels.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def count(url: str, kind: Any) -> int:
    store: Store = open_store(url)
    try:
        with store.begin(Scope.system(ZONE), cli.utc_now()) as tx:
            return tx.count(kind, Query())
    finally:
        store.close()


def test_every_command_explains_itself(run: Run) -> None:
    for words in (
        [],
        ["serve"],
        ["init"],
        ["seed"],
        ["import"],
        ["export"],
        ["check"],
        ["user"],
        ["user", "add"],
    ):
        result = run(*words, "--help")
        assert result.exit_code == 0
        assert "Usage" in result.output


def test_a_dry_run_changes_nothing_and_the_real_run_loads_once(url: str, run: Run, tmp_path: Path) -> None:
    file = parcels_file(tmp_path)
    dry = json.loads(run("import", file, "--layer", "parcels", "--dry-run", "--json").stdout)
    assert (dry["outcome"], dry["counts"]["created"]) == ("dry_run", 2)
    assert count(url, PARCELS) == 0
    loaded = run("import", file, "--layer", "parcels")
    assert "2 new" in loaded.stdout
    assert count(url, PARCELS) == 2
    again = json.loads(run("import", file, "--layer", "parcels", "--json").stdout)
    assert again["outcome"] == "unchanged"
    assert count(url, PARCELS) == 2


def test_a_faulty_file_is_refused_with_exit_code_and_loads_nothing(
    url: str, run: Run, tmp_path: Path
) -> None:
    file = parcels_file(tmp_path, 进度="快好了")
    with pytest.raises(GridgovError, match="nothing was loaded"):
        run("import", file, "--layer", "parcels")
    assert run("import", file, "--layer", "parcels", "--dry-run").exit_code == 1
    assert count(url, PARCELS) == 0
    with pytest.raises(NotFound, match="no file"):
        run("import", tmp_path / "absent.geojson", "--layer", "parcels")
    with pytest.raises(NotFound, match="micro_grids"):
        run("import", file, "--layer", "no-such-layer")


def test_the_districts_of_pingdingshan_land_where_wgs84_has_them(url: str, run: Run, tmp_path: Path) -> None:
    places = tmp_path / "places.geojson"
    words = ("import", DISTRICTS, "--layer", "districts", "--crs", "gcj02", "--places", places, "--json")
    told = json.loads(run(*words).stdout)
    assert (told["outcome"], told["counts"]["created"]) == ("loaded", 10)
    assert told["coordinate_system"]["key"] == "gcj02"
    assert count(url, AREAS) == 10
    out = tmp_path / "out.geojson"
    assert json.loads(run("export", out, "--layer", "districts", "--json").stdout)["records"] == 10
    written = json.loads(out.read_text(encoding="utf-8"))
    codes = sorted(feature["properties"]["code"] for feature in written["features"])
    assert codes == [
        "410402",
        "410403",
        "410404",
        "410411",
        "410421",
        "410422",
        "410423",
        "410425",
        "410481",
        "410482",
    ]
    assert json.loads(places.read_text(encoding="utf-8"))["type"] == "FeatureCollection"


def test_the_open_store_is_neither_read_nor_written_as_a_file(
    sqlite_store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sqlite_store.path  # type: ignore[attr-defined]  # the embedded store has one
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", sqlite_store.url)
    with pytest.raises(LiveStoreFile):
        run("import", path, "--layer", "parcels")
    with pytest.raises(LiveStoreFile):
        run("export", path, "--layer", "parcels")


def test_accounts_are_added_listed_and_disabled(url: str, run: Run) -> None:
    password = "a long enough password"
    run("user", "add", "wang", "--role", "staff", "--name", "王工", "--password-stdin", stdin=password + "\n")
    with pytest.raises(GridgovError, match="taken"):
        run("user", "add", "wang", "--role", "staff", "--password-stdin", stdin=password + "\n")
    with pytest.raises(GridgovError, match="10 to 200"):
        run("user", "add", "li", "--role", "staff", "--password-stdin", stdin="short\n")
    assert run("user", "add", "li", "--role", "system", "--password-stdin", stdin=password).exit_code == 2
    run("user", "disable", "wang")
    (listed,) = json.loads(run("user", "list", "--json").stdout)
    assert (listed["login"], listed["role"]) == ("wang", "staff")
    assert listed["disabled_at"]
    assert "password" not in json.dumps(listed)
    store = open_store(url)
    with store.begin(Scope.system(ZONE), cli.utc_now()) as tx:
        user = find_user(tx, "wang")
    store.close()
    assert user is not None
    assert user["password_hash"].startswith("$argon2id$")


def test_check_names_what_is_missing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", f"sqlite:///{tmp_path / 'new.gpkg'}")
    bad = run("check", "--json")
    found = {each["what"]: each for each in json.loads(bad.stdout)}
    assert bad.exit_code == 1
    assert "gridgov init" in found["store"]["remedy"]
    assert "GRIDGOV_SECRET" in found["secret"]["remedy"]
    with pytest.raises(SchemaMissing):
        run("seed")
    monkeypatch.setenv("GRIDGOV_SECRET", "x" * 40)
    assert run("init", "--zone", "mine", "--name", "我的开发区").exit_code == 0
    good = run("check")
    assert good.exit_code == 0, good.stdout


def test_without_a_zone_the_command_says_which_there_are(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", f"sqlite:///{tmp_path / 'new.gpkg'}")
    run("init")
    with pytest.raises(NotFound, match="none yet"):
        run("user", "list")
    run("init", "--zone", "one")
    assert json.loads(run("user", "list", "--json").stdout) == []
    run("init", "--zone", "two")
    with pytest.raises(NotFound, match="one, two"):
        run("user", "list")


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, api.cli; print(sorted({'numba', 'geopandas', 'sqlalchemy', 'fastapi'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_with_the_northing_first_is_turned_by_axes(url: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text("编号,设施类型,名称,WKT\nSS-1,公厕,一号公厕,POINT (3735042 435134)\n", encoding="utf-8")
    words = ("import", file, "--layer", "facilities", "--crs", "EPSG:4547")
    with pytest.raises(GridgovError, match="north-east"):
        run(*words, "--axes", "sideways")
    assert json.loads(run(*words, "--axes", "north-east", "--json").stdout)["outcome"] == "loaded"
    out = tmp_path / "out.geojson"
    run("export", out, "--layer", "facilities")
    (feature,) = json.loads(out.read_text(encoding="utf-8"))["features"]
    assert feature["geometry"]["coordinates"] == pytest.approx([113.3, 33.74], abs=2e-5)


def test_a_zone_opens_and_closes_its_issues(url: str, run: Run) -> None:
    assert json.loads(run("zone", "--json").stdout)[0]["opened_issues"] is False
    assert "open to the public" in run("zone", ZONE, "--issues", "open").stdout
    assert json.loads(run("zone", ZONE, "--json").stdout)[0]["opened_issues"] is True
    assert "closed" in run("zone", ZONE, "--issues", "closed").stdout
    assert run("zone", "--issues", "open").exit_code == 2
    with pytest.raises(NotFound):
        run("zone", "no-such-zone", "--issues", "open")


def test_a_missing_folder_or_department_is_said_before_anything_is_written(
    url: str, run: Run, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="make it first"):
        run("export", tmp_path / "none" / "x.csv", "--layer", "parcels")
    with pytest.raises(NotFound, match="make it first"):
        run("import", parcels_file(tmp_path), "--layer", "parcels", "--places", tmp_path / "none" / "p.json")
    assert count(url, PARCELS) == 0
    password = "a long enough password"
    with pytest.raises(NotFound, match="NOPE"):
        run(
            "user",
            "add",
            "wang",
            "--role",
            "staff",
            "--department",
            "NOPE",
            "--password-stdin",
            stdin=password,
        )


def test_column_names_with_brackets_are_shown_as_they_are(url: str, run: Run, tmp_path: Path) -> None:
    file = parcels_file(tmp_path, **{"x[/y]": "1", "净高[m]": "2"})
    shown = run("import", file, "--layer", "parcels", "--dry-run").stdout
    assert "x[/y]" in shown
    assert "净高[m]" in shown


def test_an_uninitialised_store_is_said_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", f"sqlite:///{tmp_path / 'new.gpkg'}")
    with pytest.raises(SchemaMissing, match="gridgov init"):
        run("user", "list")
