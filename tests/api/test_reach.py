"""No caller reaches by id what is out of their sight: every route with an id, asked by outsiders of three kinds."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api.passwords import add_account
from api.rights import RIGHTS
from gridgov.access import ACTIONS, ROWS, Role, Rows, Scope
from gridgov.models import KINDS
from gridgov.settings import Settings
from gridgov.store import Store
from gridgov.store.queries.jobs import enqueue
from gridgov.store.queries.zones import Zone, make_zone, open_issues
from tests.api.conftest import PASSWORD, Clock, SignedIn
from tests.factories import sample
from tests.fixtures_store import NOW, ZONE

MARK = "只给内部看的记号"  # stands in every record, and in no answer to an outsider
WITH_ID = sorted(route for route in RIGHTS if "identifier}" in route[1])
PHOTO_OF = "parcels"
# What a writing route must be sent to get as far as looking for the record.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/issues/{identifier}/move"): {"json": {"lon": 113.3, "lat": 33.7}},
    ("POST", "/api/jobs/{identifier}/confirm"): {"json": {"skip_bad": False}},
    ("PATCH", "/api/users/{identifier}"): {"json": {"display_name": "另名"}},
    ("PATCH", "/api/issues/{identifier}"): {"json": {"category": "weeds"}},
    **{
        ("PATCH", f"/api/{name}/{{identifier}}"): {"json": {"code": "NEW-1"}}
        for name in KINDS
        if name not in ("issues", "areas")
    },
    ("PATCH", "/api/areas/{identifier}"): {"json": {"name_zh": "另名"}},
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two zones: paths without one mean the first."""
    return settings.model_copy(update={"default_zone": ZONE})


def picture() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(made, "JPEG")
    return made.getvalue()


@dataclass(frozen=True)
class Things:
    """One thing of everything that has an id, all marked and as hidden as their kind allows."""

    records: dict[str, str]
    others: dict[str, str]
    attachment: str

    def path(self, template: str) -> str:
        """The path of the thing that a route is about; a new route must be given one."""
        about = template.split("/")[2]
        name = PHOTO_OF if about == "{kind}" else about
        known = {**self.records, **self.others}
        assert name in known, f"{template}: say here which thing its identifier names"
        filled = template.replace("{kind}", PHOTO_OF).replace("{identifier}", known[name])
        filled = filled.replace("{attachment}", self.attachment)
        assert "{" not in filled, template
        return filled


@pytest.fixture
def things(admin: TestClient, store: Store, clock: Clock) -> Things:
    records: dict[str, str] = {}
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        make_zone(tx, Zone("other", "另一区", None, None, opened_issues=False))
        for kind in KINDS.values():
            changes: dict[str, Any] = {"visibility": "internal"} if "visibility" in kind.by_name else {}
            if "name_zh" in kind.by_name:
                changes["name_zh"] = MARK
            if "title" in kind.by_name:
                changes["title"] = MARK
            if kind.name == "units":
                changes["plant_id"] = records["plants"]
            if kind.name == "listings":
                changes |= {"asset_id": records["units"], "status": "draft"}
            values = sample(kind, **{name: changes[name] for name in changes if name in kind.by_name})
            records[kind.name] = tx.insert(kind, values).record.id
        job = enqueue(tx, "import.check", MARK, {"file": MARK, "layer": "parcels"}).id
    with store.begin(Scope.system("other"), NOW, write=True) as tx:
        add_account(tx, "other-admin", PASSWORD, "admin", "另一区管理员", (), None)
    clock.forward(seconds=1)
    told = {"category": "weeds", "lon": 113.3, "lat": 33.7, "text": MARK}
    issue = admin.post("/api/issues", json={**told, "contact": {"name": MARK}}).json()["issue"]["id"]
    records["issues"] = issue
    user = admin.get("/api/users").json()["items"][0]["id"]
    token = admin.post("/api/tokens", json={"name": "feed", "role": "staff"}).json()["id"]
    photo = admin.post(
        f"/api/{PHOTO_OF}/{records[PHOTO_OF]}/attachments", files={"file": ("x.jpg", picture())}
    )
    assert photo.status_code == 201, photo.text
    return Things(records, {"users": user, "tokens": token, "jobs": job}, photo.json()["id"])


Ask = Callable[[TestClient, str, str], Any]


