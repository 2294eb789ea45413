"""Photos over HTTP: anybody first, then another's, then those who may; what the answers allow a browser to do."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from gridgov.access import Scope
from gridgov.errors import StoreFull, StoreUnavailable
from gridgov.models import KINDS
from gridgov.ownership import MARK
from gridgov.settings import Settings, read_settings
from gridgov.store import Store
from gridgov.store.queries.zones import open_issues
from tests.api.conftest import Clock, SignedIn, on_sqlite, point, square
from tests.fixtures_store import NOW, ZONE
from tests.images.specimens import SECRET, bomb_png, encoded, exif, picture, with_metadata

DEVICE = {"X-Device-Token": "phone-1"}
PHOTO = encoded(picture(), exif=exif())
NOBODY = "00000000-0000-7000-8000-000000000000"


def report(client: TestClient, headers: dict[str, str] | None = None) -> str:
    sent = {"category": "weeds", "lon": 113.305, "lat": 33.705}
    answer = client.post("/api/issues", json=sent, headers=headers)
    assert answer.status_code == 201, answer.text
    return f"/api/issues/{answer.json()['issue']['id']}/attachments"


def plant(staff: TestClient, **more: Any) -> str:
    body = {"code": "CF-1", "name_zh": "二号厂房", "geometry": square(2), **more}
    answer = staff.post("/api/plants", json=body)
    assert answer.status_code == 201, answer.text
    return f"/api/plants/{answer.json()['id']}/attachments"


def send(
    client: TestClient,
    path: str,
    content: bytes = PHOTO,
    own: str = "",
    name: str = "photo.jpg",
    headers: dict[str, str] | None = None,
) -> Any:
    data = {"id": own} if own else {}
    return client.post(path, files={"file": (name, content, "image/jpeg")}, data=data, headers=headers)


def test_a_reporter_sends_photos_and_staff_see_them(client: TestClient, staff: TestClient) -> None:
    path = report(client, DEVICE)
    added = send(client, path, name="张三.jpg", headers=DEVICE)
    assert added.status_code == 201, added.text
    told = added.json()
    assert set(told) == {
        "id", "media_type", "size_bytes", "width", "height", "created_at", "content", "thumbnail",
    }  # fmt: skip
    assert added.headers["location"] == told["content"] == f"{path}/{told['id']}"
    (seen,) = staff.get(path).json()["items"]
    assert {name: seen[name] for name in told} == told
    assert (seen["file_name"], seen["taken_at"]) == ("张三.jpg", "2026-11-20T01:30:00Z")
    assert seen["taken_lon"] == pytest.approx(113.3083333)
    for address, longer in ((told["content"], 400), (told["thumbnail"], 320)):
        answer = staff.get(address)
        image = Image.open(io.BytesIO(answer.content))
        assert (answer.headers["content-type"], image.format) == ("image/jpeg", "JPEG")
        assert max(image.size) == longer


def test_nobody_sees_the_photos_of_an_issue(
    client: TestClient, staff: TestClient, sign_in: SignedIn, grid_worker: TestClient
) -> None:
    path = report(client, DEVICE)
    photo = send(client, path, headers=DEVICE).json()
    for other in (client, grid_worker):
        for address in (path, photo["content"], photo["thumbnail"]):
            assert other.get(address).status_code == 404
            assert other.get(address, headers=DEVICE).status_code == 404


def test_an_opened_zone_shows_issues_and_not_their_photos(
    client: TestClient, staff: TestClient, store: Store, clock: Clock
) -> None:
    path = report(client, DEVICE)
    photo = send(client, path, headers=DEVICE).json()
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        open_issues(tx, opened=True)
    clock.forward(minutes=5)  # what a zone opened is remembered for a moment
    assert client.get(path.removesuffix("/attachments")).status_code == 200
    for address in (path, photo["content"], photo["thumbnail"]):
        assert client.get(address).status_code == 404
    assert staff.get(photo["content"]).status_code == 200


def test_photos_of_public_records_are_public_and_go_with_them(client: TestClient, staff: TestClient) -> None:
    path = plant(staff)
    photo = send(staff, path).json()
    (seen,) = client.get(path).json()["items"]
    assert "taken_lon" not in seen
    assert "file_name" not in seen
    answer = client.get(photo["content"])
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    record = path.removesuffix("/attachments")
    staff.patch(record, json={"visibility": "internal"}, headers={"If-Match": '"1"'})
    again = client.get(photo["content"], headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 404  # and not 304
    assert staff.get(photo["content"]).status_code == 200


def test_a_browser_may_show_a_photo_and_do_nothing_else_with_it(staff: TestClient) -> None:
    photo = send(staff, report(staff)).json()
    for address in (photo["content"], photo["thumbnail"]):
        answer = staff.get(address)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "private, no-cache"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["content-disposition"] == f'inline; filename="{photo["id"]}.jpg"'
        assert "Cookie" in answer.headers["vary"]
        same = staff.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"issues"}))
@on_sqlite
def test_every_kind_takes_photos_and_strangers_cannot_tell_what_is_there(
    client: TestClient, admin: TestClient, kind: str
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "areas": {"code": "PK-1", "kind": "park", "name_zh": "园", "geometry": square(size=9)},
        "departments": {"code": "BM-1", "name_zh": "局"},
        "buildings": {"code": "LD-1", "geometry": square(3)},
        "parcels": {"code": "DK-1", "geometry": square(4)},
        "plants": {"code": "CF-1", "name_zh": "厂", "geometry": square(5)},
        "facilities": {"code": "SS-1", "kind": "toilet", "name_zh": "厕", "geometry": point()},
    }
    if kind == "units":
        made = admin.post("/api/plants", json=bodies["plants"]).json()["id"]
        bodies["units"] = {"code": "CF-1-1", "plant_id": made}
    elif kind == "listings":
        made = admin.post("/api/parcels", json=bodies["parcels"]).json()["id"]
        bodies["listings"] = {
            "code": "ZS-1", "title": "地", "asset_kind": "parcels", "asset_id": made, "offer": "grant",
        }  # fmt: skip
    answer = admin.post(f"/api/{kind}", json=bodies[kind])
    assert answer.status_code == 201, answer.text
    path = f"/api/{kind}/{answer.json()['id']}/attachments"
    assert send(client, path).status_code == 401
    assert send(client, path, headers=DEVICE).status_code == 404
    assert send(client, path.replace(answer.json()["id"], NOBODY), headers=DEVICE).status_code == 404
    assert send(admin, path).status_code == 201


def test_a_repeat_is_one_photo_and_a_lost_answer_no_loss(client: TestClient, staff: TestClient) -> None:
    path, own = report(client, DEVICE), str(uuid.uuid4())
    codes = [send(client, path, own=own, headers=DEVICE).status_code for _ in range(3)]
    assert codes == [201, 200, 200]
    assert len(staff.get(path).json()["items"]) == 1
    other = send(client, path, encoded(picture(size=(99, 99))), own=own, headers=DEVICE)
    assert other.status_code == 409
    assert other.json()["type"].endswith("content-differs")
    taken = send(staff, path, own=own)
    assert (taken.status_code, taken.json()["type"].rpartition(":")[2]) == (409, "identifier-taken")


def test_a_device_adds_to_its_own_issue_for_an_hour(client: TestClient, clock: Clock) -> None:
    path = report(client, DEVICE)
    assert send(client, path).status_code == 401
    assert send(client, path, headers={"X-Device-Token": "phone-2"}).status_code == 404
    assert send(client, path, headers=DEVICE).status_code == 201
    clock.forward(hours=1)
    assert send(client, path, headers=DEVICE).status_code == 404


@on_sqlite
def test_a_stranger_is_refused_before_the_body_is_read(client: TestClient) -> None:
    path = report(client, DEVICE)
    for headers in ({}, {"X-Device-Token": "phone-2"}):
        no_form = client.post(path, content=b"x" * 100, headers=headers)
        assert no_form.status_code == (404 if headers else 401)  # and not 415
    assert client.post(path, content=b"x" * 100, headers=DEVICE).status_code == 415


def test_another_sites_page_adds_and_erases_nothing(staff: TestClient) -> None:
    path = report(staff)
    photo = send(staff, path).json()
    foreign = {"Origin": "https://elsewhere.example"}
    assert send(staff, path, headers=foreign).status_code == 403
    assert staff.delete(photo["content"], headers=foreign).status_code == 403
    assert len(staff.get(path).json()["items"]) == 1


def test_an_erased_photo_is_gone_with_its_bytes(
    client: TestClient, staff: TestClient, admin: TestClient, settings: Settings
) -> None:
    path = report(client, DEVICE)
    photo = send(client, path, name="张三.jpg", headers=DEVICE).json()
    assert client.delete(photo["content"], headers=DEVICE).status_code == 401
    assert staff.delete(photo["content"]).status_code == 204
    assert staff.delete(photo["content"]).status_code == 404
    for address in (photo["content"], photo["thumbnail"]):
        assert staff.get(address).status_code == 404
    assert staff.get(path).json() == {"items": []}
    service: Any = client.app
    assert [each.key for each in service.state.service.blobs.each("")] == [MARK]
    verbs = [event["verb"] for event in staff.get(path.replace("attachments", "history")).json()["items"]]
    assert verbs == ["created", "attachment_added", "attachment_erased"]
    (entry,) = [
        each for each in admin.get("/api/audit").json()["items"] if each["action"] == "attachments:erase"
    ]
    assert (entry["subject"], bool(entry["address"])) == (photo["id"], True)


def test_a_place_for_files_that_is_away_keeps_no_erased_photo_in_sight(
    client: TestClient, staff: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = send(staff, report(staff)).json()
    service: Any = client.app

    def away(key: str) -> None:
        raise StoreUnavailable("The storage of files does not answer.")

    monkeypatch.setattr(service.state.service.blobs, "drop", away)
    assert staff.delete(photo["content"]).status_code == 204
    assert staff.get(photo["content"]).status_code == 404


@pytest.mark.parametrize(
    ("error", "status"), [(StoreFull("No room."), 507), (StoreUnavailable("Away."), 503)]
)
def test_without_room_or_place_the_sender_is_told_to_come_back(
    client: TestClient, staff: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    path = report(staff)
    service: Any = client.app

    def refuses(key: str, content: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(service.state.service.blobs, "put", refuses)
        answer = send(staff, path)
    assert answer.status_code == status
    assert int(answer.headers["retry-after"]) > 0
    assert staff.get(path).json() == {"items": []}
    assert send(staff, path).status_code == 201  # without a restart


@on_sqlite
@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"", 400, "unreadable-file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415, "unsupported-format"),
        (b"%PDF-1.7", 415, "unsupported-format"),
        (bomb_png(), 413, "too-large"),
        (PHOTO[:300], 400, "unreadable-file"),
    ],
)
def test_what_is_no_photo_is_refused_and_nothing_stays(
    client: TestClient, staff: TestClient, content: bytes, status: int, kind: str
) -> None:
    path = report(staff)
    answer = send(staff, path, content)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:gridgov:problem:{kind}"
    assert staff.get(path).json() == {"items": []}
    service: Any = client.app
    assert list(service.state.service.blobs.each("")) == []


@on_sqlite
def test_the_name_and_the_declared_type_of_a_file_count_for_nothing(staff: TestClient) -> None:
    answer = staff.post(
        report(staff), files={"file": ("../../evil.html", encoded(picture(), "PNG"), "text/html")}
    )
    assert (answer.status_code, answer.json()["media_type"]) == (201, "image/jpeg")
    assert answer.json()["file_name"] == "evil.html"
    assert staff.get(answer.json()["content"]).headers["content-type"] == "image/jpeg"


@on_sqlite
def test_what_came_along_with_a_photo_is_nowhere_in_the_answer(staff: TestClient) -> None:
    photo = send(staff, report(staff), with_metadata("JPEG")).json()
    for address in (photo["content"], photo["thumbnail"]):
        assert SECRET not in staff.get(address).content


@on_sqlite
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"files": {"photo": ("a.jpg", PHOTO)}}, 400),
        ({"files": {"file": ("a.jpg", PHOTO)}, "data": {"id": "no uuid"}}, 400),
        ({"files": {"file": ("a.jpg", PHOTO)}, "data": {"caption": "x"}}, 400),
        ({"files": [("file", ("a.jpg", PHOTO)), ("file", ("b.jpg", PHOTO))]}, 400),
        ({"data": {"file": "text"}}, 415),
        ({"json": {}}, 415),
        ({"content": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
    ],
)
def test_a_form_that_is_not_one_photo_is_refused(staff: TestClient, sent: Any, status: int) -> None:
    answer = staff.post(report(staff), **sent)
    assert answer.status_code == status, answer.text


@on_sqlite
def test_addresses_that_lead_nowhere_say_so(staff: TestClient) -> None:
    path = report(staff)
    for address in (
        f"/api/ghosts/{NOBODY}/attachments",
        f"/api/issues/{NOBODY}/attachments",
        f"{path}/{NOBODY}",
        f"{path}/{NOBODY}/thumbnail",
    ):
        assert staff.get(address).status_code == 404, address
    for address in ("/api/issues/no-uuid/attachments", f"{path}/no-uuid"):
        assert staff.get(address).status_code == 400, address
    assert staff.get(path, params={"limit": "1"}).status_code == 400


class TestBounds:
    """With small bounds, so that the test need not send megabytes."""

    @pytest.fixture
    def settings(self, tmp_path: Any) -> Settings:
        return read_settings(
            {},
            demo=True,
            attachments_url=f"file://{tmp_path}/files",
            attachment_max_bytes=20_000,
            attachments_per_record=2,
        )

    @on_sqlite
    def test_a_body_beyond_the_bound_is_refused_before_it_is_read(self, staff: TestClient) -> None:
        path = report(staff)
        assert send(staff, path, b"\xff\xd8\xff" + b"x" * 20_000).status_code == 413  # as a photo
        answer = send(staff, path, b"x" * 2_000_000)  # as a body
        assert answer.status_code == 413
        assert answer.json()["details"]["limit"] == 20_000 + 1024**2

    @on_sqlite
    def test_a_record_takes_so_many_and_no_more(self, staff: TestClient) -> None:
        path = report(staff)
        codes = [send(staff, path, encoded(picture(size=(90 + n, 80)))).status_code for n in range(3)]
        assert codes == [201, 201, 413]
        (first, _) = staff.get(path).json()["items"]
        staff.delete(first["content"])
        assert send(staff, path).status_code == 201
