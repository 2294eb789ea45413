"""What routes are given: the clock, the service's parts, who asks in which zone, and the transaction of the request.

The clock is read here and in api/cli.py only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import orjson
from fastapi import Depends, Request

from api import bearers, hot, proxies, sessions
from api.directory import Directory
from api.memory import Moment
from api.rights import OPERATOR, PUBLIC, RIGHTS
from gridgov.access import Actor, Role, Scope, allow
from gridgov.blobs import BlobStore, open_blobs
from gridgov.errors import InvalidValue, NotAllowed, NotSignedIn, StoreProblem
from gridgov.jobs import Means, Runner
from gridgov.models import RecordKind
from gridgov.records import current_linker, load_areas
from gridgov.serving.linking import Linker, Linkers
from gridgov.settings import Settings, require_secret
from gridgov.store import Store, Tx
from gridgov.store.queries.audit import DONE, record_audit
from gridgov.store.queries.editions import current_set
from gridgov.store.queries.zones import Zone
from gridgov.tasks import make_runner

Clock = Callable[[], dt.datetime]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DEVICE_HEADER = "x-device-token"


def utc_now() -> dt.datetime:
    """The clock of the service."""
    return dt.datetime.now(dt.UTC)


@dataclass
class Service:
    """The parts that all requests of one app share. Raises ConfigurationProblem for an unusable secret or proxy."""

    settings: Settings
    store: Store
    clock: Clock = utc_now
    linkers: Linkers = field(default_factory=Linkers)
    blobs: BlobStore = field(init=False)
    directory: Directory = field(init=False)
    trusted: tuple[proxies.Network, ...] = field(init=False)
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        self.directory = Directory(self.store, self.settings.default_zone)
        self.blobs = open_blobs(self.settings, self.store.url)
        self.trusted = proxies.trusted_networks(self.settings.trusted_proxies)
        self.runner = make_runner(Means(self.store, self.blobs, self.settings, self.clock, self.linkers))
        self._secret = require_secret(self.settings).encode()

    def mark(self, *parts: str) -> str:
        """A keyed hash of an address, a device token or a login: countable, not readable."""
        return hmac.new(self._secret, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Call:
    """One request: who asks, in which zone, at which instant.

    since: when the session or the token was read from the store; None for the public.
    """

    service: Service
    zone: Zone
    actor: Actor
    areas: frozenset[str]
    now: dt.datetime
    client: proxies.Client
    session: sessions.Session | None = None
    root: str = ""
    bearer: bearers.Bearer | None = None
    since: Moment | None = None

    @property
    def scope(self) -> Scope:
        """What the actor sees of the zone."""
        return Scope.of(self.actor, self.zone.zone, self.areas, self.zone.opened_issues)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """The request's reading transaction. Raises NotSignedIn like `confirm`."""
        with self.service.store.begin(self.scope, self.now) as tx:
            self._confirm(tx)
            yield tx

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """The request's writing transaction; commits when the block ends. Raises NotSignedIn like `confirm`."""
        with self.service.store.begin(self.scope, self.now, write=True) as tx:
            self._confirm(tx)
            yield tx

    def confirm(self) -> None:
        """For what opens transactions of its own after a body that may have taken minutes to arrive.

        Raises NotSignedIn when the session or token, read longer ago than rights are remembered, was ended meanwhile.
        """
        with self.read():
            pass

    def _confirm(self, tx: Tx) -> None:
        # Counted from the reading: the age of what was remembered and the time under way add up to less than a second.
        if self.since is None or self.service.directory.fresh(self.since, self.service.clock()):
            return
        if self.session is not None:
            living = sessions.living(tx, self.session)
        else:
            living = self.bearer is not None and bearers.read(tx, self.bearer.token_hash) is not None
        if not living:
            raise NotSignedIn(
                "Your sign-in ended while this request was under way; sign in and send it again."
            )

    def audit(
        self,
        tx: Tx,
        action: str,
        subject: str | None = None,
        *,
        outcome: str = DONE,
        details: Mapping[str, Any] | None = None,
        actor: str | None = None,
    ) -> None:
        """Note an act in the audit log with where it came from; arguments as of record_audit."""
        record_audit(
            tx, action, subject, outcome=outcome, address=self.address_mark, details=details, actor=actor
        )

    @property
    def address_mark(self) -> str:
        """The keyed hash that stands for the caller's address in the audit log of this zone."""
        return self.service.mark(self.zone.zone, "audit", self.client.address)

    def holding_linker(self, tx: Tx) -> Linker:
        """The link index in force, which no publication replaces before the writing transaction ends."""
        return current_linker(tx, self.service.linkers)

    def reading_linker(self, tx: Tx) -> Linker:
        """The link index in force, for a reading transaction."""
        return self.service.linkers.get(self.zone.zone, current_set(tx), lambda: load_areas(tx))

    def seconds_until(self, instant: dt.datetime) -> int:
        """Whole seconds from this request to an instant, rounded up and at least one, as Retry-After says it."""
        return max(1, math.ceil((instant - self.now).total_seconds()))

    def shows_all(self, kind: RecordKind) -> bool:
        """Whether records of `kind` are seen in full, not in the opened, reduced form."""
        return kind.name != "issues" or self.actor.role is not Role.PUBLIC


