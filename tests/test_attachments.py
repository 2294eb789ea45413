"""Who may add a photo to what, how often, and what stays of an erased one."""

from __future__ import annotations

import datetime as dt
import io
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gridgov import attachments, issues, records
from gridgov.access import Actor, Role, Scope
from gridgov.attachments import REPORTER_MAY_ADD, Sent
from gridgov.blobs import photo_key
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import (
    AlreadyEnded,
    ContentDiffers,
    GridgovError,
    IdentifierTaken,
    JobState,
    NotAllowed,
    NotFound,
    StoreFull,
    TooLarge,
)
from gridgov.images import Limits
from gridgov.models import ISSUES, KINDS, PLANTS
from gridgov.ownership import MARK
from gridgov.serving.linking import Linkers
from gridgov.store import Store
from gridgov.store.queries.attachments import find_attachment
from gridgov.store.queries.audit import list_audit
from gridgov.store.queries.events import events_of
from tests.factories import point, sample
from tests.fixtures_store import NOW, ZONE
from tests.images.specimens import encoded, exif, picture

LIMITS = Limits(bytes=1_000_000, pixels=10_000_000, side=640, thumbnail_side=64)
PHONE = Scope.of(Actor.public("phone-1"), ZONE, opened=True)
OTHER_PHONE = Scope.of(Actor.public("phone-2"), ZONE, opened=True)
STAFF = Scope(ZONE, Role.STAFF, "user-staff")
WORKER = Scope(ZONE, Role.GRID_WORKER, "user-worker")
ANYBODY = Scope(ZONE, Role.PUBLIC)


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "files")


Attach = Callable[..., tuple[dict[str, Any], bool]]


@pytest.fixture
def attach(store: Store, blobs: FolderBlobs) -> Attach:
    """Sends one photo in a transaction of its own."""

    def send(
        scope: Scope,
        identifier: str,
        own: str | None = None,
        *,
        kind: str = "issues",
        at: dt.datetime = NOW,
        most: int = 20,
        size: int = 100,
    ) -> tuple[dict[str, Any], bool]:
        sent = photo(blobs, size)
        with store.begin(scope, at, write=True) as tx:
            return attachments.attach(tx, KINDS[kind], identifier, sent, most, own)

    return send


def photo(blobs: FolderBlobs, size: int = 100) -> Sent:
    content = encoded(picture(size=(size, 80)), exif=exif())
    return attachments.prepare(io.BytesIO(content), "C:\\张三\\照片\x00.jpg", LIMITS, blobs)


def report(store: Store, scope: Scope, at: dt.datetime = NOW) -> str:
    with store.begin(scope, at, write=True) as tx:
        sent = {"category": "weeds", "geometry": point()}
        return issues.report(tx, sent, records.current_linker(tx, Linkers())).record.id


def plant(store: Store, system: Scope, **values: Any) -> str:
    with store.begin(system, NOW, write=True) as tx:
        return tx.insert(PLANTS, sample("plants", **values)).record.id


def test_a_photo_is_kept_with_what_the_camera_noted(store: Store, attach: Attach) -> None:
    issue = report(store, STAFF)
    row, added = attach(STAFF, issue)
    with store.begin(STAFF, NOW) as tx:
        (found,) = attachments.photos_of(tx, ISSUES, issue)
        version = tx.get(ISSUES, issue)["version"]
    assert added
    assert found == {**row, "erased_at": None}
    assert (found["file_name"], found["width"], found["height"]) == ("照片.jpg", 100, 80)
    assert (found["taken_lon"], found["taken_lat"]) == (pytest.approx(113.3083333), pytest.approx(33.7367611))
    assert found["taken_at"] == dt.datetime(2026, 11, 20, 1, 30, tzinfo=dt.UTC)
    assert version == 1  # a photo overwrites nobody's change


def test_the_history_names_the_photo_by_its_id_and_by_nothing_else(store: Store, attach: Attach) -> None:
    issue = report(store, STAFF)
    row, _ = attach(STAFF, issue)
    with store.begin(STAFF, NOW, write=True) as tx:
        attachments.erase(tx, ISSUES, issue, row["id"])
        events = events_of(tx, ISSUES, issue)
        (entry,) = list_audit(tx)
    assert [event["verb"] for event in events] == ["created", "attachment_added", "attachment_erased"]
    assert [event["changes"] for event in events[1:]] == [{"attachment": row["id"]}] * 2
    assert (entry["action"], entry["subject"]) == ("attachments:erase", row["id"])
    assert entry["details"] == {"kind": "issues", "record": issue}


