"""Tokens of a sign-in that follow one another: lost, late and copied ones, and a sign-in that ends meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from httpx import Cookies
from starlette.testclient import TestClient

from api import sessions
from gridgov.access import Scope
from gridgov.store import Store
from gridgov.store.queries import accounts
from tests.api.conftest import PASSWORD, Clock, token_of, who
from tests.fixtures_store import ZONE


class TestRenewal:
    def test_several_requests_at_once_get_one_new_token(self, staff: TestClient, clock: Clock) -> None:
        old = {"Cookie": f"{sessions.COOKIE}={token_of(staff)}"}
        clock.forward(minutes=15)
        bare = TestClient(staff.app)
        answers = [bare.get("/api/session", headers=old) for _ in range(4)]
        assert ["set-cookie" in answer.headers for answer in answers] == [True, False, False, False]

    def test_a_revoked_sign_in_gets_no_further_token(
        self, staff: TestClient, store: Store, clock: Clock, open_again: Callable[[Store], Store]
    ) -> None:
        clock.forward(minutes=14, seconds=59.9)
        assert who(staff) == "staff"  # remembered for less than a second
        with open_again(store).begin(Scope.system(ZONE), clock.now, write=True) as tx:
            user = accounts.find_user(tx, "staff")
            assert user is not None
            accounts.revoke_sessions(tx, user_id=user["id"])
        clock.forward(seconds=0.2)
        assert "set-cookie" not in staff.get("/api/session").headers
        clock.forward(seconds=1)
        assert who(staff) is None

    def test_ending_a_sign_in_ends_also_the_token_that_is_made_at_that_moment(
        self, staff: TestClient, store: Store, clock: Clock, open_again: Callable[[Store], Store]
    ) -> None:
        clock.forward(minutes=15)
        other = open_again(store)

        def revoke(family: str) -> None:
            with other.begin(Scope.system(ZONE), clock.now, write=True) as tx:
                accounts.revoke_sessions(tx, family=family)

        with ThreadPoolExecutor() as pool:
            with store.begin(Scope.system(ZONE), clock.now, write=True) as tx:
                session = sessions.read(tx, token_of(staff))
                assert session is not None
                made = sessions.renew(tx, session)
                revoking = pool.submit(revoke, session.family)
                time.sleep(0.3)  # by now it waits for this transaction
            revoking.result(timeout=10)
        assert made is not None
        with store.begin(Scope.system(ZONE), clock.now) as tx:
            assert sessions.read(tx, made[0]) is None

    def test_two_workers_make_one_new_token(
        self, staff: TestClient, store: Store, clock: Clock, open_again: Callable[[Store], Store]
    ) -> None:
        clock.forward(minutes=15)
        with store.begin(Scope.system(ZONE), clock.now) as tx:
            session = sessions.read(tx, token_of(staff))
        assert session is not None
        made = []
        for worker in (store, open_again(store)):
            with worker.begin(Scope.system(ZONE), clock.now, write=True) as tx:
                made.append(sessions.renew(tx, session) is not None)
        assert made == [True, False]

    def test_answers_that_arrive_out_of_order_sign_nobody_out(self, staff: TestClient, clock: Clock) -> None:
        bare = TestClient(staff.app)

        def ask(token: str) -> tuple[str | None, str]:
            """Who the service sees, and the token that the browser holds once the answer is there."""
            answer = bare.get("/api/session", headers={"Cookie": f"{sessions.COOKIE}={token}"})
            user = answer.json()["user"]
            return user and user["login"], answer.cookies.get(sessions.COOKIE, token)

        first = token_of(staff)
        clock.forward(minutes=15)
        _, slow = ask(first)  # this answer stays on its way
        clock.forward(seconds=1.5)
        _, held = ask(first)
        clock.forward(seconds=1)
        assert ask(held)[0] == "staff"
        assert slow != first
        clock.forward(seconds=15)
        assert ask(slow)[0] == "staff"  # the slow answer came last, so its token is what the browser holds

    def test_a_client_that_keeps_its_token_adds_one_row_a_quarter_of_an_hour(
        self, staff: TestClient, clock: Clock
    ) -> None:
        kept = {"Cookie": f"{sessions.COOKIE}={token_of(staff)}"}
        bare = TestClient(staff.app)
        clock.forward(minutes=15)
        given = 0
        for _ in range(60):
            given += "set-cookie" in bare.get("/api/session", headers=kept).headers
            clock.forward(seconds=16)
        assert given == 2

    def test_its_token_is_replaced_every_quarter_hour(self, staff: TestClient, clock: Clock) -> None:
        first = token_of(staff)
        clock.forward(minutes=14)
        assert (who(staff), token_of(staff)) == ("staff", first)
        clock.forward(minutes=1)
        assert who(staff) == "staff"
        assert token_of(staff) != first

    def test_an_answer_that_is_lost_signs_nobody_out(self, staff: TestClient, clock: Clock) -> None:
        kept = Cookies(staff.cookies)
        for _ in range(3):
            clock.forward(minutes=20)
            assert who(staff) == "staff"
            staff.cookies.clear()  # the new token never arrived
            staff.cookies.update(kept)
        assert who(staff) == "staff"

    def test_requests_under_way_may_still_use_the_old_token(self, staff: TestClient, clock: Clock) -> None:
        late = TestClient(staff.app, headers={"Cookie": f"{sessions.COOKIE}={token_of(staff)}"})
        clock.forward(minutes=15)
        who(staff)
        clock.forward(seconds=1)
        assert who(staff) == "staff"  # with the new token, which replaces the old one
        clock.forward(seconds=9)
        assert late.get("/api/session").json()["user"]["login"] == "staff"
        assert who(staff) == "staff"

    def test_a_copied_token_ends_every_session_of_the_sign_in(
        self, staff: TestClient, clock: Clock, client: TestClient
    ) -> None:
        thief = TestClient(staff.app, cookies=staff.cookies)
        clock.forward(minutes=15)
        who(staff)
        clock.forward(seconds=1)
        who(staff)
        clock.forward(seconds=11)
        assert who(thief) is None
        assert who(staff) is None
        assert client.post("/api/session", json={"login": "staff", "password": PASSWORD}).status_code == 200

    def test_a_thief_who_renews_first_is_found_out_by_the_owner(
        self, staff: TestClient, clock: Clock
    ) -> None:
        thief = TestClient(staff.app, cookies=staff.cookies)
        clock.forward(minutes=15)
        who(thief)
        clock.forward(seconds=1)
        assert who(thief) == "staff"
        clock.forward(seconds=11)
        assert who(staff) is None
        assert who(thief) is None
