"""Accounts for administrators: list, add, change, disable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api import schemas
from api.answers import answer
from api.deps import Call, JsonObject, ScopedCall
from api.passwords import add_account, hash_password
from api.querying import known_parameters
from gridgov.access import Role
from gridgov.errors import InvalidValue, NotFound, UnknownField
from gridgov.models import AREAS, DEPARTMENTS
from gridgov.models.checking import checked_identifier
from gridgov.store import Filter, Query, Tx
from gridgov.store.queries import accounts

router = APIRouter(tags=["users"])

ROLES: Final = (Role.GRID_WORKER, Role.STAFF, Role.ADMIN)
AREAS_MAX: Final = 50
_FIELDS: Final = frozenset({"password", "role", "display_name", "area_codes", "department_code"})
_FAULTS: Final = schemas.WRITE_FAULTS


@router.get("/api/users", response_class=Response, **schemas.simple("Users"))
def list_users(request: Request, call: ScopedCall) -> Response:
    """Every account of the zone, without passwords."""
    known_parameters(request.query_params.multi_items(), ())
    with call.read() as tx:
        return answer(request, {"items": accounts.list_users(tx)})


@router.post(
    "/api/users",
    response_class=Response,
    status_code=201,
    **schemas.simple("User", status=201, faults=_FAULTS, body="NewUser"),
)
def create_user(request: Request, call: ScopedCall, body: JsonObject) -> Response:
    """Make an account."""
    known_parameters(request.query_params.multi_items(), ())
    values = _checked(body, _FIELDS | {"login"})
    missing = {"login", "password", "role", "display_name"} - set(values)
    if missing:
        raise InvalidValue(f"An account needs {', '.join(sorted(missing))}.", fields=sorted(missing))
    with call.write() as tx:
        check_places(tx, values)
        identifier = add_account(
            tx,
            values["login"],
            values["password"],
            values["role"],
            values["display_name"],
            values.get("area_codes", ()),
            values.get("department_code"),
        )
        call.audit(tx, "users:add", identifier, details={"role": values["role"]})
        user = _shown(tx, identifier)
    return answer(request, user, 201)


@router.patch(
    "/api/users/{identifier}",
    response_class=Response,
    **schemas.simple("User", faults=_FAULTS, body="UserChange"),
)
def change_user(request: Request, identifier: str, call: ScopedCall, body: JsonObject) -> Response:
    """Change an account; a new password or role, or disabling it, ends its sessions."""
    known_parameters(request.query_params.multi_items(), ())
    values = _checked(body, _FIELDS | {"disabled"})
    own = checked_identifier(identifier)
    if own == call.actor.key and (
        values.get("disabled") or values.get("role", call.actor.role) != call.actor.role
    ):
        raise InvalidValue("You cannot disable yourself or change your own role; ask another administrator.")
    with call.write() as tx:
        _shown(tx, own)
        check_places(tx, values)
        accounts.change_user(tx, own, _stored(call, values))
        if {"password", "role", "disabled", "area_codes", "department_code"} & set(values):
            accounts.revoke_sessions(tx, user_id=own)
        call.audit(tx, "users:change", own, details=_told(values))
        user = _shown(tx, own)
    call.service.directory.forget_all()
    return answer(request, user)


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log says of a change: which fields, and what was granted or taken; no name and no password."""
    granted = {name: values[name] for name in ("role", "disabled", "area_codes") if name in values}
    return {"fields": sorted(values), **granted}


def _stored(call: Call, values: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values as the table has them; unchanged fields are not in it."""
    stored = {
        name: values[name]
        for name in ("role", "display_name", "area_codes", "department_code")
        if name in values
    }
    if "password" in values:
        stored["password_hash"] = hash_password(values["password"])
    if "disabled" in values:
        stored["disabled_at"] = call.now if values["disabled"] else None
    return stored


def _shown(tx: Tx, identifier: str) -> dict[str, Any]:
    user = accounts.read_user(tx, identifier)
    if user is None:
        raise NotFound(f"There is no account {identifier} in this zone.", id=identifier)
    return {name: value for name, value in user.items() if name != "password_hash"}


def _checked(body: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    unknown = set(body) - known
    if unknown:
        raise UnknownField(f"An account has no {', '.join(sorted(unknown))[:80]} that can be set.")
    if not body:
        raise InvalidValue(f"Name at least one of {', '.join(sorted(known))}.")
    for name, most in (("login", 80), ("display_name", 80), ("password", 200)):
        if name in body:
            check_text(name, body[name], most)
    if "role" in body and body["role"] not in ROLES:
        raise InvalidValue(
            f"“role” is {body['role']!r:.40}, but must be one of {', '.join(ROLES)}.", field="role"
        )
    codes = body.get("area_codes", [])
    if not isinstance(codes, list) or len(codes) > AREAS_MAX:
        raise InvalidValue(
            f"“area_codes” must be a list of at most {AREAS_MAX} area codes.", field="area_codes"
        )
    for code in codes:
        check_text("area_codes", code, 64)
    if body.get("department_code") is not None:
        check_text("department_code", body["department_code"], 64)
    if not isinstance(body.get("disabled", False), bool):
        raise InvalidValue("“disabled” must be true or false.", field="disabled")
    return dict(body)


def check_text(name: str, value: Any, most: int) -> None:
    """Raises InvalidValue unless the value is text of 1 to `most` characters."""
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= most or "\x00" in value:
        raise InvalidValue(f"“{name}” must be text of 1 to {most} characters.", field=name)


def check_places(tx: Tx, values: Mapping[str, Any]) -> None:
    """Raises InvalidValue for an area or department code that no living record has."""
    codes = tuple(dict.fromkeys(values.get("area_codes", ())))
    if codes:
        there = tx.list(AREAS, Query(filters=(Filter("code", "in", codes),), limit=len(codes))).records
        missing = sorted(set(codes) - {record["code"] for record in there})
        if missing:
            raise InvalidValue(f"There is no area {', '.join(missing)[:200]}.", field="area_codes")
    department = values.get("department_code")
    if department is not None and tx.find(DEPARTMENTS, department) is None:
        raise InvalidValue(f"There is no department {department}.", field="department_code")