def test_a_repeat_is_one_photo(store: Store, attach: Attach) -> None:
    issue, own = report(store, STAFF), str(uuid.uuid4())
    first = attach(STAFF, issue, own)
    again = attach(STAFF, issue, own.upper(), at=NOW + dt.timedelta(days=1), most=1)
    assert (first[1], again[1]) == (True, False)
    assert again[0]["id"] == first[0]["id"]
    with store.begin(STAFF, NOW) as tx:
        assert len(attachments.photos_of(tx, ISSUES, issue)) == 1
        assert len(events_of(tx, ISSUES, issue)) == 2


def test_another_photo_or_record_under_the_same_id_is_refused(store: Store, attach: Attach) -> None:
    issue, other, own = report(store, STAFF), report(store, STAFF), str(uuid.uuid4())
    attach(STAFF, issue, own)
    with pytest.raises(ContentDiffers):
        attach(STAFF, issue, own, size=101)
    with pytest.raises(ContentDiffers):
        attach(STAFF, other, own)
    with pytest.raises(IdentifierTaken):
        attach(WORKER, issue, own)


def test_an_erased_photo_leaves_an_empty_row_and_does_not_come_back(
    store: Store, attach: Attach, blobs: FolderBlobs
) -> None:
    issue, own = report(store, STAFF), str(uuid.uuid4())
    attach(STAFF, issue, own)
    with store.begin(STAFF, NOW, write=True) as tx:
        freed = attachments.erase(tx, ISSUES, issue, own)
    assert len(attachments.drop_unnamed(store, blobs, freed, NOW)) == 2
    assert [each.key for each in blobs.each("")] == [MARK]
    with store.begin(STAFF, NOW) as tx:
        row = find_attachment(tx, own)
        assert attachments.photos_of(tx, ISSUES, issue) == []
        with pytest.raises(NotFound):
            attachments.photo_of(tx, ISSUES, issue, own)
    assert row is not None
    gone = ("hash", "thumbnail_hash", "file_name", "taken_at", "taken_lon", "taken_lat")
    assert [row[name] for name in gone] == [None] * 6
    assert (row["payload_hash"], row["erased_at"]) == ("erased", NOW)
    with pytest.raises(ContentDiffers, match="erased"):
        attach(STAFF, issue, own)
    with pytest.raises(NotFound), store.begin(STAFF, NOW, write=True) as tx:
        attachments.erase(tx, ISSUES, issue, own)


@pytest.mark.parametrize(
    ("scope", "kind", "error"),
    [
        (STAFF, "issues", None),
        (STAFF, "plants", None),
        (WORKER, "issues", NotFound),  # not of their areas, and not their own
        (WORKER, "plants", NotAllowed),
        (OTHER_PHONE, "issues", NotFound),  # another device, though the zone opened its issues
        (OTHER_PHONE, "plants", NotFound),
        (ANYBODY, "issues", NotFound),
        (Scope(ZONE, Role.ADMIN, "user-admin"), "areas", NotFound),
        (Scope("elsewhere", Role.STAFF, "user-staff"), "issues", NotFound),
    ],
)
def test_who_may_add_to_what(
    store: Store, system: Scope, attach: Attach, scope: Scope, kind: str, error: type[GridgovError] | None
) -> None:
    identifier = report(store, PHONE) if kind == "issues" else plant(store, system)
    if error is None:
        assert attach(scope, identifier, kind=kind)[1]
    else:
        with pytest.raises(error):
            attach(scope, identifier, kind=kind)


def test_a_worker_adds_to_what_they_reported(store: Store, attach: Attach) -> None:
    assert attach(WORKER, report(store, WORKER))[1]


def test_a_reporter_adds_up_to_five_within_an_hour_from_the_same_device(store: Store, attach: Attach) -> None:
    issue = report(store, PHONE)
    for number in range(5):
        assert attach(PHONE, issue, at=NOW + dt.timedelta(minutes=number), size=90 + number)[1]
    with pytest.raises(TooLarge, match="at most 5"):
        attach(PHONE, issue)
    late = report(store, PHONE)
    attach(PHONE, late, at=NOW + REPORTER_MAY_ADD - dt.timedelta(seconds=1))
    with pytest.raises(NotFound):
        attach(PHONE, late, at=NOW + REPORTER_MAY_ADD)


