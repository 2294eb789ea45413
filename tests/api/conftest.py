"""Callers to test with: anybody, a grid worker, staff and an administrator, over the app in process on either store."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner, Result

with warnings.catch_warnings():  # the client warns that it will move to another package one day
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

from api import cli, passwords, sessions
from api.app import create_app
from api.directory import Directory
from api.passwords import add_account
from gridgov.access import Scope
from gridgov.settings import Settings, read_settings
from gridgov.store import Store
from tests.fixtures_store import NOW, ZONE

PASSWORD = "a password for tests only"
ORIGIN = "http://testserver"


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is slow on purpose; tests that sign in a hundred times need not wait for it."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", quick)
    monkeypatch.setattr(passwords, "_NOBODY", quick.hash("the password of nobody"))


class Clock:
    """A clock that the test moves, with ticks that never go back."""

    def __init__(self) -> None:
        self.now = NOW
        self.passed = 0.0

    def __call__(self) -> dt.datetime:
        return self.now

    def ticks(self) -> float:
        return self.passed

    def forward(self, **time: float) -> None:
        step = dt.timedelta(**time)
        self.now += step
        self.passed += max(0.0, step.total_seconds())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({}, demo=True, attachments_url=f"file://{tmp_path}/files")


@pytest.fixture
def client(store: Store, settings: Settings, clock: Clock) -> TestClient:
    """Anybody. What the service remembers ages by the test's clock alone, however slow the machine is."""
    app = create_app(settings, store, clock)
    app.state.service.directory = Directory(store, settings.default_zone, clock.ticks)
    return TestClient(app, raise_server_exceptions=False)


# For what is refused before the store is asked, or that the store's own tests prove on both.
on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

SignedIn = Callable[..., TestClient]
Run = Callable[..., Result]


@pytest.fixture(params=["sqlite", pytest.param("postgis", marks=pytest.mark.postgis)])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a migrated store with the test zone, set as the operator's environment."""
    store = request.getfixturevalue(f"{request.param}_store")
    address = store.url if request.param == "sqlite" else store._source[0]
    store.close()
    monkeypatch.setenv("GRIDGOV_DATABASE_URL", address)
    monkeypatch.setenv("GRIDGOV_SECRET", "x" * 40)
    return str(address)


@pytest.fixture
def run() -> Run:
    """Type a command; its own errors come through as exceptions, as main() would print them."""

    def typed(*words: str | Path, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(cli.app, [str(word) for word in words], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return typed


@pytest.fixture
def sign_in(client: TestClient, store: Store) -> SignedIn:
    """Makes an account of a role and gives a client that is signed in as it."""

    def make(role: str, login: str = "", areas: tuple[str, ...] = ()) -> TestClient:
        login = login or role
        with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
            add_account(tx, login, PASSWORD, role, f"测试 {role}", areas, None)
        signed = TestClient(client.app, raise_server_exceptions=False)
        answer = signed.post("/api/session", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return signed

    return make


@pytest.fixture
def staff(sign_in: SignedIn) -> TestClient:
    return sign_in("staff")


@pytest.fixture
def admin(sign_in: SignedIn) -> TestClient:
    return sign_in("admin")


@pytest.fixture
def grid_worker(sign_in: SignedIn) -> TestClient:
    """A grid worker without any area of their own."""
    return sign_in("grid_worker")


def token_of(client: TestClient) -> str:
    """The session token that a client holds."""
    return str(client.cookies[sessions.COOKIE])


def who(client: TestClient) -> str | None:
    """The login the service sees behind a client; None for nobody."""
    answer = client.get("/api/session")
    assert answer.status_code == 200, answer.text
    user = answer.json()["user"]
    return None if user is None else str(user["login"])


def square(column: float = 0, row: float = 0, size: float = 1) -> dict[str, Any]:
    """A square as GeoJSON, in thousandths of a degree from the test zone's south-west corner."""
    west, south = round(113.30 + column / 1000, 9), round(33.70 + row / 1000, 9)
    east, north = round(west + size / 1000, 9), round(south + size / 1000, 9)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def point(column: float = 0.5, row: float = 0.5) -> dict[str, Any]:
    """A point as GeoJSON, in the same steps."""
    return {"type": "Point", "coordinates": [round(113.30 + column / 1000, 9), round(33.70 + row / 1000, 9)]}


def parcel(number: int = 1, **more: Any) -> dict[str, Any]:
    """The body of a parcel that the service takes as it is."""
    body = {
        "code": f"DK-{number:04d}",
        "name_zh": f"{number}号地块",
        "stage": "reserved",
        "land_scheme": "ydyh-2023",
        "land_code": "1001",
        "geometry": square(number % 50, number // 50),
    }
    return {**body, **more}


def park(
    code: str = "PK-01", column: float = 0, row: float = 0, size: float = 10, **more: Any
) -> dict[str, Any]:
    """The body of a park."""
    return {
        "code": code,
        "kind": "park",
        "name_zh": "测试园区",
        "geometry": square(column, row, size),
        **more,
    }
