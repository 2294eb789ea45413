"""Below a path of a proxy: links, redirects, cookies, assets and the description lead below it, however it asks."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.hot import checked_root
from api.passwords import add_account
from gridgov.access import Scope
from gridgov.errors import ConfigurationProblem
from gridgov.settings import Settings
from gridgov.store import Store
from tests.api.conftest import PASSWORD, Clock, parcel
from tests.fixtures_store import NOW, ZONE

ROOT = "/map"
BROWSER = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """Paths are decided before the store."""
    return sqlite_store


@pytest.fixture
def below(store: Store, settings: Settings, clock: Clock) -> TestClient:
    app = create_app(settings.model_copy(update={"root_path": ROOT}), store, clock)
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


def test_both_kinds_of_proxy_are_understood(below: TestClient) -> None:
    """Some leave the path as people see it, some take their own part away."""
    for path in (
        "/api/parcels",
        f"{ROOT}/api/parcels",
        f"/z/{ZONE}/api/parcels",
        f"{ROOT}/z/{ZONE}/api/parcels",
    ):
        assert below.get(path).status_code == 200, path
    assert below.get("/mapped/api/parcels").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/", "/report", "/sign-in", f"/z/{ZONE}/", f"/z/{ZONE}/report", "/maps/parks", f"/z/{ZONE}/maps/land"],
)
@pytest.mark.parametrize("before", ["", ROOT])
def test_pages_name_only_what_is_below(below: TestClient, before: str, path: str) -> None:
    page = below.get(before + path)
    assert page.status_code == 200
    named = re.findall(r'(?:href|src)="(/[^"]*)"', page.text)
    assert any(name.startswith(f"{ROOT}/assets/") for name in named)
    for name in named:
        assert name.startswith(ROOT + "/"), name
        assert below.get(name).status_code == 200, name
    assert not re.search(r"""["'(]/assets/""", page.text)


def test_a_map_as_one_file_names_nothing_here(below: TestClient) -> None:
    page = below.get(f"{ROOT}/maps/land?standalone=1").text
    assert "/assets/" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_redirects_stay_below(below: TestClient) -> None:
    for path in (f"/z/{ZONE}", f"{ROOT}/z/{ZONE}"):
        answer = below.get(path)
        assert (answer.status_code, answer.headers["location"]) == (308, f"{ROOT}/z/{ZONE}/")
    assert below.get(ROOT).headers["location"] == f"{ROOT}/"


def test_the_way_home_from_a_problem_is_below(below: TestClient) -> None:
    page = below.get(f"{ROOT}/nowhere", headers=BROWSER)
    assert page.status_code == 404
    assert f'href="{ROOT}/"' in page.text
    assert f'href="{ROOT}/assets/css/site.css"' in page.text
    assert below.get(f"{ROOT}/api/nowhere", headers=BROWSER).json()["instance"] == f"{ROOT}/api/nowhere"


@pytest.mark.parametrize(
    ("path", "cookie_path"), [("/api/session", f"{ROOT}/"), (f"/z/{ZONE}/api/session", f"{ROOT}/z/{ZONE}/")]
)
def test_the_cookie_is_for_this_service_and_not_its_neighbours(
    below: TestClient, store: Store, path: str, cookie_path: str
) -> None:
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        add_account(tx, "staff", PASSWORD, "staff", "测试", (), None)
    answer = below.post(ROOT + path, json={"login": "staff", "password": PASSWORD})
    assert answer.status_code == 200
    assert f"Path={cookie_path}" in answer.headers["set-cookie"]


def test_what_is_made_is_found_where_its_answer_says(below: TestClient, store: Store) -> None:
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        add_account(tx, "staff", PASSWORD, "staff", "测试", (), None)
    below.post(f"{ROOT}/api/session", json={"login": "staff", "password": PASSWORD})
    made = below.post(f"{ROOT}/api/parcels", json=parcel())
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{ROOT}/api/parcels/{made.json()['id']}"
    assert below.get(made.headers["location"]).status_code == 200


def test_the_description_says_where_it_is(below: TestClient) -> None:
    servers = [each["url"] for each in below.get(f"{ROOT}/openapi.json").json()["servers"]]
    assert servers == [f"{ROOT}/", f"{ROOT}/z/{{zone}}"]


@pytest.mark.parametrize(
    ("given", "root"), [("", ""), ("/", ""), ("map", "/map"), ("/map/", "/map"), ("/a/b-1", "/a/b-1")]
)
def test_slashes_at_its_ends_do_not_matter(given: str, root: str) -> None:
    assert checked_root(given) == root


@pytest.mark.parametrize("given", ["/a b", "/a?b", '/"', "//a//b", "/a/../b\n", "https://x/map", "/<x>"])
def test_what_is_no_path_is_refused(given: str) -> None:
    with pytest.raises(ConfigurationProblem, match="GRIDGOV_ROOT_PATH"):
        checked_root(given)
