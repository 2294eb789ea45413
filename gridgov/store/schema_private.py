"""The tables with accounts, contacts and whatever else may be erased: on SQLite they live in the second file.

So the map file can be opened in QGIS, and mailed, without them.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from gridgov.store.schema_base import fid_column, metadata
from gridgov.store.types import Code, Count, Instant, Json, Number

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
    fid_column(),
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
Index("audit_log_pages", audit_log.c.zone, audit_log.c.fid)

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
