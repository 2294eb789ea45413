"""The audit log: what it holds of each act, that it only grows, and that it holds nobody's words or secrets."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from api import administering
from api.audit import EVENTS, TRACES
from api.commands import opened
from api.rights import RIGHTS
from gridgov.access import Scope
from gridgov.errors import StoreProblem
from gridgov.settings import read_settings
from gridgov.store import Store, Tx
from gridgov.store.queries.audit import AUDITED, list_audit, record_audit
from gridgov.store.queries.connection import inside
from gridgov.store.queries.jobs import enqueue
from tests.api.conftest import PASSWORD, Clock, Run, SignedIn, on_sqlite, parcel, park, token_of
from tests.fixtures_store import NOW, ZONE

Entry = dict[str, Any]
NAME, PHONE, WORDS, LOGIN, WRONG = (
    "张三丰",
    "13800001111",
    "垃圾堆在消防通道",
    "wang-the-third",
    "hunter22hunter22",
)
# Acts of the operator, which the tests of the command line prove.
AT_THE_TERMINAL = {"zones:add", "zones:open", "zones:close", "backup", "restore", "transfer", "files:own"}


def entries(admin: TestClient, action: str = "") -> list[Entry]:
    """The log, newest first; of one action when it is named."""
    answer = admin.get("/api/audit?limit=1000")
    assert answer.status_code == 200, answer.text
    return [entry for entry in answer.json()["items"] if action in ("", entry["action"])]


def me(caller: TestClient) -> str:
    return str(caller.get("/api/session").json()["user"]["id"])


def test_anybody_and_staff_may_not_read_it(client: TestClient, staff: TestClient) -> None:
    assert client.get("/api/audit").status_code == 401
    assert staff.get("/api/audit").status_code == 403


class TestTables:
    def test_every_writing_route_says_what_keeps_its_trace(self) -> None:
        assert {route for route in RIGHTS if route[0] != "GET"} == set(TRACES)

    def test_a_trace_is_an_audited_action_or_events_or_a_reason(self) -> None:
        for route, trace in TRACES.items():
            assert trace in AUDITED or trace == EVENTS or re.search(r"\w+ \w+ \w+", trace), route

    def test_the_handbook_has_the_table(self) -> None:
        handbook = Path(__file__).resolve().parents[2] / "docs" / "operation.md"
        section = handbook.read_text(encoding="utf-8").split("## Access and audit")[1].split("\n## ")[0]
        assert dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, flags=re.MULTILINE)) == AUDITED

    def test_what_is_in_no_table_cannot_be_written(self, store: Store) -> None:
        with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
            with pytest.raises(ValueError, match="no audited action"):
                record_audit(tx, "parcels:admired")
            assert list_audit(tx) == []


def sign_in_again(admin: TestClient, _: Store) -> tuple[str, str]:
    own = me(admin)
    assert admin.post("/api/session", json={"login": "admin", "password": PASSWORD}).status_code == 200
    return own, own


def sign_out(admin: TestClient, store: Store) -> tuple[str, str]:
    other = TestClient(admin.app)
    other.post("/api/session", json={"login": "admin", "password": PASSWORD})
    other.delete("/api/session")
    return me(admin), me(admin)


def add_user(admin: TestClient, _: Store) -> tuple[str, str]:
    body = {"login": LOGIN, "password": PASSWORD, "role": "staff", "display_name": NAME}
    return me(admin), admin.post("/api/users", json=body).json()["id"]


def change_user(admin: TestClient, store: Store) -> tuple[str, str]:
    own = add_user(admin, store)[1]
    assert (
        admin.patch(f"/api/users/{own}", json={"password": WRONG, "role": "grid_worker"}).status_code == 200
    )
    return me(admin), own


def add_token(admin: TestClient, _: Store) -> tuple[str, str]:
    return me(admin), admin.post("/api/tokens", json={"name": "feed", "role": "staff"}).json()["id"]


def revoke_token(admin: TestClient, store: Store) -> tuple[str, str]:
    own = add_token(admin, store)[1]
    for _ in range(2):  # the second time nothing happens, and nothing is noted
        assert admin.delete(f"/api/tokens/{own}").status_code == 200
    return me(admin), own


def report(admin: TestClient) -> str:
    body = {"category": "weeds", "lon": 113.3, "lat": 33.7, "text": WORDS}
    answer = TestClient(admin.app).post(
        "/api/issues", json={**body, "contact": {"name": NAME, "phone": PHONE}}
    )
    return str(answer.json()["issue"]["id"]) if answer.status_code == 201 else answer.text


def read_contact(admin: TestClient, _: Store) -> tuple[str, str]:
    own = newest_issue(admin)
    assert admin.get(f"/api/issues/{own}/contact").json()["phone"] == PHONE
    return me(admin), own


def erase_contact(admin: TestClient, _: Store) -> tuple[str, str]:
    own = newest_issue(admin)
    assert admin.delete(f"/api/issues/{own}/contact").status_code == 200
    return me(admin), own


def newest_issue(admin: TestClient) -> str:
    report(admin)
    return str(admin.get("/api/issues").json()["items"][-1]["id"])


def import_file(admin: TestClient, _: Store) -> tuple[str, str]:
    content = json.dumps({"type": "FeatureCollection", "features": [feature()]}).encode()
    answer = admin.post("/api/import?kind=parcels", files={"file": (f"{NAME}.geojson", content)})
    assert answer.json()["outcome"] == "loaded", answer.text
    return me(admin), "parcels"


def feature() -> dict[str, Any]:
    body = parcel()
    geometry = body.pop("geometry")
    return {"type": "Feature", "properties": body, "geometry": geometry}


def export_file(admin: TestClient, _: Store) -> tuple[str, str]:
    assert admin.get("/api/export/parcels.csv").status_code == 200
    assert TestClient(admin.app).get("/api/export/parcels.csv").status_code == 200  # public: not noted
    return me(admin), "parcels"


def publish(admin: TestClient, _: Store) -> tuple[str, str]:
    answer = admin.post("/api/areas/publish", json={"title": WORDS, "boundaries": [park()]})
    return me(admin), f"edition set {answer.json()['edition_set']}"


def cancel_job(admin: TestClient, store: Store) -> tuple[str, str]:
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        own = enqueue(tx, "import:check", "key", {"file": "x", "layer": "parcels"}).id
    assert admin.delete(f"/api/jobs/{own}").status_code == 200
    return me(admin), own


def erase_photo(admin: TestClient, _: Store) -> tuple[str, str]:
    own = admin.post("/api/parcels", json=parcel()).json()["id"]
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(picture, "JPEG")
    path = f"/api/parcels/{own}/attachments"
    made = admin.post(path, files={"file": (f"{NAME}.jpg", picture.getvalue())})
    assert made.status_code == 201, made.text
    assert admin.delete(f"{path}/{made.json()['id']}").status_code in (200, 204)
    return me(admin), made.json()["id"]


ACTS: dict[str, Callable[[TestClient, Store], tuple[str, str]]] = {
    "sign-in": sign_in_again,
    "sign-out": sign_out,
    "users:add": add_user,
    "users:change": change_user,
    "tokens:add": add_token,
    "tokens:revoke": revoke_token,
    "contacts:read": read_contact,
    "contacts:erase": erase_contact,
    "import:run": import_file,
    "export:run": export_file,
    "areas:publish": publish,
    "jobs:cancel": cancel_job,
    "attachments:erase": erase_photo,
}


class TestActs:
    def test_every_action_of_the_table_is_tried(self) -> None:
        assert set(AUDITED) == {*ACTS, "session:copied"} | AT_THE_TERMINAL

    @pytest.mark.parametrize("action", ACTS)
    def test_it_says_who_did_what_to_what(self, admin: TestClient, store: Store, action: str) -> None:
        before = len(entries(admin, action))
        actor, subject = ACTS[action](admin, store)
        found = entries(admin, action)
        assert len(found) == before + 1
        newest = found[0]
        assert (newest["actor"], newest["subject"], newest["outcome"]) == (actor, subject, "done")
        assert newest["at"].startswith("2026-11-20T06:05")
        told = json.dumps(found, ensure_ascii=False)
        for secret in (NAME, PHONE, WORDS, LOGIN, WRONG, PASSWORD, "testclient", "argon2", "gg_"):
            assert secret not in told
        if action != "import:run":  # loaded by whoever runs the job, which has no address
            assert re.fullmatch("[0-9a-f]{64}", newest["address"])

    def test_a_refused_sign_in_names_the_account_but_not_what_was_typed(
        self, admin: TestClient, client: TestClient
    ) -> None:
        for login in ("admin", LOGIN):
            body = {"login": login, "password": WRONG}
            assert client.post("/api/session", json=body).status_code == 401
        unknown, known = [entry for entry in entries(admin, "sign-in") if entry["outcome"] == "refused"]
        assert (known["subject"], known["actor"]) == (me(admin), "")
        assert (unknown["subject"], unknown["actor"]) == (None, "")
        assert LOGIN not in str(unknown)

    def test_a_disabled_account_that_tries_is_named(
        self, admin: TestClient, client: TestClient, store: Store
    ) -> None:
        own = add_user(admin, store)[1]
        admin.patch(f"/api/users/{own}", json={"disabled": True})
        client.post("/api/session", json={"login": LOGIN, "password": PASSWORD})
        newest = entries(admin, "sign-in")[0]
        assert (newest["subject"], newest["outcome"]) == (own, "refused")
        change = entries(admin, "users:change")[0]
        assert change["details"] == {"fields": ["disabled"], "disabled": True}

    def test_a_copied_session_leaves_a_trace(
        self, admin: TestClient, staff: TestClient, clock: Clock
    ) -> None:
        own, stolen = me(staff), token_of(staff)
        clock.forward(minutes=15)
        me(staff)
        me(staff)
        clock.forward(seconds=11)
        thief = TestClient(staff.app, cookies={"gridgov_session": stolen})
        assert thief.get("/api/session").json() == {"user": None}
        [entry] = entries(admin, "session:copied")
        assert (entry["subject"], entry["outcome"]) == (own, "refused")

    def test_a_program_is_named_by_its_token(self, admin: TestClient) -> None:
        made = admin.post("/api/tokens", json={"name": "feed", "role": "staff"}).json()
        feed = TestClient(admin.app, headers={"Authorization": f"Bearer {made['token']}"})
        assert feed.get("/api/export/units.csv").status_code == 200
        assert entries(admin, "export:run")[0]["actor"] == f"token:{made['id']}"


class TestWhatIsNotDone:
    def test_an_act_that_fails_leaves_no_entry(self, admin: TestClient, store: Store) -> None:
        add_user(admin, store)
        before = entries(admin)
        taken = {"login": LOGIN, "password": PASSWORD, "role": "staff", "display_name": NAME}
        assert admin.post("/api/users", json=taken).status_code == 409
        bad = admin.post("/api/areas/publish", json={"title": "x", "ended": ["NO-1"]})
        assert 400 <= bad.status_code < 500
        assert admin.get(f"/api/issues/{me(admin)}/contact").status_code == 404
        assert entries(admin) == before

    def test_guessing_fills_no_log(self, admin: TestClient, client: TestClient) -> None:
        statuses = []
        for number in range(80):
            login = "admin" if number < 20 else f"name-{number}"
            answer = client.post("/api/session", json={"login": login, "password": WRONG})
            statuses.append(answer.status_code)
        refused = [entry for entry in entries(admin, "sign-in") if entry["outcome"] == "refused"]
        assert statuses.count(401) == 50
        assert len(refused) == 51  # fifty tries, and that the account's door was shut
        assert [entry["details"] for entry in refused if entry["details"]] == [{"attempts": 11}]


UPSERT = (
    "INSERT INTO audit_log (id, zone, at, actor, action, outcome) "
    "SELECT id, zone, at, actor, action, outcome FROM audit_log WHERE true "
    "ON CONFLICT (zone, id) DO UPDATE SET actor = 'nobody'"
)
REPLACE = (
    "INSERT OR REPLACE INTO audit_log (id, zone, at, actor, action, outcome) "
    "SELECT id, zone, at, 'nobody', action, outcome FROM audit_log"
)
CHANGES = ("UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", UPSERT)
ONLY_HERE = {
    "sqlite": (REPLACE, "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log"),
    "postgresql": ("TRUNCATE audit_log", "UPDATE audit_log SET actor = 'nobody' WHERE fid = -5"),
}


def test_it_only_grows_whatever_statement_is_tried(store: Store) -> None:
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        for _ in range(30):
            record_audit(tx, "sign-in", "somebody")
        before = list_audit(tx)
    for statement in (*CHANGES, *ONLY_HERE[store.url.partition(":")[0].partition("+")[0]]):
        with (
            pytest.raises((DBAPIError, StoreProblem)),
            store.begin(Scope.system(ZONE), NOW, write=True) as tx,
        ):
            inside(tx).connection.execute(text(statement))
        with store.begin(Scope.system(ZONE), NOW) as tx:
            assert list_audit(tx) == before, statement
    assert len(before) == 30


class TestPages:
    def test_pages_join_to_the_whole_without_the_store_s_numbers(
        self, admin: TestClient, store: Store, clock: Clock
    ) -> None:
        for _ in range(7):
            clock.forward(seconds=1)
            with store.begin(Scope.system(ZONE), clock.now, write=True) as tx:
                record_audit(tx, "backup")
        whole, found, path = entries(admin), [], "/api/audit?limit=3"
        while path:
            body = admin.get(path).json()
            found += body["items"]
            path = f"/api/audit?limit=3&cursor={body['next']}" if body["next"] else ""
        assert found == whole
        assert not {"fid", "zone"} & set(whole[0])
        since = whole[2]["at"]
        assert admin.get("/api/audit", params={"since": since}).json()["items"] == whole[:3]

    @on_sqlite
    @pytest.mark.parametrize(
        "query", ["cursor=x", "cursor=-1", "cursor=", "since=yesterday", "since=", "limit=0", "who=me"]
    )
    def test_what_cannot_be_read_is_refused(self, admin: TestClient, query: str) -> None:
        assert admin.get(f"/api/audit?{query}").status_code == 400

    def test_another_zone_s_entries_are_not_shown(self, admin: TestClient, store: Store) -> None:
        with store.begin(Scope.system("other"), NOW, write=True) as tx:
            record_audit(tx, "backup")
        assert entries(admin, "backup") == []


class TestPrinting:
    """`gridgov audit` of a log that is longer than a page."""

    @pytest.fixture
    def written(self, url: str) -> list[str]:
        """The subjects of two and a half pages, oldest first, with another zone's entries between them."""
        with opened(read_settings()) as store:
            for number in range(10):
                with store.begin(Scope.system(ZONE), NOW + dt.timedelta(days=number), write=True) as tx:
                    record_audit(tx, "backup", f"number {number}", details={"file": "归档"})
                with store.begin(Scope.system("other"), NOW, write=True) as tx:
                    record_audit(tx, "restore")
        return [f"number {number}" for number in range(10)]

    @pytest.mark.parametrize("page", [1, 4, 5, 10, 11])
    def test_its_pages_join_to_the_whole_and_no_more_than_one_is_held(
        self, written: list[str], run: Run, monkeypatch: pytest.MonkeyPatch, page: int
    ) -> None:
        asked = []

        def counted(tx: Tx, **given: Any) -> list[Entry]:
            asked.append(given["limit"])
            return list_audit(tx, **given)

        monkeypatch.setattr(administering, "PAGE", page)
        monkeypatch.setattr(administering, "list_audit", counted)
        told = run("audit", "--json").stdout
        found = json.loads(told)
        assert [each["subject"] for each in found] == written
        assert found[3]["at"] == "2026-11-23T06:05:00+00:00"
        assert found[3]["details"] == {"file": "归档"}
        assert len(told.splitlines()) == len(written) + 2  # an entry on each line
        assert asked == [page] * (len(written) // page + 1)
        table = run("audit").stdout
        assert re.findall(r"number \d", table) == written
        assert len(json.loads(run("audit", "--json", "--since", "2026-11-25").stdout)) == 5

    def test_an_empty_log_is_an_empty_array(self, url: str, run: Run) -> None:
        assert json.loads(run("audit", "--json").stdout) == []
        assert "subject" in run("audit").stdout


def test_grid_workers_leave_traces_as_well(admin: TestClient, sign_in: SignedIn) -> None:
    worker = sign_in("grid_worker")
    worker.get("/api/export/units.csv")
    assert entries(admin, "export:run")[0]["actor"] == me(worker)
