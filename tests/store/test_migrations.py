"""Migrations: they build exactly the tables the program describes, and a database that does not fit is refused."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Inspector

from gridgov.errors import ConfigurationProblem, SchemaAltered, SchemaMissing, SchemaTooNew
from gridgov.store import Store, migrate, open_store
from gridgov.store.geopackage import layer_style_rows
from gridgov.store.schema import RECORDS, spatial_tables
from gridgov.store.schema_base import metadata
from gridgov.store.schema_private import PRIVATE
from gridgov.store.sqlite import private_path

FIRST_DAY = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
RTREE_TRIGGERS = ("insert", "update2", "update4", "update5", "update6", "update7", "delete")
# What a database has beside the described tables, each with its reason.
BESIDE = {
    "schema_migrations": "what was applied",
    "spatial_ref_sys": "PostGIS's own",
    "layer_styles": "QGIS reads its styles there",
    "gpkg_spatial_ref_sys": "GeoPackage",
    "gpkg_contents": "GeoPackage",
    "gpkg_geometry_columns": "GeoPackage",
    "gpkg_extensions": "GeoPackage",
}


def sqlite_inspector(path: Path) -> Inspector:
    return inspect(create_engine(f"sqlite:///{path}"))


def described_columns(name: str, dialect: Any) -> dict[str, tuple[str, bool]]:
    """Column → (type as the database names it, nullable)."""
    found = {}
    for column in metadata.tables[name].c:
        written = column.type.compile(dialect=dialect).upper()
        found[column.name] = (_spelling(written), bool(column.nullable))
    return found


def _spelling(name: str) -> str:
    name = re.sub(r"\(.*\)", "", name).replace(' COLLATE "C"', "")
    return {"TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "DOUBLE PRECISION": "FLOAT", "NULL": "GEOMETRY"}.get(
        name, name
    )


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_the_map_and_private_files_have_the_described_columns(empty_sqlite: Path) -> None:
    for path, names in (
        (empty_sqlite, set(metadata.tables) - PRIVATE),
        (private_path(empty_sqlite), set(PRIVATE)),
    ):
        with sqlite3.connect(path) as connection:
            tables = {
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            assert {
                name for name in tables - set(BESIDE) if not name.startswith(("rtree_", "sqlite_"))
            } == names
            for name in names:
                rows = connection.execute(f"PRAGMA table_info({name})").fetchall()
                found = {row[1]: (_spelling(row[2].upper()), not row[3]) for row in rows}
                assert found == described_columns(name, sqlite.dialect()), name
        connection.close()


@pytest.mark.postgis
@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_the_database_has_the_described_columns(empty_postgis: str) -> None:
    engine = create_engine(empty_postgis.replace("postgresql:", "postgresql+psycopg2:"))
    found = inspect(engine)
    assert set(found.get_table_names()) - set(BESIDE) == set(metadata.tables)
    for name in metadata.tables:
        columns = {each["name"]: each for each in found.get_columns(name)}
        web = columns.pop("geometry_3857", None)
        assert (web is not None) == (name in RECORDS and "geometry" in columns), name
        there = {
            key: (_spelling(str(each["type"]).upper()), each["nullable"]) for key, each in columns.items()
        }
        assert there == described_columns(name, cast("Any", postgresql).dialect()), name
    with engine.connect() as connection:
        collations = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND data_type = 'character varying' AND collation_name IS DISTINCT FROM 'C'"
            )
        ).all()
        assert [row for row in collations if row[0] in metadata.tables] == []
    engine.dispose()


def described_indexes(name: str, *, spatial: bool) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Index → (columns, unique)."""
    return {
        str(index.name): (tuple(column.name for column in index.columns), bool(index.unique))
        for index in metadata.tables[name].indexes
        if spatial or not index.info.get("spatial")
    }


def described_references(name: str) -> set[tuple[tuple[str, ...], str]]:
    return {
        (tuple(each.column_keys), each.referred_table.name)
        for each in metadata.tables[name].foreign_key_constraints
    }


@pytest.mark.filterwarnings("ignore")
def test_sqlite_has_the_described_indexes_keys_and_triggers(empty_sqlite: Path) -> None:
    for path, names in (
        (empty_sqlite, set(metadata.tables) - PRIVATE),
        (private_path(empty_sqlite), set(PRIVATE)),
    ):
        found = sqlite_inspector(path)
        for name in names:
            indexes = {
                each["name"]: (tuple(each["column_names"]), bool(each["unique"]))
                for each in found.get_indexes(name)
            }
            assert indexes == described_indexes(name, spatial=False), name
            references = {
                (tuple(each["constrained_columns"]), each["referred_table"])
                for each in found.get_foreign_keys(name)
            }
            assert references == described_references(name), name
    with sqlite3.connect(empty_sqlite) as connection:
        triggers = {
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        }
    connection.close()
    with sqlite3.connect(private_path(empty_sqlite)) as connection:
        grown = {
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        }
    connection.close()
    rtrees = {f"rtree_{name}_geometry_{kind}" for name in spatial_tables() for kind in RTREE_TRIGGERS}
    assert triggers == rtrees | {"events_no_update", "events_no_delete"}
    assert grown == {"audit_log_no_update", "audit_log_no_delete", "audit_log_no_replace"}


