"""Every table, once, as SQLAlchemy descriptions. The migrations in data/schema build them; a test compares both.

Record tables come from `gridgov.models.KINDS`; the rest (revisions, editions, links, events, imports and the private
tables) is written out here. On SQLite the tables of PRIVATE live in a second file.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from gridgov.models import KINDS, Field, FieldType, RecordKind
from gridgov.store.types import Code, Count, Day, Geometry, Instant, Json, Number, Truth

metadata = MetaData()

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


def _fid() -> Column[int]:
    # GeoPackage and R*Tree need an INTEGER PRIMARY KEY. On PostgreSQL it is only a stable row number: there the
    # primary key is info["primary"], which starts with the zone, so that tables can be partitioned by it.
    return Column("fid", Count(), Identity(always=False), primary_key=True)


def column_type(field: Field) -> TypeEngine[Any]:
    """The column type of a field; the same stored meaning on both databases."""
    made: TypeEngine[Any] = _TYPES[field.type](field)
    return Count() if field.name == "revision" else made


def _record_table(kind: RecordKind) -> Table:
    columns: list[Any] = [_fid()]
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
    _fid(),
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
    _fid(),
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
    _fid(),
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
    _fid(),
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
    _fid(),
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

users = Table(
    "users",
    metadata,
    Column("id", Code(36), primary_key=True),
    Column("zone", Code(64), nullable=False),
    Column("login", Code(80), nullable=False),
    Column("password_hash", Text(), nullable=False),
    Column("role", Code(40), nullable=False),
    Column("display_name", Text(), nullable=False),
    Column("area_codes", Json(), nullable=False),
    Column("department_code", Code(64)),
    Column("created_at", Instant(), nullable=False),
    Column("disabled_at", Instant()),
    UniqueConstraint("zone", "login", name="users_zone_login"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Code(64), primary_key=True),
    Column("user_id", Code(36), nullable=False),
    Column("zone", Code(64), nullable=False),
    Column("family", Code(36), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("expires_at", Instant(), nullable=False),
    Column("replaced_at", Instant()),
    Column("revoked_at", Instant()),
    ForeignKeyConstraint(["user_id"], ["users.id"], name="sessions_user"),
)
Index("sessions_of_user", sessions.c.user_id)
Index("sessions_of_family", sessions.c.family)
Index("sessions_expiry", sessions.c.zone, sessions.c.expires_at)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Code(36), primary_key=True),
    Column("zone", Code(64), nullable=False),
    Column("name", Text()),
    Column("phone", Text()),
    Column("created_at", Instant(), nullable=False),
    Column("erased_at", Instant()),
)

original_texts = Table(
    "original_texts",
    metadata,
    Column("id", Code(36), primary_key=True),
    Column("zone", Code(64), nullable=False),
    Column("record_kind", Code(40), nullable=False),
    Column("record_id", Code(36), nullable=False),
    Column("text", Text()),
    Column("created_at", Instant(), nullable=False),
    Column("erased_at", Instant()),
)
Index(
    "original_texts_of_record",
    original_texts.c.zone,
    original_texts.c.record_kind,
    original_texts.c.record_id,
)

throttles = Table(
    "throttles",
    metadata,
    Column("key", Code(128), primary_key=True),
    Column("window_start", Instant(), nullable=False),
    Column("count", Integer(), nullable=False),
    CheckConstraint("count >= 0", name="throttles_count"),
)
Index("throttles_start", throttles.c.window_start)

# What runs outside requests. In the map file on SQLite: a job's effect and its end must be one commit of one file.
jobs = Table(
    "jobs",
    metadata,
    _fid(),
    Column("id", Code(36), nullable=False),
    Column("zone", Code(64), nullable=False),
    Column("kind", Code(40), nullable=False),
    Column("key", Code(120), nullable=False),
    Column("state", Code(20), nullable=False),
    Column("run_at", Instant(), nullable=False),
    Column("attempts", Integer(), nullable=False),
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

attachments = Table(
    "attachments",
    metadata,
    Column("zone", Code(64), primary_key=True),
    Column("id", Code(36), primary_key=True),
    Column("record_kind", Code(40), nullable=False),
    Column("record_id", Code(36), nullable=False),
    Column("media_type", Code(40), nullable=False),
    Column("hash", Code(64)),
    Column("thumbnail_hash", Code(64)),
    Column("size_bytes", Count(), nullable=False),
    Column("width", Integer(), nullable=False),
    Column("height", Integer(), nullable=False),
    Column("file_name", Text()),
    Column("taken_at", Instant()),
    Column("taken_lon", Number()),
    Column("taken_lat", Number()),
    Column("payload_hash", Code(64), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("created_by", Code(80), nullable=False),
    Column("erased_at", Instant()),
)
Index("attachments_of_record", attachments.c.zone, attachments.c.record_kind, attachments.c.record_id)
Index("attachments_by_hash", attachments.c.hash)
Index("attachments_by_thumbnail", attachments.c.thumbnail_hash)

# Programs that sign in by a token instead of a password: a scraper, a partner's system, a script.
service_tokens = Table(
    "service_tokens",
    metadata,
    Column("id", Code(36), primary_key=True),
    Column("zone", Code(64), nullable=False),
    Column("name", Code(80), nullable=False),
    Column("token_hash", Code(64), nullable=False),
    Column("role", Code(40), nullable=False),
    Column("area_codes", Json(), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("created_by", Code(80), nullable=False),
    Column("expires_at", Instant()),
    Column("revoked_at", Instant()),
    UniqueConstraint("token_hash", name="service_tokens_hash"),
    UniqueConstraint("zone", "name", name="service_tokens_name"),
)

# Who did what to the service itself; the history of records is in events. It only grows.
audit_log = Table(
    "audit_log",
    metadata,
    _fid(),
    Column("id", Code(36), nullable=False),
    Column("zone", Code(64), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("actor", Code(80), nullable=False),
    Column("action", Code(40), nullable=False),
    Column("subject", Code(120)),
    Column("outcome", Code(20), nullable=False),
    Column("address", Code(64)),
    Column("details", Json()),
    UniqueConstraint("zone", "id", name="audit_log_zone_id"),
    info={"primary": ("zone", "id")},
)
Index("audit_log_at", audit_log.c.zone, audit_log.c.at)

# On SQLite these live in the second file: the map file can be opened in QGIS without them.
PRIVATE = frozenset(
    {
        "users",
        "sessions",
        "service_tokens",
        "contacts",
        "original_texts",
        "attachments",
        "throttles",
        "audit_log",
    }
)


def spatial_tables() -> tuple[str, ...]:
    """Names of the tables that have a geometry column, in creation order."""
    return tuple(table.name for table in metadata.sorted_tables if "geometry" in table.c)
