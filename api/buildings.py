"""Buildings over HTTP: the generic routes."""

from __future__ import annotations

from functools import partial

from api.records import RecordRoutes, record_router
from gridgov import records
from gridgov.models import BUILDINGS

router = record_router(
    RecordRoutes(BUILDINGS, partial(records.create, kind=BUILDINGS), partial(records.change, kind=BUILDINGS))
)
