"""Who may do what (role → action) and see what (scope → rows and columns). Two literal tables and their readers.

Role says what; zone and area say which data. Every read of the store starts from a `Scope`. An actor's department is
known here and decides nothing yet: it does with the life cycle of issues, which hands them to departments.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from gridgov.errors import NotAllowed, NotSignedIn
from gridgov.models import Audience, RecordKind


class Role(StrEnum):
    """The roles of the first floor; later issues add the ladder of the field as rows."""

    PUBLIC = "public"
    GRID_WORKER = "grid_worker"
    STAFF = "staff"
    ADMIN = "admin"
    SYSTEM = "system"


class Rows(StrEnum):
    """Which rows of a kind a role reads."""

    ALL = "all"
    PUBLIC = "public"  # visibility = public; for listings: published and not expired
    OWN = "own"  # linked to the actor's areas, or made by the actor
    OPENED = "opened"  # issues of a zone that opened them, without confidential categories, reduced columns
    NONE = "none"


_READERS = frozenset(Role)
_SIGNED_IN = frozenset({Role.GRID_WORKER, Role.STAFF, Role.ADMIN, Role.SYSTEM})
_STAFF = frozenset({Role.STAFF, Role.ADMIN, Role.SYSTEM})
_ADMIN = frozenset({Role.ADMIN, Role.SYSTEM})

# action → roles. An action missing here is allowed to nobody.
ACTIONS = MappingProxyType(
    {
        "records:read": _READERS,
        "link:explain": _READERS,
        "maps:view": _READERS,
        "issues:report": _READERS,  # the public form, with limits per address and device
        "issues:move": _SIGNED_IN,
        "issues:change": _STAFF,
        "areas:write": _ADMIN,
        "areas:publish": _ADMIN,
        "departments:write": _ADMIN,
        "buildings:write": _STAFF,
        "parcels:write": _STAFF,
        "plants:write": _STAFF,
        "units:write": _STAFF,
        "listings:write": _STAFF,
        "facilities:write": _STAFF,
        "import:run": _STAFF,
        "export:run": _READERS,
        "statistics:read": _READERS,
        "contacts:read": _STAFF,
        "contacts:erase": _ADMIN,
        "users:manage": _ADMIN,
        "tokens:manage": _ADMIN,
        "audit:read": _ADMIN,
        "jobs:read": _STAFF,  # staff their own, administrators all
        "jobs:cancel": _STAFF,
        "attachments:read": _READERS,  # as far as the record is seen in full
        "attachments:add": _READERS,  # to a record one made or may change
        "attachments:erase": _STAFF,
        "events:read": _STAFF,
    }
)

# What only people may do: a token that leaked must not make itself a successor.
PEOPLE_ONLY = frozenset({"users:manage", "tokens:manage"})
_PROGRAM = "token:"

_OPEN_TO_ALL = dict.fromkeys(Role, Rows.ALL)
_BY_VISIBILITY = {**_OPEN_TO_ALL, Role.PUBLIC: Rows.PUBLIC}

# kind → role → rows.
ROWS = MappingProxyType(
    {
        "departments": _OPEN_TO_ALL,
        "areas": _OPEN_TO_ALL,
        "buildings": _OPEN_TO_ALL,
        "parcels": _BY_VISIBILITY,
        "plants": _BY_VISIBILITY,
        "units": _BY_VISIBILITY,
        "listings": {**_BY_VISIBILITY, Role.GRID_WORKER: Rows.PUBLIC},
        "facilities": _BY_VISIBILITY,
        "issues": {**_OPEN_TO_ALL, Role.PUBLIC: Rows.OPENED, Role.GRID_WORKER: Rows.OWN},
    }
)

# What an opened issue shows to the public: the declared reduced form.
OPENED_ISSUE_FIELDS = frozenset(
    {"id", "zone", "code", "version", "category", "status", "reported_at", "closed_at"}
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    key: user id, "token:…" for a program, "device:…" for an anonymous reporter, "system" for jobs, "operator" for a
    person at the terminal, "" for an unknown reader.
    """

    key: str
    role: Role
    areas: frozenset[str] = frozenset()
    department: str | None = None

    @classmethod
    def system(cls) -> Actor:
        """Jobs, imports by an operator at the terminal, and snapshots."""
        return cls("system", Role.SYSTEM)

    @classmethod
    def program(cls, token_id: str, role: Role, areas: frozenset[str] = frozenset()) -> Actor:
        """A program that signed in by the service token with this id."""
        return cls(_PROGRAM + token_id, role, areas)

    @property
    def is_program(self) -> bool:
        """Whether this is a program with a token and not a person."""
        return self.key.startswith(_PROGRAM)

    @classmethod
    def public(cls, device: str = "") -> Actor:
        """Anybody; `device` is the form's device token when there is one."""
        return cls(f"device:{device}" if device else "", Role.PUBLIC)


@dataclass(frozen=True, slots=True)
class Scope:
    """What one actor sees of one zone. areas: ids of the actor's areas with everything below them, resolved."""

    zone: str
    role: Role
    actor: str = ""
    areas: frozenset[str] = frozenset()
    opened: bool = False  # the zone opened its issues in the reduced form

    @classmethod
    def system(cls, zone: str) -> Scope:
        """Everything of the zone; only for jobs, imports and snapshots."""
        return cls(zone, Role.SYSTEM, "system")

    @classmethod
    def operator(cls, zone: str) -> Scope:
        """Everything of the zone, for a person at the terminal: history and audit log say it was the operator."""
        return cls(zone, Role.SYSTEM, "operator")

    @classmethod
    def of(cls, actor: Actor, zone: str, areas: frozenset[str] = frozenset(), opened: bool = False) -> Scope:
        """The scope of `actor` in `zone`; `areas` are the actor's areas with their descendants."""
        return cls(zone, actor.role, actor.key, areas, opened)

    def rows(self, kind: RecordKind) -> Rows:
        """Which rows of `kind` this scope reads; a kind without a rule shows none."""
        rule = ROWS.get(kind.name, {}).get(self.role, Rows.NONE)
        if rule is Rows.OPENED and not self.opened:
            return Rows.NONE
        return rule

    def shows(self, kind: RecordKind, name: str) -> bool:
        """Whether this scope sees the field `name` of `kind`; False for an unknown field."""
        field = kind.by_name.get(name)
        if field is None:
            return False
        if self.role is Role.PUBLIC and kind.name == "issues":
            return name in OPENED_ISSUE_FIELDS
        if field.audience is Audience.STAFF:
            return self.role in _SIGNED_IN
        return True


def allow(actor: Actor, action: str) -> None:
    """Raises NotSignedIn (public) or NotAllowed (signed in) unless the actor's role includes `action`."""
    if actor.is_program and action in PEOPLE_ONLY:
        raise NotAllowed(
            f"A program's token may not do this ({action}); sign in as an administrator.", action=action
        )
    if actor.role in ACTIONS.get(action, frozenset()):
        return
    if actor.role is Role.PUBLIC:
        raise NotSignedIn(f"Sign in to do this ({action}).", action=action)
    raise NotAllowed(
        f"The role {actor.role} may not do this ({action}); ask an administrator.", action=action
    )
