"""Service tokens for administrators: list, make, revoke. A token is shown once, in the answer that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api import bearers, schemas
from api.answers import answer
from api.deps import JsonObject, ScopedCall
from api.querying import known_parameters
from api.users import AREAS_MAX, check_places, check_text
from gridgov.errors import InvalidValue, NotFound, UnknownField
from gridgov.models.checking import checked_identifier
from gridgov.store.queries import tokens

router = APIRouter(tags=["tokens"])

_FIELDS: Final = frozenset({"name", "role", "area_codes", "days"})


@router.get("/api/tokens", response_class=Response, **schemas.simple("Tokens"))
def list_tokens(request: Request, call: ScopedCall) -> Response:
    """Every token of the zone, ended and revoked ones too, without the tokens themselves."""
    known_parameters(request.query_params.multi_items(), ())
    with call.read() as tx:
        return answer(request, {"items": tokens.list_tokens(tx)})


@router.post(
    "/api/tokens",
    response_class=Response,
    status_code=201,
    **schemas.simple("MadeToken", status=201, faults=schemas.WRITE_FAULTS, body="NewToken"),
)
def make_token(request: Request, call: ScopedCall, body: JsonObject) -> Response:
    """Make a token for a program. `token` in the answer is shown this once."""
    known_parameters(request.query_params.multi_items(), ())
    values = _checked(body)
    with call.write() as tx:
        check_places(tx, values)
        token, row = bearers.make(
            tx,
            values["name"],
            values["role"],
            values["area_codes"],
            values["days"],
            address=call.address_mark,
        )
    return answer(request, {**row, "token": token}, 201)


@router.delete(
    "/api/tokens/{identifier}",
    response_class=Response,
    **schemas.simple("Token", faults=schemas.WRITE_FAULTS),
)
def revoke_token(request: Request, identifier: str, call: ScopedCall) -> Response:
    """Revoke a token: within a second nobody can use it any more. Safe to repeat."""
    known_parameters(request.query_params.multi_items(), ())
    own = checked_identifier(identifier)
    with call.write() as tx:
        row = tokens.read_token(tx, own)
        if row is None:
            raise NotFound(f"There is no token {own} in this zone.", id=own)
        row = bearers.revoke(tx, row, address=call.address_mark)
    call.service.directory.forget_all()
    return answer(request, row)


def _checked(body: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(body) - _FIELDS
    if unknown:
        raise UnknownField(f"A token has no {', '.join(sorted(unknown))[:80]} that can be set.")
    for name in ("name", "role"):
        check_text(name, body.get(name), 60)
    codes = body.get("area_codes", [])
    if not isinstance(codes, list) or len(codes) > AREAS_MAX:
        raise InvalidValue(
            f"“area_codes” must be a list of at most {AREAS_MAX} area codes.", field="area_codes"
        )
    for code in codes:
        check_text("area_codes", code, 64)
    days = body.get("days", bearers.DAYS)
    if days is not None and (isinstance(days, bool) or not isinstance(days, int)):
        raise InvalidValue("“days” must be a whole number, or null for a token without an end.", field="days")
    return {"name": body["name"], "role": body["role"], "area_codes": codes, "days": days}
