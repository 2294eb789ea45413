"""Large files over HTTP: sent, checked as a job, confirmed by a person, loaded once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.deps import Service
from gridgov.access import Role, Scope
from gridgov.blobs import UPLOADS
from gridgov.models.identifiers import new_identifier
from gridgov.store import Store
from gridgov.store.queries import jobs
from gridgov.tasks import imports
from tests.api.conftest import Clock, SignedIn, on_sqlite, square
from tests.api.test_imports import count, features, problem
from tests.fixtures_store import ZONE

GOOD = features(("DK-1", square(1)), ("DK-2", square(3)))
FAULTY = features(("DK-1", square(1)), ("DK-2", {"type": "Polygon", "coordinates": []}))
TABLE = "编号,设施类型,名称,东坐标,北坐标\n0601,公厕,一号公厕,435133.67,3735042.32\n".encode()


def service_of(client: TestClient) -> Service:
    service: Service = client.app.state.service  # type: ignore[attr-defined]
    return service


def store_of(client: TestClient) -> Store:
    return service_of(client).store


@pytest.fixture
def work(client: TestClient) -> Callable[[], bool]:
    """Runs the next due job, as a worker would; False when there is none."""
    return service_of(client).runner.run_due_once


def send(client: TestClient, content: bytes, query: str = "kind=parcels", name: str = "地块.geojson") -> Any:
    return client.post(f"/api/import-jobs?{query}", files={"file": (name, content)})


def confirm(client: TestClient, check: str, **choice: Any) -> Any:
    return client.post(f"/api/jobs/{check}/confirm", json=choice)


def state(client: TestClient, identifier: str) -> dict[str, Any]:
    answer = client.get(f"/api/jobs/{identifier}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def checked(client: TestClient, work: Callable[[], bool], content: bytes = GOOD, **more: str) -> str:
    """The id of a check that is done."""
    answer = send(client, content, **more)
    assert answer.status_code == 202, answer.text
    assert work()
    return str(answer.json()["id"])


def uploads(client: TestClient) -> list[str]:
    return [stored.key for stored in service_of(client).blobs.each(UPLOADS)]


Work = Callable[[], bool]


class TestSending:
    def test_anybody_and_a_grid_worker_may_not(self, client: TestClient, grid_worker: TestClient) -> None:
        assert problem(send(client, GOOD)) == (401, "not-signed-in")
        assert problem(send(grid_worker, GOOD)) == (403, "not-allowed")
        assert uploads(client) == []

    def test_staff_may_not_send_areas(self, staff: TestClient) -> None:
        assert problem(send(staff, GOOD, "kind=parks")) == (403, "not-allowed")

    def test_it_waits_is_checked_confirmed_and_loaded(self, staff: TestClient, work: Work) -> None:
        sent = send(staff, GOOD)
        assert (sent.status_code, sent.headers["location"]) == (202, f"/api/jobs/{sent.json()['id']}")
        check = sent.json()["id"]
        waiting = state(staff, check)
        assert (waiting["state"], waiting["kind"], waiting["progress"]) == ("waiting", "import_check", 0)
        assert waiting["about"] == {"file": "地块.geojson", "layer": "parcels"}
        assert work()
        report = state(staff, check)["result"]
        assert (report["outcome"], report["counts"]["created"], report["file"]) == (
            "dry_run",
            2,
            "地块.geojson",
        )
        assert (count(staff), len(uploads(staff))) == (0, 1)
        load = confirm(staff, check)
        assert (load.status_code, load.json()["state"]) == (202, "waiting")
        assert work()
        done = state(staff, load.json()["id"])
        assert (done["state"], done["progress"], done["result"]["outcome"]) == ("done", 1, "loaded")
        assert (count(staff), uploads(staff)) == (2, [])
        assert not work()

    def test_the_records_are_by_who_sent_them(self, staff: TestClient, work: Work) -> None:
        confirm(staff, checked(staff, work))
        assert work()
        me = staff.get("/api/session").json()["user"]["id"]
        assert {item["created_by"] for item in staff.get("/api/parcels").json()["items"]} == {me}

    @on_sqlite
    def test_a_word_that_cannot_be_used_is_refused_before_anything_is_kept(self, staff: TestClient) -> None:
        for query in (
            "kind=parcels&crs=4711471",
            "kind=nothing",
            "kind=parcels&skip_bad=true",
            "kind=parcels&map=a",
        ):
            assert send(staff, GOOD, query).status_code in (400, 404), query
        assert uploads(staff) == []

    @pytest.mark.parametrize("route", ["/api/import", "/api/import-jobs"])
    def test_a_column_with_a_nul_is_refused(self, staff: TestClient, route: str) -> None:
        answer = staff.post(f"{route}?kind=parcels&map=a%00=name_zh", files={"file": ("a.geojson", GOOD)})
        assert problem(answer) == (400, "invalid-value")

    @on_sqlite
    def test_a_file_that_cannot_be_read_fails_in_words(self, staff: TestClient, work: Work) -> None:
        found = state(staff, checked(staff, work, b"PK\x03\x04 no archive", name="地块.zip"))
        assert (found["state"], found["attempts"]) == ("failed", 1)
        assert "zip" in found["error"].lower()
        assert problem(confirm(staff, found["id"])) == (409, "job-state")


class TestConfirming:
    def test_twice_is_the_same_job_and_loads_once(self, staff: TestClient, work: Work) -> None:
        check = checked(staff, work)
        first, again = confirm(staff, check).json(), confirm(staff, check).json()
        assert first["id"] == again["id"]
        assert work()
        assert not work()
        assert confirm(staff, check).json()["state"] == "done"
        assert count(staff) == 2

    def test_another_choice_afterwards_is_refused(self, staff: TestClient, work: Work) -> None:
        check = checked(staff, work)
        confirm(staff, check)
        assert problem(confirm(staff, check, skip_bad=True)) == (409, "content-differs")

    def test_faults_must_be_left_out_knowingly(self, staff: TestClient, work: Work) -> None:
        check = checked(staff, work, FAULTY)
        report = state(staff, check)["result"]
        assert (report["counts"]["rejected"], report["severities"]["error"]) == (1, 1)
        assert problem(confirm(staff, check)) == (409, "import-rejected")
        assert confirm(staff, check, skip_bad=True).status_code == 202
        assert work()
        assert count(staff) == 1

    def test_a_file_without_its_system_proposes_some_and_one_is_confirmed(
        self, staff: TestClient, work: Work
    ) -> None:
        check = checked(staff, work, TABLE, query="kind=facilities", name="设施.csv")
        result = state(staff, check)["result"]
        assert result["outcome"] == "coordinate_system_needed"
        proposed = result["proposals"][0]
        assert {"crs", "order", "evidence"} <= set(proposed)
        assert problem(confirm(staff, check)) == (409, "job-state")
        assert problem(confirm(staff, check, crs="no such system"))[0] == 400
        load = confirm(staff, check, crs="EPSG:4547")
        assert work()
        done = state(staff, load.json()["id"])
        assert done["state"] == "done", json.dumps(done, ensure_ascii=False)
        assert done["result"]["outcome"] == "loaded"
        [item] = staff.get("/api/facilities").json()["items"]
        assert item["geometry"]["coordinates"] == [
            pytest.approx(113.3, abs=1e-6),
            pytest.approx(33.74, abs=1e-6),
        ]

    def test_one_that_is_not_done_cannot_be_confirmed(self, staff: TestClient) -> None:
        check = send(staff, GOOD).json()["id"]
        assert problem(confirm(staff, check)) == (409, "job-state")

    def test_a_load_that_failed_may_be_confirmed_anew(self, staff: TestClient, work: Work) -> None:
        check = checked(staff, work)
        first = confirm(staff, check).json()["id"]
        assert staff.delete(f"/api/jobs/{first}").json()["state"] == "cancelled"
        second = confirm(staff, check, skip_bad=True).json()["id"]
        assert second != first
        assert work()
        assert (state(staff, second)["state"], count(staff)) == ("done", 2)

    @on_sqlite
    def test_an_upload_that_is_gone_must_be_sent_again(self, staff: TestClient, work: Work) -> None:
        check = checked(staff, work)
        service_of(staff).blobs.drop(uploads(staff)[0])
        assert problem(confirm(staff, check)) == (404, "not-found")

    def test_whoever_may_no_longer_write_it_cannot_confirm(
        self, staff: TestClient, work: Work, store: Store, clock: Clock
    ) -> None:
        me = staff.get("/api/session").json()["user"]["id"]
        check = new_identifier(clock())
        content = features(("PK-1", square(1)), 名称="园区")
        service_of(staff).blobs.put(imports.upload_key(check), io.BytesIO(content))
        with store.begin(
            Scope(ZONE, Role.ADMIN, me), clock(), write=True
        ) as tx:  # as long as that was their role
            imports.request(tx, imports.CHECK, check, imports.Wanted("园区.geojson", "parks"))
        assert work()
        assert state(staff, check)["state"] == "done"
        assert problem(confirm(staff, check)) == (403, "not-allowed")
        assert not work()

    def test_it_wakes_a_worker(self, staff: TestClient, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
        check = checked(staff, work)
        woken: list[str] = []
        monkeypatch.setattr(service_of(staff).runner, "wake", lambda: woken.append("now"))
        confirm(staff, check)
        assert woken == ["now"]

    @on_sqlite
    @pytest.mark.parametrize("body", [{"skip_bad": "yes"}, {"crs": 4547}, {"skipbad": True}, []])
    def test_a_body_it_does_not_know_is_refused(self, staff: TestClient, body: Any) -> None:
        check = send(staff, GOOD).json()["id"]
        assert staff.post(f"/api/jobs/{check}/confirm", json=body).status_code == 400

    def test_what_changed_since_the_check_is_checked_again(
        self, staff: TestClient, admin: TestClient, work: Work
    ) -> None:
        check = checked(staff, work)
        other = confirm(admin, checked(admin, work, features(("DK-1", square(1)), 名称="先到")))
        assert work()
        assert state(admin, other.json()["id"])["result"]["counts"]["created"] == 1
        load = confirm(staff, check).json()["id"]
        assert work()
        assert state(staff, load)["result"]["counts"] == {
            "rows": 2, "created": 1, "changed": 0, "unchanged": 1, "rejected": 0,
        }  # fmt: skip


class TestReading:
    def test_nobody_sees_anothers_job_but_administrators(
        self, client: TestClient, grid_worker: TestClient, staff: TestClient, sign_in: SignedIn
    ) -> None:
        mine = send(staff, GOOD).json()["id"]
        assert problem(client.get(f"/api/jobs/{mine}")) == (401, "not-signed-in")
        assert problem(grid_worker.get(f"/api/jobs/{mine}")) == (403, "not-allowed")
        other = sign_in("staff", "other")
        for answer in (
            other.get(f"/api/jobs/{mine}"),
            other.delete(f"/api/jobs/{mine}"),
            confirm(other, mine),
        ):
            assert problem(answer) == (404, "not-found")
        assert other.get("/api/jobs").json() == {"items": [], "next": None}
        assert state(sign_in("admin"), mine)["state"] == "waiting"

    def test_the_list_has_pages_and_states(self, staff: TestClient, work: Work) -> None:
        made = [send(staff, GOOD).json()["id"] for _ in range(3)]
        assert work()
        first = staff.get("/api/jobs?limit=2").json()
        rest = staff.get(f"/api/jobs?limit=2&cursor={first['next']}").json()
        assert [item["id"] for item in [*first["items"], *rest["items"]]] == made[::-1]
        assert rest["next"] is None
        done = staff.get("/api/jobs?state=done,failed").json()["items"]
        assert [(item["id"], item["result"]) for item in done] == [(made[0], None)]
        assert problem(staff.get("/api/jobs?state=asleep")) == (400, "invalid-filter")
        assert problem(staff.get("/api/jobs?cursor=x")) == (400, "invalid-cursor")

    def test_cancelling_is_audited_and_what_is_over_says_so(
        self, staff: TestClient, admin: TestClient, work: Work
    ) -> None:
        check = send(staff, GOOD).json()["id"]
        assert staff.delete(f"/api/jobs/{check}").json()["state"] == "cancelled"
        assert not work()
        assert problem(staff.delete(f"/api/jobs/{check}")) == (409, "job-state")
        entries = admin.get("/api/audit").json()["items"]
        assert [entry["subject"] for entry in entries if entry["action"] == "jobs:cancel"] == [check]


def test_a_load_that_is_asked_to_stop_loads_nothing(
    staff: TestClient, work: Work, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = confirm(staff, checked(staff, work)).json()["id"]
    fetched = imports._fetched

    def stop_when_it_begins(run: Any) -> Any:
        with store.begin(Scope.system(ZONE), clock(), write=True) as tx:
            jobs.ask_stop(tx, load)
        return fetched(run)

    monkeypatch.setattr(imports, "_fetched", stop_when_it_begins)
    assert work()
    assert (state(staff, load)["state"], count(staff), len(uploads(staff))) == ("cancelled", 0, 1)


def test_the_service_runs_jobs_by_itself_while_it_is_up(
    client: TestClient, staff: TestClient, store: Store
) -> None:
    runner = service_of(client).runner
    with TestClient(client.app) as up:
        up.cookies = staff.cookies
        check = send(up, GOOD).json()["id"]
        for _ in range(400):
            if state(up, check)["state"] == "done":
                break
            runner._stopping.wait(0.05)
        assert state(up, check)["state"] == "done"
    assert runner._lanes == []
    with store.begin(Scope.system(""), service_of(client).clock()) as tx:
        kinds = {kind for kind, _ in jobs.counts(tx)}
    assert {"expired_sessions", "old_jobs", "old_uploads"} <= kinds


def test_a_report_of_a_great_many_faults_is_kept_bounded(staff: TestClient, work: Work) -> None:
    rows = [(f"DK-{number}", {"type": "Polygon", "coordinates": []}) for number in range(3_000)]
    found = state(staff, checked(staff, work, features(*rows, 名称="一\u0000二")))
    assert found["state"] == "done", found
    assert found["result"]["severities"]["error"] >= 3_000
    assert len(found["result"]["problems"]) <= 2_000
    assert len(json.dumps(found)) < 2_000_000
