"""Listings over HTTP: the generic routes; the public sees a listing while it is published and not expired."""

from __future__ import annotations

from api.records import RecordRoutes, record_router
from gridgov import listings
from gridgov.models import LISTINGS

router = record_router(RecordRoutes(LISTINGS, listings.create, listings.change))
