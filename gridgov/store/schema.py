"""Every table, once, as SQLAlchemy descriptions. The migrations in data/schema build them; a test compares both.

Record tables come from `gridgov.models.KINDS`; revisions, editions, links, events, imports and jobs are written out
here, the tables of PRIVATE (a second file on SQLite) in the module beside.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from gridgov.models import KINDS, Field, FieldType, RecordKind
from gridgov.store.schema_base import fid_column, metadata
from gridgov.store.types import Code, Count, Day, Geometry, Instant, Json, Number, Truth

_TYPES: dict[FieldType, Any] = {
    FieldType.TEXT: lambda _: Text(),
    FieldType.CODE: lambda field: Code(field.max_length),
    FieldType.INTEGER: lambda _: Integer(),
    FieldType.NUMBER: lambda _: Number(),
    FieldType.BOOLEAN: lambda _: Truth(),
    FieldType.INSTANT: lambda _: Instant(),
    FieldType.DAY: lambda _: Day(),
    FieldType.CHOICE: lambda _: Code(40),
    FieldType.LIST: lambda _: Json(),
    FieldType.OBJECT: lambda _: Json(),
    FieldType.REFERENCE: lambda _: Code(36),
}

_NOT_NULL = frozenset(
    {
        "id",
        "zone",
        "code",
        "version",
        "revision",
        "valid_from",
        "created_at",
        "created_by",
        "changed_at",
        "changed_by",
        "payload_hash",
    }
)


def column_type(field: Field) -> TypeEngine[Any]:
    """The column type of a field; the same stored meaning on both databases."""
    made: TypeEngine[Any] = _TYPES[field.type](field)
    return Count() if field.name == "revision" else made


def _record_table(kind: RecordKind) -> Table:
    columns: list[Any] = [fid_column()]
    columns += [Column(f.name, column_type(f), nullable=f.name not in _NOT_NULL) for f in kind.all_fields]
    if kind.geometry is not None:
        columns.append(Column("geometry", Geometry(), nullable=not kind.geometry_required))
    constraints: list[Any] = [UniqueConstraint("zone", "id", name=f"{kind.name}_zone_id")]
    constraints += [
        ForeignKeyConstraint(
            ["zone", field.name],
            [f"{field.refers_to}.zone", f"{field.refers_to}.id"],
            name=f"{kind.name}_{field.name}",
        )
        for field in kind.fields
        if field.refers_to
    ]
    table = Table(kind.name, metadata, *columns, *constraints, info={"primary": ("zone", "id")})
    Index(
        f"{kind.name}_living_code",
        table.c.zone,
        table.c.code,
        unique=kind.code_unique,
        sqlite_where=table.c.valid_to.is_(None),
        postgresql_where=table.c.valid_to.is_(None),
    )
    Index(f"{kind.name}_revision", table.c.zone, table.c.revision)
    for field in kind.fields:
        if field.refers_to:
            Index(f"{kind.name}_by_{field.name}", table.c.zone, table.c[field.name])
    if kind.geometry is not None:
        Index(f"{kind.name}_geometry", table.c.geometry, postgresql_using="gist", info={"spatial": True})
    return table


RECORDS = MappingProxyType({name: _record_table(kind) for name, kind in KINDS.items()})

Index("issues_reported", RECORDS["issues"].c.zone, RECORDS["issues"].c.reported_at, RECORDS["issues"].c.id)

zones = Table(
    "zones",
    metadata,
    Column("zone", Code(64), primary_key=True),
    Column("name_zh", Text(), nullable=False),
    Column("name_en", Text()),
    Column("division_code", Code(12)),
    Column("opened_issues", Truth(), nullable=False, server_default=text("false")),
    Column("created_at", Instant(), nullable=False),
)

revisions = Table(
    "revisions",
    metadata,
    Column("zone", Code(64), primary_key=True),
    Column("kind", Code(40), primary_key=True),
    Column("revision", Count(), nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("zone", Code(64), primary_key=True),
    Column("name", Code(80), primary_key=True),
    Column("value", Count(), nullable=False),
)

edition_sets = Table(
    "edition_sets",
    metadata,
    Column("zone", Code(64), primary_key=True),
    Column("number", Integer(), primary_key=True, autoincrement=False),
    Column("title", Text(), nullable=False),
    Column("published_at", Instant(), nullable=False),
    Column("published_by", Code(80), nullable=False),
)

area_editions = Table(
    "area_editions",
    metadata,
    fid_column(),
    Column("zone", Code(64), nullable=False),
    Column("area_id", Code(36), nullable=False),
    Column("edition_set", Integer(), nullable=False),
    Column("parent_id", Code(36)),
    Column("operation", Code(20), nullable=False),
    Column("area_geodesic_m2", Number(), nullable=False),
    Column("valid_from", Instant(), nullable=False),
    Column("valid_to", Instant()),
    Column("geometry", Geometry(), nullable=False),
    ForeignKeyConstraint(["zone", "area_id"], ["areas.zone", "areas.id"], name="area_editions_area"),
    ForeignKeyConstraint(
        ["zone", "edition_set"], ["edition_sets.zone", "edition_sets.number"], name="area_editions_set"
    ),
    UniqueConstraint("zone", "area_id", "edition_set", name="area_editions_once"),
    info={"primary": ("zone", "area_id", "edition_set")},
)
Index("area_editions_by_set", area_editions.c.zone, area_editions.c.edition_set)
Index("area_editions_geometry", area_editions.c.geometry, postgresql_using="gist", info={"spatial": True})

parcel_editions = Table(
    "parcel_editions",
    metadata,
    fid_column(),
    Column("zone", Code(64), nullable=False),
    Column("parcel_id", Code(36), nullable=False),
    Column("number", Integer(), nullable=False),
    Column("operation", Code(20), nullable=False),
    Column("as_of", Day()),
    Column("area_geodesic_m2", Number(), nullable=False),
    Column("valid_from", Instant(), nullable=False),
    Column("valid_to", Instant()),
    Column("geometry", Geometry(), nullable=False),
    ForeignKeyConstraint(
        ["zone", "parcel_id"], ["parcels.zone", "parcels.id"], name="parcel_editions_parcel"
    ),
    UniqueConstraint("zone", "parcel_id", "number", name="parcel_editions_once"),
    info={"primary": ("zone", "parcel_id", "number")},
)
Index("parcel_editions_geometry", parcel_editions.c.geometry, postgresql_using="gist", info={"spatial": True})

links = Table(
    "links",
    metadata,
    fid_column(),
    Column("zone", Code(64), nullable=False),
    Column("record_kind", Code(40), nullable=False),
    Column("record_id", Code(36), nullable=False),
    Column("level", Code(20), nullable=False),
    Column("area_id", Code(36)),
    Column("area_code", Code(64)),
    Column("rule", Code(20), nullable=False),
    Column("distance_m", Number()),
    Column("border_m", Number()),
    Column("share", Number()),
    Column("main", Truth(), nullable=False),
    Column("doubtful", Truth(), nullable=False),
    Column("hierarchy", Truth(), nullable=False),
    Column("edition_set", Integer(), nullable=False),
    Column("linked_at", Instant(), nullable=False),
    ForeignKeyConstraint(["zone", "area_id"], ["areas.zone", "areas.id"], name="links_area"),
    info={"primary": ("zone", "fid")},
)
Index("links_of_record", links.c.zone, links.c.record_kind, links.c.record_id)
Index("links_of_area", links.c.zone, links.c.area_id, links.c.record_kind, links.c.record_id)

events = Table(
    "events",
    metadata,
    fid_column(),
    Column("id", Code(36), nullable=False),
    Column("zone", Code(64), nullable=False),
    Column("record_kind", Code(40), nullable=False),
    Column("record_id", Code(36), nullable=False),
    Column("verb", Code(40), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("actor", Code(80), nullable=False),
    Column("version", Integer()),
    Column("changes", Json()),
    UniqueConstraint("zone", "id", name="events_zone_id"),
    info={"primary": ("zone", "id")},
)
Index("events_of_record", events.c.zone, events.c.record_kind, events.c.record_id, events.c.fid)

imports = Table(
    "imports",
    metadata,
    fid_column(),
    Column("id", Code(36), nullable=False),
    Column("zone", Code(64), nullable=False),
    Column("kind", Code(40), nullable=False),
    Column("file_name", Text(), nullable=False),
    Column("file_hash", Code(64), nullable=False),
    Column("options_hash", Code(64), nullable=False),
    Column("coordinate_system", Code(20), nullable=False),
    Column("created", Integer(), nullable=False),
    Column("changed", Integer(), nullable=False),
    Column("unchanged", Integer(), nullable=False),
    Column("skipped", Integer(), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("actor", Code(80), nullable=False),
    UniqueConstraint("zone", "id", name="imports_zone_id"),
    info={"primary": ("zone", "id")},
)
Index("imports_by_hash", imports.c.zone, imports.c.kind, imports.c.file_hash)

# What runs outside requests. In the map file on SQLite: a job's effect and its end must be one commit of one file.
jobs = Table(
    "jobs",
    metadata,
    fid_column(),
    Column("id", Code(36), nullable=False),
    Column("zone", Code(64), nullable=False),
    Column("kind", Code(40), nullable=False),
    Column("key", Code(120), nullable=False),
    Column("state", Code(20), nullable=False),
    Column("run_at", Instant(), nullable=False),
    Column("attempts", Integer(), nullable=False),
    Column("failures", Integer(), nullable=False),
    Column("lease_until", Instant()),
    Column("worker", Code(80)),
    Column("payload", Json(), nullable=False),
    Column("progress", Number(), nullable=False),
    Column("step", Code(40)),
    Column("result", Json()),
    Column("error", Text()),
    Column("stop_asked_at", Instant()),
    Column("created_at", Instant(), nullable=False),
    Column("created_by", Code(80), nullable=False),
    Column("started_at", Instant()),
    Column("ended_at", Instant()),
    UniqueConstraint("zone", "id", name="jobs_zone_id"),
    UniqueConstraint("zone", "kind", "key", name="jobs_once"),
    info={"primary": ("zone", "id")},
)
Index("jobs_due", jobs.c.state, jobs.c.run_at)


def spatial_tables() -> tuple[str, ...]:
    """Names of the tables that have a geometry column, in creation order."""
    return tuple(table.name for table in metadata.sorted_tables if "geometry" in table.c)
