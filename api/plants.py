"""Plants over HTTP: the generic routes."""

from __future__ import annotations

from functools import partial

from api.records import RecordRoutes, record_router
from gridgov import plants
from gridgov.models import PLANTS

router = record_router(
    RecordRoutes(PLANTS, partial(plants.create, kind=PLANTS), partial(plants.change, kind=PLANTS))
)
