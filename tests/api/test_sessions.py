"""Signing in: tokens that rotate, limits on guessing, and no write from another site."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from api import auth, sessions
from api.app import create_app
from api.passwords import hash_password, password_fits
from gridgov.access import Scope
from gridgov.errors import StoreBusy, StoreFull, StoreProblem, StoreReadOnly
from gridgov.settings import Settings, read_settings
from gridgov.store import Store, Tx
from gridgov.store.queries import accounts
from gridgov.store.queries.audit import list_audit
from gridgov.store.queries.connection import inside
from gridgov.store.queries.zones import Zone, make_zone
from gridgov.store.schema_private import throttles
from tests.api.conftest import PASSWORD, Clock, SignedIn, on_sqlite, parcel, token_of, who
from tests.fixtures_store import NOW, ZONE


def counters(tx: Tx) -> int:
    """How many attempt counters the store keeps."""
    return len(inside(tx).connection.execute(select(throttles)).all())


class TestSignIn:
    def test_nobody_is_signed_in_at_first(self, client: TestClient) -> None:
        assert client.get("/api/session").json() == {"user": None}

    def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
        self, client: TestClient, staff: TestClient
    ) -> None:
        answer = client.post("/api/session", json={"login": "staff", "password": PASSWORD})
        assert answer.json()["user"]["role"] == "staff"
        assert "password" not in answer.text
        header = answer.headers["set-cookie"]
        assert "HttpOnly" in header
        assert "SameSite=Lax" in header
        assert "Path=/;" in header
        assert "Max-Age=43200" in header
        assert "Secure" not in header  # plain http on this machine

    def test_the_store_knows_no_token(self, staff: TestClient, store: Store) -> None:
        with store.begin(Scope.system(ZONE), NOW) as tx:
            row = accounts.read_session(tx, sessions.hash_token(token_of(staff)))
        assert row is not None
        assert token_of(staff) not in str(row)

    def test_a_wrong_password_and_an_unknown_login_get_one_answer(
        self, client: TestClient, staff: TestClient
    ) -> None:
        wrong = client.post("/api/session", json={"login": "staff", "password": "not this one"})
        unknown = client.post("/api/session", json={"login": "nobody", "password": "not this one"})
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.content == unknown.content

    @on_sqlite
    @pytest.mark.parametrize(
        "body",
        [{}, {"login": "staff"}, {"login": 1, "password": "x"}, {"login": "a\u0000", "password": "x"},
         {"login": "x" * 81, "password": "x"}, {"login": "staff", "password": ""},
         {"login": "a", "password": "b", "c": 1}],
    )  # fmt: skip
    def test_a_body_that_is_none(self, client: TestClient, body: dict[str, object]) -> None:
        assert client.post("/api/session", json=body).status_code == 400

    def test_guessing_is_stopped_per_account_and_goes_on_later(
        self, client: TestClient, staff: TestClient, clock: Clock
    ) -> None:
        for _ in range(10):
            assert (
                client.post("/api/session", json={"login": "staff", "password": "wrong"}).status_code == 401
            )
        stopped = client.post("/api/session", json={"login": "staff", "password": PASSWORD})
        assert stopped.status_code == 429
        assert 0 < int(stopped.headers["retry-after"]) <= 900
        clock.forward(minutes=16)
        assert client.post("/api/session", json={"login": "staff", "password": PASSWORD}).status_code == 200

    def test_guessing_logins_is_stopped_per_address(self, client: TestClient) -> None:
        for number in range(50):
            body = {"login": f"name{number}", "password": "wrong"}
            assert client.post("/api/session", json=body).status_code == 401
        assert client.post("/api/session", json={"login": "another", "password": "wrong"}).status_code == 429

    def test_a_refused_address_leaves_no_counters_and_learns_when_it_may_go_on(
        self, client: TestClient, store: Store, clock: Clock
    ) -> None:
        for number in range(50):
            client.post("/api/session", json={"login": f"name{number}", "password": "wrong"})
            clock.forward(seconds=1)
        with store.begin(Scope.system(ZONE), clock.now) as tx:
            before = counters(tx)
        for number in range(5):
            answer = client.post("/api/session", json={"login": f"further{number}", "password": "wrong"})
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "850")
        with store.begin(Scope.system(ZONE), clock.now) as tx:
            assert counters(tx) == before
        assert before == 51  # fifty accounts and one address

    def test_counters_past_their_window_are_dropped(
        self, client: TestClient, store: Store, clock: Clock
    ) -> None:
        with store.begin(Scope.system(ZONE), clock.now, write=True) as tx:
            accounts.count_attempt(tx, "report/somebody", dt.timedelta(hours=1))
        for number in range(20):
            client.post("/api/session", json={"login": f"name{number}", "password": "wrong"})
        clock.forward(minutes=16)
        client.post("/api/session", json={"login": "another", "password": "wrong"})
        with store.begin(Scope.system(ZONE), clock.now) as tx:
            assert counters(tx) == 3  # this login, this address, and the reporter, whose hour is not over

    def test_sessions_past_their_time_are_dropped_at_the_next_sign_in(
        self, staff: TestClient, sign_in: SignedIn, store: Store, clock: Clock
    ) -> None:
        old = sessions.hash_token(token_of(staff))
        clock.forward(hours=11)
        sign_in("admin")
        with store.begin(Scope.system(ZONE), clock.now) as tx:
            assert accounts.read_session(tx, old) is not None
        clock.forward(hours=1)
        living = sessions.hash_token(token_of(sign_in("grid_worker")))
        with store.begin(Scope.system(ZONE), clock.now) as tx:
            assert accounts.read_session(tx, old) is None
            assert accounts.read_session(tx, living) is not None

    def test_a_success_starts_the_account_s_count_anew(self, client: TestClient, staff: TestClient) -> None:
        for _ in range(3):
            for _ in range(8):
                client.post("/api/session", json={"login": "staff", "password": "wrong"})
            assert (
                client.post("/api/session", json={"login": "staff", "password": PASSWORD}).status_code == 200
            )


class TestWhatChangesWhileThePasswordIsChecked:
    """The check takes a while on purpose; the account may be another one when it is done."""

    @pytest.mark.parametrize("way", ["password", "disabled"])
    def test_the_sign_in_is_refused(
        self,
        client: TestClient,
        staff: TestClient,
        store: Store,
        open_again: Callable[[Store], Store],
        monkeypatch: pytest.MonkeyPatch,
        way: str,
    ) -> None:
        other, begun = open_again(store), Event()
        values: dict[str, dict[str, Any]] = {
            "password": {"password_hash": hash_password("another password")},
            "disabled": {"disabled_at": NOW},
        }
        fits = password_fits

        def change() -> None:
            with other.begin(Scope.system(ZONE), NOW, write=True) as tx:
                user = accounts.find_user(tx, "staff")
                assert user is not None
                accounts.change_user(tx, user["id"], values[way])
                accounts.revoke_sessions(tx, user_id=user["id"])
                begun.set()
                time.sleep(0.3)  # the sign-in reaches its second transaction before this one ends

        with ThreadPoolExecutor() as pool:

            def meanwhile(*given: Any) -> bool:
                found = fits(*given)
                changing.append(pool.submit(change))
                assert begun.wait(10)
                return found

            changing: list[Future[None]] = []
            monkeypatch.setattr(auth, "password_fits", meanwhile)
            answer = client.post("/api/session", json={"login": "staff", "password": PASSWORD})
            changing[0].result(timeout=10)
        assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
        assert who(client) is None
        with store.begin(Scope.system(ZONE), NOW) as tx:
            newest = list_audit(tx)[0]
        assert (newest["action"], newest["outcome"]) == ("sign-in", "refused")

    def test_a_change_that_comes_later_ends_the_new_session_too(
        self,
        client: TestClient,
        staff: TestClient,
        store: Store,
        open_again: Callable[[Store], Store],
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        other, begin = open_again(store), sessions.start

        def change() -> None:
            with other.begin(Scope.system(ZONE), NOW, write=True) as tx:
                user = accounts.find_user(tx, "staff")
                assert user is not None
                accounts.change_user(tx, user["id"], {"password_hash": hash_password("another password")})
                accounts.revoke_sessions(tx, user_id=user["id"])

        with ThreadPoolExecutor() as pool:

            def meanwhile(*given: Any) -> Any:
                changing.append(pool.submit(change))
                time.sleep(0.3)  # by now it waits for the sign-in
                return begin(*given)

            changing: list[Future[None]] = []
            monkeypatch.setattr(sessions, "start", meanwhile)
            assert (
                client.post("/api/session", json={"login": "staff", "password": PASSWORD}).status_code == 200
            )
            changing[0].result(timeout=10)
        clock.forward(seconds=1)
        assert who(client) is None


class TestSession:
    def test_signing_out_ends_it_for_every_copy(self, staff: TestClient) -> None:
        copy = TestClient(staff.app, cookies=staff.cookies)
        assert who(copy) == "staff"
        answer = staff.delete("/api/session")
        assert answer.status_code == 204
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert who(copy) is None
        assert staff.delete("/api/session").status_code == 204

    def test_it_ends_after_its_hours(self, staff: TestClient, clock: Clock) -> None:
        for _ in range(47):
            clock.forward(minutes=15)
            assert who(staff) == "staff"
        clock.forward(minutes=16)
        assert who(staff) is None

    @on_sqlite
    @pytest.mark.parametrize("token", ["x", "x" * 43, "é" * 30, "x" * 500, '"; Path=/'])
    def test_a_made_up_token_is_nobody(self, client: TestClient, token: str) -> None:
        answer = client.get("/api/session", headers={"Cookie": f"{sessions.COOKIE}={token}".encode()})
        assert answer.json() == {"user": None}

    def test_it_belongs_to_its_zone(self, staff: TestClient, store: Store, clock: Clock) -> None:
        with store.begin(Scope.system("other"), NOW, write=True) as tx:
            make_zone(tx, Zone("other", "另一区", None, None, opened_issues=False))
        clock.forward(seconds=1)
        there = TestClient(staff.app, cookies=staff.cookies)
        assert there.get(f"/z/{ZONE}/api/session").json()["user"]["login"] == "staff"
        assert there.get("/z/other/api/session").json() == {"user": None}
        assert there.post("/z/other/api/parcels", json=parcel()).status_code == 401
        several = there.get("/api/session")
        assert (several.status_code, "/z/" in several.json()["detail"]) == (404, True)

    def test_a_zone_s_cookie_stays_in_its_zone(self, client: TestClient, staff: TestClient) -> None:
        body = {"login": "staff", "password": PASSWORD}
        answer = client.post(f"/z/{ZONE}/api/session", json=body)
        assert f"Path=/z/{ZONE}/;" in answer.headers["set-cookie"]
        both = f"{sessions.COOKIE}=a-token-of-another-zone-is-sent-too; {sessions.COOKIE}={token_of(staff)}"
        seen = client.get(f"/z/{ZONE}/api/session", headers={"Cookie": both})
        assert seen.json()["user"]["login"] == "staff"

    def test_a_revoked_session_ends_within_a_second_in_every_worker(
        self, staff: TestClient, store: Store, settings: Settings, clock: Clock
    ) -> None:
        other = TestClient(create_app(settings, store, clock), cookies=staff.cookies)
        assert who(other) == "staff"
        staff.delete("/api/session")
        clock.forward(seconds=1)
        assert who(other) is None

    @pytest.mark.parametrize("problem", [StoreFull, StoreReadOnly, StoreBusy])
    def test_a_new_token_reads_though_the_store_cannot_be_written_to(
        self,
        staff: TestClient,
        store: Store,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
        problem: type[StoreProblem],
    ) -> None:
        first, begin = token_of(staff), store.begin

        def begin_reading(*given: Any, write: bool = False) -> Any:
            if write:
                raise problem("Nothing can be written now.")
            return begin(*given)

        clock.forward(minutes=15)
        assert who(staff) == "staff"  # brings a new token, which has to replace the first one
        clock.forward(seconds=1)
        with monkeypatch.context() as broken:
            broken.setattr(store, "begin", begin_reading)
            assert [who(staff), who(staff)] == ["staff", "staff"]
        assert token_of(staff) != first
        clock.forward(seconds=1)
        assert who(staff) == "staff"  # now it does
        with store.begin(Scope.system(ZONE), clock.now) as tx:
            row = accounts.read_session(tx, sessions.hash_token(first))
        assert row is not None
        assert row["replaced_at"] == clock.now


class TestOrigin:
    @on_sqlite
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://elsewhere.example"},
            {"Origin": "null"},
            {"Origin": "http://testserver:8080"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        ],
    )
    def test_a_write_from_another_site_is_refused(self, staff: TestClient, headers: dict[str, str]) -> None:
        answer = staff.post("/api/parcels", json=parcel(), headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:gridgov:problem:wrong-origin")
        assert staff.get("/api/parcels", headers=headers).json()["items"] == []

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}],
    )
    def test_a_write_of_our_own_pages_or_of_no_browser(
        self, staff: TestClient, headers: dict[str, str]
    ) -> None:
        assert staff.post("/api/parcels", json=parcel(), headers=headers).status_code == 201


class TestBehindAProxy:
    @pytest.fixture
    def settings(self) -> Settings:
        return read_settings(
            {}, demo=True, trusted_proxies="10.1.2.3, 10.9.0.0/16", public_url="https://map.example"
        )

    @pytest.fixture
    def proxied(self, client: TestClient) -> TestClient:
        return TestClient(client.app, client=("10.1.2.3", 4711), base_url="http://inner")

    def test_the_cookie_is_secure_and_the_origin_is_the_public_one(
        self, proxied: TestClient, sign_in: SignedIn
    ) -> None:
        sign_in("staff")
        body = {"login": "staff", "password": PASSWORD}
        headers = {
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "203.0.113.9",
            "Origin": "https://map.example",
        }
        answer = proxied.post("/api/session", json=body, headers=headers)
        assert "Secure" in answer.headers["set-cookie"]
        wrong = proxied.post("/api/session", json=body, headers=headers | {"Origin": "http://inner"})
        assert wrong.status_code == 403

    def test_addresses_are_counted_apart_only_when_a_trusted_proxy_tells_them(
        self, proxied: TestClient, client: TestClient
    ) -> None:
        body = {"category": "weeds", "lon": 113.3, "lat": 33.7}

        def report(caller: TestClient, address: str) -> int:
            answer = caller.post("/api/issues", json=body, headers={"X-Forwarded-For": address})
            return int(answer.status_code)

        statuses = [report(proxied, f"198.51.100.7, 203.0.113.{n}") for n in range(12)]
        assert statuses == [201] * 12
        statuses = [report(client, f"203.0.113.{n}") for n in range(11)]
        assert statuses == [201] * 10 + [429]
