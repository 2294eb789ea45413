"""Whether the files of a store are sound and its spatial indexes agree with their tables, asked in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from gridgov.store.schema import spatial_tables
from gridgov.store.schema_base import metadata


def damaged_indexes(connection: Connection) -> Iterator[str]:
    """What is wrong, in words."""
    yield from _of_sqlite(connection) if connection.dialect.name == "sqlite" else _of_postgres(connection)


def _of_sqlite(connection: Connection) -> Iterator[str]:
    """Needs a connection of gridgov.store.sqlite, which knows the functions of the GeoPackage."""
    for schema in ("main", "map"):
        told = _rows(connection, f"PRAGMA {schema}.integrity_check")
        if told != [("ok",)]:
            yield f"integrity_check of {schema} says {told[:3]}"
        broken = _rows(connection, f"PRAGMA {schema}.foreign_key_check")
        if broken:
            yield f"foreign_key_check of {schema} finds {broken[:3]}"
    for table in spatial_tables():
        tree = f"map.rtree_{table}_geometry"
        told = _rows(connection, f"SELECT rtreecheck('map', 'rtree_{table}_geometry')")
        if told != [("ok",)]:
            yield f"rtreecheck of {table} says {told}"
        without = _rows(
            connection,
            f"SELECT t.fid FROM {table} t LEFT JOIN {tree} r ON r.id = t.fid"
            " WHERE (t.geometry IS NOT NULL) <> (r.id IS NOT NULL)",
        )
        beyond = _rows(
            connection, f"SELECT r.id FROM {tree} r LEFT JOIN {table} t ON t.fid = r.id WHERE t.fid IS NULL"
        )
        outside = _rows(
            connection,
            f"SELECT t.fid FROM {table} t JOIN {tree} r ON r.id = t.fid WHERE r.minx > ST_MinX(t.geometry)"
            " OR r.maxx < ST_MaxX(t.geometry) OR r.miny > ST_MinY(t.geometry) OR r.maxy < ST_MaxY(t.geometry)",
        )
        for found, words in (
            (without, "have no box"),
            (beyond, "are boxes only"),
            (outside, "leave their box"),
        ):
            if found:
                yield f"{len(found)} rows of {table} {words}, first {found[0][0]}"


def _of_postgres(connection: Connection) -> Iterator[str]:
    """Needs the extension amcheck, which belongs to PostgreSQL's own packages."""
    statement = (
        "SELECT c.relname, bt_index_check(c.oid, true)::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree'"
        " JOIN pg_class t ON t.oid = i.indrelid WHERE t.relname = ANY(%s)"
    )
    tables = sorted(table.name for table in metadata.sorted_tables)
    if not _rows(connection, statement, (tables,)):
        yield "there is not one index"
    for table in spatial_tables():
        everything = f"SELECT count(*) FROM {table} WHERE geometry IS NOT NULL"
        (rows,) = _rows(connection, everything)[0]
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        (found,) = _rows(
            connection, everything + " AND geometry && ST_MakeEnvelope(-180, -90, 180, 90, 4326)"
        )[0]
        connection.exec_driver_sql("SET LOCAL enable_seqscan = on")
        if rows != found:
            yield f"the spatial index of {table} finds {found} of {rows} rows"


def _rows(connection: Connection, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(statement, values)]
