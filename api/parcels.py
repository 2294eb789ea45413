"""Parcels over HTTP: the generic routes, and the editions of a parcel's boundary."""

from __future__ import annotations

from fastapi import Request, Response

from api import schemas
from api.answers import answer
from api.deps import ScopedCall
from api.editions import edition_items
from api.querying import known_parameters
from api.records import RecordRoutes, record_router
from gridgov import land
from gridgov.models import PARCELS
from gridgov.store.queries.editions import parcel_history

router = record_router(RecordRoutes(PARCELS, land.create, land.change))


@router.get("/api/parcels/{identifier}/editions", response_class=Response, **schemas.editions(PARCELS))
def read_editions(request: Request, identifier: str, call: ScopedCall) -> Response:
    """Every edition of a parcel's geometry, oldest first."""
    known_parameters(request.query_params.multi_items(), ())
    with call.read() as tx:
        record = tx.get(PARCELS, identifier)
        return answer(request, {"items": edition_items(parcel_history(tx, record.id))})
