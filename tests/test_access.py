"""Roles and scopes: the anonymous caller first."""

from __future__ import annotations

import pytest

from gridgov.access import ACTIONS, ROWS, Actor, Role, Rows, Scope, allow
from gridgov.errors import NotAllowed, NotSignedIn
from gridgov.models import ISSUES, KINDS, PARCELS
from gridgov.models.vocabulary import ROLES

PUBLIC_ACTIONS = {
    "records:read", "link:explain", "maps:view", "issues:report", "export:run", "statistics:read",
    "attachments:read", "attachments:add",
}  # fmt: skip


def test_the_public_may_read_and_report_and_nothing_else() -> None:
    for action in ACTIONS:
        if action in PUBLIC_ACTIONS:
            allow(Actor.public(), action)
        else:
            with pytest.raises(NotSignedIn, match=action):
                allow(Actor.public(), action)


def test_a_grid_worker_moves_issues_but_changes_no_land() -> None:
    worker = Actor("w", Role.GRID_WORKER)
    allow(worker, "issues:move")
    for action in ("parcels:write", "areas:publish", "users:manage", "contacts:read"):
        with pytest.raises(NotAllowed, match="grid_worker"):
            allow(worker, action)


def test_an_action_that_no_table_names_is_allowed_to_nobody() -> None:
    for role in Role:
        with pytest.raises((NotAllowed, NotSignedIn)):
            allow(Actor("x", role), "everything:everywhere")


def test_every_kind_has_a_row_rule_for_every_role() -> None:
    assert set(ROWS) == set(KINDS)
    assert all(set(rules) == set(Role) for rules in ROWS.values())
    assert set(Role) == set(ROLES)


def test_staff_fields_are_hidden_from_the_public_in_every_kind() -> None:
    public, staff = Scope.of(Actor.public(), "z"), Scope("z", Role.STAFF)
    for kind in KINDS.values():
        for field in kind.all_fields:
            if field.audience == "staff":
                assert not public.shows(kind, field.name), f"{kind.name}.{field.name}"
                assert staff.shows(kind, field.name)
    assert not staff.shows(PARCELS, "no such field")


def test_issues_are_closed_to_the_public_until_opened() -> None:
    assert Scope.of(Actor.public(), "z").rows(ISSUES) is Rows.NONE
    assert Scope.of(Actor.public(), "z", opened=True).rows(ISSUES) is Rows.OPENED
