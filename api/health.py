"""Whether the service can serve: for watchdogs and load balancers."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api import schemas
from api.answers import answer
from api.deps import service_of

router = APIRouter(tags=["service"])


@router.get("/healthz", response_class=Response, **schemas.health())
def healthz(request: Request) -> Response:
    """200 when the store answers and fits this program, else 503 as a problem."""
    service_of(request).store.check()
    return answer(request, {"status": "ok"})
