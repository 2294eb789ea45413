"""Measurements: bounded labels, true numbers, for the operator only, and there while the store is away."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.app import create_app
from gridgov.access import Scope
from gridgov.errors import StoreUnavailable
from gridgov.settings import Settings
from gridgov.store import Store
from gridgov.store.queries.jobs import enqueue
from tests.api.conftest import Clock, parcel, park
from tests.fixtures_store import ZONE

TOKEN = "the token of the operator's collector"


@pytest.fixture
def operator(client: TestClient) -> TestClient:
    """Somebody on the service's own machine."""
    return TestClient(client.app, client=("127.0.0.1", 5000))


def numbers(operator: TestClient) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of their names) → value."""
    answer = operator.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_the_template_of_their_route(
    client: TestClient, operator: TestClient
) -> None:
    for _ in range(3):
        client.get("/api/parcels")
    client.get("/api/parcels/00000000-0000-7000-8000-000000000001")
    client.get(f"/z/{ZONE}/api/parcels/00000000-0000-7000-8000-000000000002")
    client.head("/api/parcels")
    found = numbers(operator)
    assert found["gridgov_requests_total", "GET", "/api/parcels", "2xx"] == 3
    assert found["gridgov_requests_total", "HEAD", "/api/parcels", "2xx"] == 1
    assert found["gridgov_requests_total", "GET", "/api/parcels/{identifier}", "4xx"] == 2
    assert found["gridgov_request_seconds_count", "GET", "/api/parcels"] == 3
    assert found[("gridgov_requests_under_way",)] == 1  # this one


def test_whatever_strangers_ask_makes_no_new_labels(client: TestClient, operator: TestClient) -> None:
    for number in range(30):
        client.get(f"/{number}/wp-login.php")
        client.request(f"METHOD{number}", f"/api/{number}")
        client.get(f"/z/zone-{number}/api/parcels")
        client.get(f"/assets/{number}.js")
    labels = {key[1:3] for key in numbers(operator) if key[0] == "gridgov_requests_total"}
    assert labels == {
        ("GET", "none"), ("other", "none"), ("GET", "/api/parcels"), ("GET", "/assets/{name:path}")
    }  # fmt: skip


def test_the_store_s_work_is_told_apart_by_reading_and_writing(
    admin: TestClient, operator: TestClient
) -> None:
    before = numbers(operator)
    assert admin.post("/api/parcels", json=parcel()).status_code == 201
    after = numbers(operator)
    write = ("gridgov_store_seconds_count", "write")
    assert after[write] - before[write] == 1
    assert after["gridgov_store_seconds_sum", "write"] > before["gridgov_store_seconds_sum", "write"]
    assert after["gridgov_store_seconds_count", "read"] >= 1
    assert after[("gridgov_store_connections_in_use",)] == 0


def test_connections_at_work_are_counted(store: Store, operator: TestClient, clock: Clock) -> None:
    with store.begin(Scope.system(ZONE), clock.now):
        assert numbers(operator)[("gridgov_store_connections_in_use",)] >= 1
    assert store.watching.in_use == 0


def test_the_link_index_tells_its_size_its_age_and_its_boundaries(
    admin: TestClient, operator: TestClient, clock: Clock
) -> None:
    assert admin.post("/api/areas", json=park()).status_code == 201
    assert admin.get("/api/link?lon=113.3005&lat=33.7005").status_code == 200
    found = numbers(operator)
    assert found["gridgov_link_index_areas", ZONE] >= 1
    assert found["gridgov_link_index_built_timestamp_seconds", ZONE] == clock.now.timestamp()
    assert found["gridgov_link_index_edition_set", ZONE] >= 1


def test_jobs_are_told_by_kind_and_state_with_the_longest_wait(
    store: Store, operator: TestClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.metrics._JOBS_KEPT_S", 0.0)
    with store.begin(Scope.system(ZONE), clock.now, write=True) as tx:
        enqueue(tx, "old_jobs", "one", {})
        enqueue(tx, "old_jobs", "two", {})
    for seconds, age in ((0, 0), (90, 90), (7, 97)):
        clock.forward(seconds=seconds)
        found = numbers(operator)
        assert found["gridgov_jobs", "old_jobs", "waiting"] == 2
        assert found[("gridgov_jobs_oldest_due_seconds",)] == age
    with store.begin(Scope.system(ZONE), clock.now, write=True) as tx:
        enqueue(tx, "old_jobs", "three", {})
    found = numbers(operator)
    assert found["gridgov_jobs", "old_jobs", "waiting"] == 3
    assert found[("gridgov_jobs_oldest_due_seconds",)] == 97, "a younger one hides the oldest"


def test_measurements_go_on_while_the_store_is_away(
    operator: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("The database does not answer.")

    monkeypatch.setattr(store, "begin", away)
    assert operator.get("/api/parcels").status_code == 503
    found = numbers(operator)
    assert found[("gridgov_store_up",)] == 0
    assert found["gridgov_requests_total", "GET", "/api/parcels", "5xx"] == 1
    assert ("gridgov_jobs_oldest_due_seconds",) not in found


def test_the_build_is_named(operator: TestClient, store: Store) -> None:
    [build] = [key for key in numbers(operator) if key[0] == "gridgov_build_info"]
    assert store.url.partition(":")[0] in build
    assert any(key[0] == "process_resident_memory_bytes" for key in numbers(operator))


class TestWhoMayRead:
    @pytest.fixture
    def store(self, sqlite_store: Store) -> Store:
        return sqlite_store

    def app(self, store: Store, settings: Settings, clock: Clock, **given: Any) -> FastAPI:
        return create_app(settings.model_copy(update=given), store, clock)

    @pytest.mark.parametrize("peer", ["192.0.2.9", "10.0.0.1", "::ffff:192.0.2.9", "testclient"])
    def test_without_a_token_nobody_from_elsewhere(self, client: TestClient, peer: str) -> None:
        assert TestClient(client.app, client=(peer, 1)).get("/metrics").status_code == 403

    @pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1"])
    def test_without_a_token_this_machine_but_not_through_its_proxy(
        self, client: TestClient, peer: str
    ) -> None:
        here = TestClient(client.app, client=(peer, 1))
        assert here.get("/metrics").status_code == 200
        assert here.get("/metrics", headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 403
        assert here.get("/metrics", headers={"Forwarded": "for=192.0.2.9"}).status_code == 403

    @pytest.mark.parametrize("given", ["", TOKEN, "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}"])
    def test_with_a_token_nobody_without_it_not_even_here(
        self, store: Store, settings: Settings, clock: Clock, given: str
    ) -> None:
        secret = type(settings.metrics_token)(TOKEN)
        app = self.app(store, settings, clock, metrics_token=secret)
        here = TestClient(app, client=("127.0.0.1", 1))
        assert here.get("/metrics", headers={"Authorization": given}).status_code == 403
        assert here.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200

    def test_an_administrator_of_a_zone_is_no_operator(self, admin: TestClient) -> None:
        assert admin.get("/metrics").status_code == 403


def test_two_apps_count_for_themselves(
    store: Store, settings: Settings, client: TestClient, clock: Clock
) -> None:
    other = TestClient(create_app(settings, store, clock), client=("127.0.0.1", 1))
    client.get("/api/parcels")
    assert ("gridgov_requests_total", "GET", "/api/parcels", "2xx") not in numbers(other)
