"""Facilities over HTTP: the generic routes."""

from __future__ import annotations

from functools import partial

from api.records import RecordRoutes, record_router
from gridgov import records
from gridgov.models import FACILITIES

router = record_router(
    RecordRoutes(
        FACILITIES, partial(records.create, kind=FACILITIES), partial(records.change, kind=FACILITIES)
    )
)