def test_a_record_that_ended_takes_no_photo(store: Store, attach: Attach) -> None:
    issue = report(store, PHONE)
    with store.begin(STAFF, NOW, write=True) as tx:
        tx.end(ISSUES, issue, 1)
    for scope in (STAFF, PHONE):
        with pytest.raises(AlreadyEnded):
            attach(scope, issue)


def test_two_at_once_do_not_go_beyond_the_bound(store: Store, attach: Attach) -> None:
    issue, told = report(store, STAFF), list[str]()

    def send(number: int) -> None:
        try:
            attach(STAFF, issue, most=2, size=90 + number)
            told.append("added")
        except TooLarge:
            told.append("refused")

    threads = [threading.Thread(target=send, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["added"] * 2 + ["refused"] * 3


@pytest.mark.parametrize("scope", [ANYBODY, PHONE, Scope(ZONE, Role.PUBLIC, "", frozenset(), opened=True)])
def test_the_public_sees_no_photo_of_an_issue(store: Store, attach: Attach, scope: Scope) -> None:
    issue = report(store, PHONE)
    row, _ = attach(PHONE, issue)
    with store.begin(scope, NOW) as tx:
        with pytest.raises(NotFound):
            attachments.photos_of(tx, ISSUES, issue)
        with pytest.raises(NotFound):
            attachments.photo_of(tx, ISSUES, issue, row["id"])


def test_the_public_sees_photos_of_what_is_public(store: Store, system: Scope, attach: Attach) -> None:
    for code, visibility in (("CF-1", "public"), ("CF-2", "internal")):
        identifier = plant(store, system, code=code, visibility=visibility)
        attach(STAFF, identifier, kind="plants")
        with store.begin(ANYBODY, NOW) as tx:
            if visibility == "public":
                assert len(attachments.photos_of(tx, PLANTS, identifier)) == 1
            else:
                with pytest.raises(NotFound):
                    attachments.photos_of(tx, PLANTS, identifier)


def test_a_photo_is_found_under_its_own_record_only(store: Store, system: Scope, attach: Attach) -> None:
    issue, other, works = report(store, STAFF), report(store, STAFF), plant(store, system)
    row, _ = attach(STAFF, issue)
    with store.begin(STAFF, NOW) as tx:
        for kind, identifier in ((ISSUES, other), (PLANTS, works)):
            with pytest.raises(NotFound):
                attachments.photo_of(tx, kind, identifier, row["id"])


@pytest.mark.parametrize("scope", [WORKER, PHONE])
def test_only_who_may_change_a_record_erases_its_photos(store: Store, attach: Attach, scope: Scope) -> None:
    issue = report(store, scope)
    row, _ = attach(scope, issue)
    with pytest.raises((NotAllowed, NotFound)), store.begin(scope, NOW, write=True) as tx:
        attachments.erase(tx, ISSUES, issue, row["id"])


def test_without_room_nothing_is_kept(
    store: Store, blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(key: str, content: object) -> None:
        raise StoreFull("There is no room.")

    monkeypatch.setattr(blobs, "put", full)
    issue = report(store, STAFF)
    with pytest.raises(StoreFull):
        photo(blobs)
    with store.begin(STAFF, NOW) as tx:
        assert attachments.photos_of(tx, ISSUES, issue) == []


def test_a_transaction_that_fails_leaves_a_file_and_no_row(store: Store, blobs: FolderBlobs) -> None:
    issue, sent = report(store, STAFF), photo(blobs)

    def killed() -> None:
        with store.begin(STAFF, NOW, write=True) as tx:
            attachments.attach(tx, ISSUES, issue, sent, 20)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        killed()
    assert len(list(blobs.each(""))) == 2  # the sweep's
    with store.begin(STAFF, NOW) as tx:
        assert attachments.photos_of(tx, ISSUES, issue) == []
        assert [event["verb"] for event in events_of(tx, ISSUES, issue)] == ["created"]


def test_a_sweep_asks_before_each_part_whether_to_go_on(
    sqlite_store: Store, tmp_path: Path, now: dt.datetime
) -> None:
    blobs = FolderBlobs(tmp_path / "many")
    for number in range(120):
        blobs.put(photo_key(f"{number:064x}"), io.BytesIO(b"orphan"))
    asked: list[int] = []

    def stop() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise JobState("stopped")

    later = now + dt.timedelta(days=4000)
    with pytest.raises(JobState):
        attachments.sweep(sqlite_store, blobs, later, between=stop)
    assert sum(1 for each in blobs.each("") if each.key != MARK) == 120 - 50, (
        "one part was done, the next was not"
    )
