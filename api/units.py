"""Lettable units over HTTP: the generic routes."""

from __future__ import annotations

from functools import partial

from api.records import RecordRoutes, record_router
from gridgov import plants
from gridgov.models import UNITS

router = record_router(
    RecordRoutes(UNITS, partial(plants.create, kind=UNITS), partial(plants.change, kind=UNITS))
)