@pytest.mark.postgis
@pytest.mark.filterwarnings("ignore")
def test_postgis_has_the_described_indexes_keys_and_triggers(empty_postgis: str) -> None:
    engine = create_engine(empty_postgis.replace("postgresql:", "postgresql+psycopg2:"))
    found = inspect(engine)
    for name, table in metadata.tables.items():
        indexes = {
            each["name"]: (tuple(each["column_names"]), bool(each["unique"]))
            for each in found.get_indexes(name)
            if not each.get("duplicates_constraint")
        }
        if name in RECORDS and "geometry" in table.c:
            assert indexes.pop(f"{name}_geometry_3857") == (("geometry_3857",), False)
        assert indexes == described_indexes(name, spatial=True), name
        primary = tuple(found.get_pk_constraint(name)["constrained_columns"])
        assert primary == table.info.get("primary", tuple(table.primary_key.columns.keys())), name
        references = {
            (tuple(each["constrained_columns"]), each["referred_table"])
            for each in found.get_foreign_keys(name)
        }
        assert references == described_references(name), name
    with engine.connect() as connection:
        triggers = (
            connection.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")).scalars().all()
        )
        methods = connection.execute(
            text(
                "SELECT indexname FROM pg_indexes WHERE indexname LIKE '%geometry%' AND indexdef NOT LIKE '%gist%'"
            )
        ).all()
    engine.dispose()
    assert (set(triggers), methods) == ({"events_only_grow", "audit_log_only_grows"}, [])


def test_the_map_file_registers_every_layer_as_a_geopackage(empty_sqlite: Path) -> None:
    with sqlite3.connect(empty_sqlite) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        features = {
            row[0]
            for row in connection.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'")
        }
        columns = {
            row[0]
            for row in connection.execute("SELECT table_name FROM gpkg_geometry_columns WHERE srs_id = 4326")
        }
        rtrees = {row[0] for row in connection.execute("SELECT table_name FROM gpkg_extensions")}
        styled = dict(connection.execute("SELECT f_table_name, styleQML FROM layer_styles"))
    connection.close()
    views = {name for name in features if name.startswith("layer_")}
    assert features == columns == set(spatial_tables()) | views
    assert rtrees == set(spatial_tables())
    assert styled == dict(layer_style_rows())
    assert views <= set(styled)


def test_migrating_twice_applies_nothing_the_second_time(store: Store, now: dt.datetime) -> None:
    assert store.migrate(now) == []
    store.check()


def test_a_new_database_says_that_init_is_missing(
    tmp_path: Path, postgis_url: str, make_postgis_database: Any
) -> None:
    for url in (f"sqlite:///{tmp_path / 'new.gpkg'}", make_postgis_database()):
        store = open_store(url)
        with pytest.raises(SchemaMissing, match="gridgov init"):
            store.check()
        assert store.migrate(FIRST_DAY)
        store.check()
        store.close()


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        (
            "INSERT INTO schema_migrations VALUES (99, '0099_from_the_future', 'x', '2030-01-01')",
            SchemaTooNew,
        ),
        ("UPDATE schema_migrations SET checksum = 'edited'", SchemaAltered),
    ],
)
def test_a_newer_or_edited_history_is_refused(
    store: Store, system: Any, now: dt.datetime, statement: str, error: type[Exception]
) -> None:
    with store.begin(system, now, write=True) as tx:
        where = (
            statement.replace("schema_migrations", "map.schema_migrations")
            if "sqlite" in store.url
            else statement
        )
        tx.connection.exec_driver_sql(where)  # type: ignore[attr-defined]  # behind the protocol on purpose
    with pytest.raises(error):
        store.check()
    with pytest.raises(error):
        store.migrate(now)


def test_two_programs_that_migrate_at_once_apply_everything_once(
    tmp_path: Path, make_postgis_database: Any
) -> None:
    for url in (f"sqlite:///{tmp_path / 'new.gpkg'}", make_postgis_database()):
        stores = [open_store(url) for _ in range(3)]
        with ThreadPoolExecutor() as pool:
            applied = [
                name for names in pool.map(lambda each: each.migrate(FIRST_DAY), stores) for name in names
            ]
        assert len(applied) == len(set(applied)) > 0
        for each in stores:
            each.check()
            each.close()


def test_migrations_are_numbered_without_gaps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "schema" / "x").mkdir(parents=True)
    (tmp_path / "schema" / "x" / "0002_second.sql").write_text("SELECT 1;")
    monkeypatch.setattr(migrate, "data_folder", lambda: tmp_path)
    with pytest.raises(ConfigurationProblem, match="without a gap"):
        migrate.migrations("x")


def test_only_known_kinds_of_store_are_opened() -> None:
    for url in ("mysql://host/db", "sqlite:///", "map.gpkg"):
        with pytest.raises(ConfigurationProblem, match="neither"):
            open_store(url)
