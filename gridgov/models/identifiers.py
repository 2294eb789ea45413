"""Identifiers: UUIDv7, so that ids made at one time lie together in an index."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid


def new_identifier(now: dt.datetime) -> str:
    """A UUIDv7 (RFC 9562, 5.7) for `now` (aware), lower-case text with dashes."""
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))
