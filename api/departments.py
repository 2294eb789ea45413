"""Departments over HTTP: the generic routes."""

from __future__ import annotations

from functools import partial

from api.records import RecordRoutes, record_router
from gridgov import records
from gridgov.models import DEPARTMENTS

router = record_router(
    RecordRoutes(
        DEPARTMENTS, partial(records.create, kind=DEPARTMENTS), partial(records.change, kind=DEPARTMENTS)
    )
)
