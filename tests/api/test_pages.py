"""Pages, assets and map views: each under its policy, none from another host, in every zone."""

from __future__ import annotations

import re
from typing import ClassVar

import pytest
from starlette.testclient import TestClient

from api.errors import MEDIA_TYPE
from api.hot import DEFAULT_HEADERS
from gridgov.store import Store
from maps.pages import assets
from tests.api.conftest import parcel, park
from tests.fixtures_store import ZONE


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """Pages are the same over both stores; the views read through the same protocol."""
    return sqlite_store


@pytest.mark.parametrize("path", ["/", "/report", "/sign-in", f"/z/{ZONE}/", f"/z/{ZONE}/report"])
def test_a_page_comes_under_a_strict_policy(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors" in policy
    assert "unsafe" not in policy
    for name, _ in DEFAULT_HEADERS:
        assert name in answer.headers
    assert client.head(path).status_code == 200


def test_every_asset_a_page_names_is_served(client: TestClient) -> None:
    for path in ("/", "/report", "/sign-in"):
        for name in re.findall(r'(?:href|src)="(/assets/[^"]+)"', client.get(path).text):
            assert client.get(name).status_code == 200, name


@pytest.mark.parametrize("name", sorted(assets()))
def test_an_asset_has_its_type_and_is_not_sent_twice(client: TestClient, name: str) -> None:
    answer = client.get(f"/assets/{name}")
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = client.get(f"/assets/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get(f"/assets/{name}", headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content


@pytest.mark.parametrize(
    "path",
    ["nothing.js", "../pages.py", "..%2fpages.py", "%2e%2e/pages.py", "js/../../pages.py", "/etc/passwd", "js",
     "", "a%00b"],
)  # fmt: skip
def test_what_is_in_no_table_of_assets_does_not_exist(client: TestClient, path: str) -> None:
    assert client.get(f"/assets/{path}").status_code == 404


@pytest.mark.parametrize("view", ["parks", "land", "plants", "grids"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_map_runs_only_its_own_scripts(
    client: TestClient, admin: TestClient, view: str, language: str
) -> None:
    admin.post("/api/areas", json=park())
    admin.post("/api/parcels", json=parcel())
    answer = client.get(f"/maps/{view}?lang={language}")
    assert answer.status_code == 200, answer.text
    [nonce] = set(re.findall(r"'nonce-([^']+)'", answer.headers["content-security-policy"]))
    scripts = re.findall(r"<script([^>]*)>", answer.text)
    assert scripts
    assert all(f'nonce="{nonce}"' in attributes or "src=" in attributes for attributes in scripts)
    other = client.get(f"/maps/{view}?lang={language}").headers["content-security-policy"]
    assert nonce not in other
    assert not re.search(r"(?:src|href)=\"https?://", answer.text)


def test_a_standalone_map_names_itself_for_keeping(client: TestClient) -> None:
    answer = client.get("/maps/land?standalone=1&lang=en")
    assert answer.headers["content-disposition"] == 'inline; filename="test-zone-land-20261120-en.html"'
    assert "/assets/" not in re.sub(r"<script.*?</script>", "", answer.text, flags=re.DOTALL)


def test_the_public_map_holds_nothing_internal(client: TestClient, staff: TestClient) -> None:
    staff.post("/api/parcels", json=parcel(7, visibility="internal", name_zh="机密地块"))
    assert "机密地块" not in client.get("/maps/land").text
    assert "机密地块" in staff.get("/maps/land").text


@pytest.mark.parametrize(
    ("path", "status"),
    [("/maps/nothing", 404), ("/maps/land?lang=fr", 400), ("/maps/land?standalone=yes", 400), ("/maps/land?x=1", 400),
     ("/z/nothing/", 404), ("/z/nothing/report", 404), ("/z/nothing/maps/land", 404)],
)  # fmt: skip
def test_what_is_no_page(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_a_zone_without_its_slash_leads_to_its_page(client: TestClient) -> None:
    answer = client.get(f"/z/{ZONE}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (308, f"/z/{ZONE}/")


def test_the_interface_is_described_without_scripts(client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for path in ("/api/parcels/{identifier}", "/api/areas/publish", "/api/import"):
        assert path in answer.text


class TestProblemPage:
    BROWSER: ClassVar = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    def test_a_person_gets_a_page_and_a_program_gets_problem_details(self, client: TestClient) -> None:
        page = client.get("/no-such-page", headers=self.BROWSER)
        assert page.status_code == 404
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "地址不存在" in page.text
        assert 'href="/"' in page.text
        for headers in ({}, {"Accept": "application/json"}):
            assert client.get("/no-such-page", headers=headers).json()["status"] == 404
        assert client.get("/api/no-such", headers=self.BROWSER).headers["content-type"] == MEDIA_TYPE

    def test_an_unknown_zone_leads_home_and_repeats_nothing_raw(self, client: TestClient) -> None:
        page = client.get("/z/<script>alert(1)<%2Fscript>/maps/land", headers=self.BROWSER)
        assert page.status_code == 404
        assert "<script>alert" not in page.text