def service_of(request: Request) -> Service:
    """The service behind a request."""
    return cast("Service", request.app.state.service)


def call_of(request: Request) -> Call:
    """Who asks, in which zone, when: made once per request. Raises NotFound for a zone that does not exist."""
    known = getattr(request.state, "call", None)
    if known is None:
        known = request.state.call = _make_call(request)
    return cast("Call", known)


def check_rights(request: Request) -> None:
    """Runs before every route; one without a row is open to nobody. Raises WrongOrigin, NotSignedIn, NotAllowed."""
    service = service_of(request)
    action = RIGHTS.get((request.method, request.scope["route"].path))
    if action is None:
        raise NotAllowed("This route has no declared right, so nobody may use it.")
    # A browser never sends a bearer token by itself, so a write that carries one was meant by whoever holds it.
    if request.method not in SAFE_METHODS and _token(request) is None:
        client = proxies.client_of(request, service.trusted)
        proxies.check_origin(request, client, service.settings.public_url)
    if action not in (PUBLIC, OPERATOR):
        allow(call_of(request).actor, action)


def _make_call(request: Request) -> Call:
    service = service_of(request)
    now = service.clock()
    zone = service.directory.zone(getattr(request.state, "zone", ""), now)
    client = proxies.client_of(request, service.trusted)
    token = _token(request)
    if token is not None:  # whoever sends a token is that program or nobody: cookies do not count beside it
        known = service.directory.bearer(zone.zone, token, now)
        if known is None:
            raise bearers.refused()
        bearer, since = known
        areas = service.directory.areas_below(zone.zone, bearer.area_codes, now)
        actor = bearer.actor(areas)
        return Call(service, zone, actor, areas, now, client, None, _root(request), bearer, since)
    found = _session(request, service, zone.zone, client, now)
    if found is None:
        actor = Actor.public(_device(request, service, client))
        return Call(service, zone, actor, frozenset(), now, client, None, _root(request))
    session, since = found
    areas = service.directory.areas_below(zone.zone, session.area_codes, now)
    actor = Actor(session.user_id, Role(session.role), areas, session.department_code)
    return Call(service, zone, actor, areas, now, client, session, _root(request), None, since)


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _token(request: Request) -> str | None:
    """The hash of the service token that the request carries; None without one. Raises NotSignedIn."""
    return bearers.given(request.headers.getlist("authorization"))


def _session(
    request: Request, service: Service, zone: str, client: proxies.Client, now: dt.datetime
) -> tuple[sessions.Session, Moment] | None:
    """The first session that a cookie names, and when it was read; the answer brings a new token when one is due."""
    for token in sessions.tokens(request.headers.getlist("cookie")):
        found = service.directory.session(zone, token, now)
        if found is None:
            continue
        session, _ = found
        if session.due(now) and service.directory.may_renew(session.family, now):
            _renew_token(request, service, zone, client, session, now)
        return found
    return None


def _renew_token(
    request: Request,
    service: Service,
    zone: str,
    client: proxies.Client,
    session: sessions.Session,
    now: dt.datetime,
) -> None:
    try:
        with service.store.begin(Scope.system(zone), now, write=True) as tx:
            made = sessions.renew(tx, session)
    except StoreProblem:
        return  # the old token goes on; the next request tries again
    if made is None:
        return
    token, until = made
    send_cookie(request, service, client, token, int((until - now).total_seconds()))


def send_cookie(request: Request, service: Service, client: proxies.Client, token: str, seconds: int) -> None:
    """Let the answer set the session cookie; "" takes it away. The layer around the routes adds the header."""
    path = request.scope.get("root_path", "")
    secure = client.secure or service.settings.public_url.startswith("https://")
    request.state.set_cookies.append(sessions.cookie(token, f"{path}/", seconds, secure=secure))


def _device(request: Request, service: Service, client: proxies.Client) -> str:
    """What stands for an anonymous reporter: a hash of their device's token, else of their address."""
    token = request.headers.get(DEVICE_HEADER, "")
    return service.mark("device", token)[:40] if token else service.mark("address", client.address)[:40]


def json_object(raw: Annotated[bytes, Depends(hot.raw_json)]) -> dict[str, Any]:
    """The body as a JSON object, strictly by RFC 8259: no NaN, no infinity. Raises InvalidValue."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidValue(
            f"The body is not JSON: {error}. JSON has no NaN and no Infinity; leave unknown values out or send null."
        ) from error
    if not isinstance(value, dict):
        raise InvalidValue("The body must be a JSON object, {…}.")
    hot.check_depth(value)
    return value


ScopedCall = Annotated[Call, Depends(call_of)]
JsonObject = Annotated[dict[str, Any], Depends(json_object)]