def ask(caller: TestClient, things: Things, method: str, template: str, zone: str = ZONE) -> Any:
    """Ask one route for its thing, with all that the route wants to have."""
    more = BODIES.get((method, template), {})
    if template.endswith("/attachments") and method == "POST":
        more = {"files": {"file": ("y.jpg", picture())}}
    headers = {"If-Match": '"1"', "X-Device-Token": "a device of nobody"}
    return caller.request(method, f"/z/{zone}{things.path(template)}", headers=headers, **more)


def assert_hidden(answer: Any, where: object) -> None:
    assert answer.status_code == 404, (where, answer.status_code, answer.text[:200])
    assert MARK not in answer.text, where


def test_an_administrator_of_another_zone_finds_nothing(things: Things, client: TestClient) -> None:
    """They may do everything, but in their own zone."""
    there = TestClient(client.app, raise_server_exceptions=False)
    body = {"login": "other-admin", "password": PASSWORD}
    assert there.post("/z/other/api/session", json=body).status_code == 200
    for method, template in WITH_ID:
        assert_hidden(ask(there, things, method, template, "other"), (method, template))


def test_a_program_of_another_zone_finds_nothing(things: Things, client: TestClient) -> None:
    there = TestClient(client.app, raise_server_exceptions=False)
    there.post("/z/other/api/session", json={"login": "other-admin", "password": PASSWORD})
    made = there.post("/z/other/api/tokens", json={"name": "spy", "role": "admin"}).json()["token"]
    spy = TestClient(client.app, headers={"Authorization": f"Bearer {made}"}, raise_server_exceptions=False)
    for method, template in WITH_ID:
        answer = ask(spy, things, method, template, "other")
        if RIGHTS[method, template] in ("users:manage", "tokens:manage"):
            assert answer.status_code == 403
        else:
            assert_hidden(answer, (method, template))
        assert ask(spy, things, method, template).status_code == 401


@pytest.mark.parametrize("role", [Role.PUBLIC, Role.GRID_WORKER])
def test_what_is_out_of_sight_in_one_s_own_zone(
    things: Things, client: TestClient, sign_in: SignedIn, role: Role
) -> None:
    """A grid worker without areas, and anybody: the record is not there by any route that they may use."""
    caller = client if role is Role.PUBLIC else sign_in("grid_worker")
    looked_at = set()
    for method, template in WITH_ID:
        where, about = (method, template), template.split("/")[2]
        answer = ask(caller, things, method, template)
        kind = PHOTO_OF if about == "{kind}" else about
        if role not in ACTIONS[RIGHTS[where]]:
            assert answer.status_code == (401 if role is Role.PUBLIC else 403), where
        elif ROWS[kind][role] is not Rows.ALL:
            assert_hidden(answer, where)
            looked_at.add(template)
        if answer.status_code >= 400:
            assert MARK not in answer.text, where
    assert len(looked_at) >= (10 if role is Role.PUBLIC else 3), looked_at


def test_an_opened_issue_shows_nothing_but_its_reduced_form(
    things: Things, client: TestClient, admin: TestClient, store: Store, clock: Clock
) -> None:
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        open_issues(tx, opened=True)
    clock.forward(seconds=1)
    photos = f"/api/issues/{things.records['issues']}/attachments"
    sent = admin.post(photos, files={"file": ("x.jpg", picture())})
    assert sent.status_code == 201, sent.text
    shown = ask(client, things, "GET", "/api/issues/{identifier}")
    assert (shown.status_code, MARK in shown.text) == (200, False)
    assert MARK not in client.get(f"/api/issues/{things.records['issues']}?explain=zh").text
    for path in (photos, f"{photos}/{sent.json()['id']}", f"{photos}/{sent.json()['id']}/thumbnail"):
        assert client.get(path).status_code == 404, path


def test_staff_see_their_own_jobs_only(things: Things, staff: TestClient) -> None:
    for method, template in WITH_ID:
        if template.startswith("/api/jobs/"):
            assert_hidden(ask(staff, things, method, template), (method, template))


def test_the_things_are_there_for_their_own_administrator(things: Things, admin: TestClient) -> None:
    """So that 404 above means out of sight, and not that there is nothing."""
    for method, template in WITH_ID:
        if method in ("GET", "PATCH"):
            answer = ask(admin, things, method, template)
            assert answer.status_code in (200, 412), (method, template, answer.text[:200])
    last = sorted(route for route in WITH_ID if route[0] in ("POST", "DELETE"))
    for method, template in sorted(last, key=lambda route: (-len(route[1]), route)):
        answer = ask(admin, things, method, template)
        assert answer.status_code not in (400, 401, 403, 404, 415, 422), (method, template, answer.text[:300])
