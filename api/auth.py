"""Signing in and out. A wrong login and a wrong password get the same answer after the same time."""

from __future__ import annotations

import datetime as dt
from threading import BoundedSemaphore
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api import schemas, sessions
from api.answers import answer
from api.bearers import Bearer
from api.deps import Call, JsonObject, ScopedCall, send_cookie
from api.passwords import password_fits
from api.querying import known_parameters
from gridgov.access import Role, Scope
from gridgov.errors import InvalidValue, NotSignedIn, TooManyAttempts, UnknownField
from gridgov.store import Tx
from gridgov.store.queries import accounts
from gridgov.store.queries.audit import REFUSED

router = APIRouter(tags=["session"])

WINDOW: Final = dt.timedelta(minutes=15)
ADDRESS_FACTOR: Final = 5  # an office behind one address has several people who mistype
# One check takes 64 MB, so few run at once however many ask.
_CHECKING: Final = BoundedSemaphore(2)
_NOBODY: Final = ""  # whoever was refused: neither what they typed nor whom they claimed to be
_FAULTS: Final = (400, 401, 403, 404, 413, 415, 429, 500, 503)


@router.get("/api/session", response_class=Response, **schemas.simple("Session"))
def read_session(request: Request, call: ScopedCall) -> Response:
    """Who is signed in: `user` is null for nobody and for a program, which is told in `program`."""
    known_parameters(request.query_params.multi_items(), ())
    told: dict[str, Any] = {"user": _me(call.session, call.zone.zone)}
    if call.bearer is not None:
        told["program"] = _program(call.bearer, call.zone.zone)
    return answer(request, told)


@router.post(
    "/api/session", response_class=Response, **schemas.simple("Session", faults=_FAULTS, body="SignIn")
)
def sign_in(request: Request, call: ScopedCall, body: JsonObject) -> Response:
    """Sign in: sets the session cookie. Raises NotSignedIn, TooManyAttempts."""
    known_parameters(request.query_params.multi_items(), ())
    login, password = _credentials(body)
    service, zone = call.service, call.zone.zone
    account_key = "sign-in/" + service.mark(zone, "account", login)
    address_key = "sign-in/" + service.mark(zone, "address", call.client.address)
    limit = service.settings.sign_in_limit
    with service.store.begin(Scope.system(zone), call.now, write=True) as tx:
        # The address first: one that is refused must not leave a counter for every login it invents.
        failures, until = accounts.attempts(tx, address_key, WINDOW)
        beyond = failures >= limit * ADDRESS_FACTOR
        if not beyond:
            tries, until = accounts.count_attempt(tx, account_key, WINDOW)
            beyond = tries > limit
            if tries == limit + 1:  # once in a window, so that guessing on does not fill the log
                shut = accounts.find_user(tx, login)
                call.audit(
                    tx,
                    "sign-in",
                    shut["id"] if shut else None,
                    outcome=REFUSED,
                    details={"attempts": tries},
                    actor=_NOBODY,
                )
        user = None if beyond else accounts.find_user(tx, login)
    if beyond:
        raise TooManyAttempts(
            "Too many failed sign-ins; wait a quarter of an hour.", retry_after=call.seconds_until(until)
        )
    known = user if user is not None and user["disabled_at"] is None else None
    with _CHECKING:
        fits = password_fits(known["password_hash"] if known else None, password)
    with service.store.begin(Scope.system(zone), call.now, write=True) as tx:
        if not fits or known is None or not _unchanged(tx, known):
            accounts.count_attempt(tx, address_key, WINDOW)
            call.audit(tx, "sign-in", user["id"] if user else None, outcome=REFUSED, actor=_NOBODY)
            made = None
        else:
            accounts.forget_attempts(tx, account_key)
            if call.session is not None:
                accounts.revoke_sessions(tx, family=call.session.family)
            made = sessions.start(tx, known["id"], service.settings.session_hours)
            session = sessions.read(tx, made[0])
            call.audit(tx, "sign-in", known["id"], actor=known["id"])
    if made is None:
        raise NotSignedIn("The login or the password is wrong.")
    service.directory.forget_all()
    send_cookie(request, service, call.client, made[0], int((made[1] - call.now).total_seconds()))
    return answer(request, {"user": _me(session, zone)})


@router.delete(
    "/api/session",
    response_class=Response,
    status_code=204,
    **schemas.simple("", status=204, faults=(400, 403, 404, 500, 503)),
)
def sign_out(request: Request, call: ScopedCall) -> Response:
    """Sign out: ends this sign-in with all its tokens, and takes the cookie away."""
    known_parameters(request.query_params.multi_items(), ())
    if call.session is not None:
        end_sessions(call, call.session.family)
    request.state.set_cookies.clear()  # a token that was replaced for this very request ends too
    send_cookie(request, call.service, call.client, "", 0)
    return Response(status_code=204)


def end_sessions(call: Call, family: str) -> None:
    """End every session of one sign-in."""
    with call.service.store.begin(Scope.system(call.zone.zone), call.now, write=True) as tx:
        accounts.revoke_sessions(tx, family=family)
        call.audit(tx, "sign-out", call.actor.key, actor=call.actor.key)
    call.service.directory.forget_all()


def _unchanged(tx: Tx, user: dict[str, Any]) -> bool:
    """Whether an account still has the password that was checked, and may sign in; stays so until the sign-in is kept.

    Writing the login as it is takes the account's row: a change under way is waited for, and a later one waits and then
    ends this session with the others.
    """
    accounts.change_user(tx, user["id"], {"login": user["login"]})
    present = accounts.read_user(tx, user["id"])
    return (
        present is not None
        and present["disabled_at"] is None
        and present["password_hash"] == user["password_hash"]
    )


def _credentials(body: dict[str, Any]) -> tuple[str, str]:
    unknown = set(body) - {"login", "password"}
    if unknown:
        raise UnknownField(f"Signing in takes no {', '.join(sorted(unknown))[:80]}.")
    login, password = body.get("login"), body.get("password")
    if not isinstance(login, str) or not 1 <= len(login.strip()) <= 80 or "\x00" in login:
        raise InvalidValue("“login” must be text of 1 to 80 characters.", field="login")
    if not isinstance(password, str) or not 1 <= len(password) <= 1_000:
        raise InvalidValue("“password” must be text of 1 to 1000 characters.", field="password")
    return login.strip(), password


def _me(session: sessions.Session | None, zone: str) -> dict[str, Any] | None:
    if session is None:
        return None
    return {
        "id": session.user_id,
        "login": session.login,
        "display_name": session.display_name,
        "role": Role(session.role),
        "area_codes": session.area_codes,
        "department_code": session.department_code,
        "zone": zone,
    }


def _program(bearer: Bearer, zone: str) -> dict[str, Any]:
    return {
        "id": bearer.id,
        "role": bearer.role,
        "area_codes": bearer.area_codes,
        "expires_at": bearer.expires_at,
        "zone": zone,
    }
