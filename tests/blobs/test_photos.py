"""Photos of records over both stores and both places for files: kept, found again, erased, swept."""

from __future__ import annotations

import datetime as dt
import io
import threading
from collections.abc import Iterator

import pytest

from gridgov import attachments, issues, records
from gridgov.access import Scope
from gridgov.attachments import Sent, Swept
from gridgov.blobs import PHOTOS, UPLOADS, BlobStore, Stored, photo_key
from gridgov.images import Limits
from gridgov.models import ISSUES
from gridgov.ownership import MARK
from gridgov.serving.linking import Linkers
from gridgov.store import Store
from gridgov.store.queries.connection import inside
from gridgov.store.queries.zones import Zone, make_zone
from tests.factories import point
from tests.images.specimens import encoded, picture

LIMITS = Limits(bytes=1_000_000, pixels=10_000_000, side=640, thumbnail_side=64)
LATER = dt.timedelta(hours=25)


def real_now() -> dt.datetime:
    """Blobs have the age that the machine says."""
    return dt.datetime.now(dt.UTC)


def report(store: Store, scope: Scope) -> str:
    with store.begin(scope, real_now(), write=True) as tx:
        sent = {"category": "weeds", "geometry": point()}
        return issues.report(tx, sent, records.current_linker(tx, Linkers())).record.id


def prepared(blobs: BlobStore, size: int = 100) -> Sent:
    content = encoded(picture(size=(size, 80)))
    return attachments.prepare(io.BytesIO(content), "照片.jpg", LIMITS, blobs)


def attach(store: Store, scope: Scope, blobs: BlobStore, issue: str, sent: Sent) -> str:
    with store.begin(scope, real_now(), write=True) as tx:
        row, _ = attachments.attach(tx, ISSUES, issue, sent, 20)
    attachments.secure(store, blobs, sent, real_now())
    return str(row["id"])


def keys(blobs: BlobStore) -> set[str]:
    return {each.key for each in blobs.each(PHOTOS) if each.key != MARK}


def test_a_photo_comes_back_as_it_was_kept(store: Store, blobs: BlobStore, system: Scope) -> None:
    issue, sent = report(store, system), prepared(blobs)
    attach(store, system, blobs, issue, sent)
    with store.begin(system, real_now()) as tx:
        (row,) = attachments.photos_of(tx, ISSUES, issue)
    for digest, content in (
        (row["hash"], sent.photo.content),
        (row["thumbnail_hash"], sent.photo.thumbnail),
    ):
        with blobs.open(photo_key(digest)) as source:
            assert source.read() == content
    assert len(keys(blobs)) == 2


def test_equal_photos_lie_there_once_and_go_with_the_last(
    store: Store, blobs: BlobStore, system: Scope
) -> None:
    first, second = report(store, system), report(store, system)
    ids = [attach(store, system, blobs, issue, prepared(blobs)) for issue in (first, second)]
    assert len(keys(blobs)) == 2
    for issue, photo, left in ((first, ids[0], 2), (second, ids[1], 0)):
        with store.begin(system, real_now(), write=True) as tx:
            freed = attachments.erase(tx, ISSUES, issue, photo)
        attachments.drop_unnamed(store, blobs, freed, real_now())
        assert len(keys(blobs)) == left


def test_a_sweep_takes_old_files_that_nobody_names(store: Store, blobs: BlobStore, system: Scope) -> None:
    kept = attach(store, system, blobs, report(store, system), prepared(blobs))
    orphan = prepared(blobs, 90)  # its row never came: the process was killed
    size = len(orphan.photo.content) + len(orphan.photo.thumbnail)
    now = real_now()
    assert attachments.sweep(store, blobs, now) == Swept(0, 0, 0)  # young: perhaps its row is on its way
    assert len(keys(blobs)) == 4
    assert attachments.sweep(store, blobs, now + LATER, dry_run=True) == Swept(2, size, 0)
    assert len(keys(blobs)) == 4
    assert attachments.sweep(store, blobs, now + LATER) == Swept(2, size, 0)
    assert attachments.sweep(store, blobs, now + LATER) == Swept(0, 0, 0)
    with store.begin(system, now) as tx:
        (row,) = [inside(tx).connection.exec_driver_sql("SELECT hash, thumbnail_hash FROM attachments").one()]
    assert keys(blobs) == {photo_key(each) for each in row}
    assert kept


def test_a_photo_of_another_zone_is_no_orphan(store: Store, blobs: BlobStore) -> None:
    other = Scope.system("other-zone")
    with store.begin(other, real_now(), write=True) as tx:
        make_zone(tx, Zone("other-zone", "另一区", None, None, opened_issues=False))
    attach(store, other, blobs, report(store, other), prepared(blobs))
    assert attachments.sweep(store, blobs, real_now() + LATER).photos == 0
    assert len(keys(blobs)) == 2


class PutsBetween:
    """A blob store in which the same photo is sent again just after the sweep has listed the old one."""

    def __init__(self, blobs: BlobStore, store: Store, scope: Scope, issue: str) -> None:
        self._blobs, self._store, self._scope, self._issue = blobs, store, scope, issue

    def each(self, prefix: str) -> Iterator[Stored]:
        listed = list(self._blobs.each(prefix))
        if prefix == PHOTOS:
            attach(self._store, self._scope, self._blobs, self._issue, prepared(self._blobs))
        yield from listed

    def __getattr__(self, name: str) -> object:
        return getattr(self._blobs, name)


def test_a_photo_sent_between_listing_and_dropping_is_kept(
    store: Store, blobs: BlobStore, system: Scope
) -> None:
    prepared(blobs)
    racing = PutsBetween(blobs, store, system, report(store, system))
    assert attachments.sweep(store, racing, real_now() + LATER).photos == 0  # type: ignore[arg-type]
    assert len(keys(blobs)) == 2


def test_a_photo_swept_between_its_put_and_its_row_is_put_again(
    store: Store, blobs: BlobStore, system: Scope
) -> None:
    issue, sent = report(store, system), prepared(blobs)
    assert attachments.sweep(store, blobs, real_now() + LATER).photos == 2
    assert keys(blobs) == set()
    attach(store, system, blobs, issue, sent)
    assert len(keys(blobs)) == 2


def test_a_drop_waits_for_a_photo_that_is_being_added(
    store: Store, folder_blobs: BlobStore, system: Scope
) -> None:
    issue, sent = report(store, system), prepared(folder_blobs)
    dropped: list[frozenset[str]] = []
    hashes = {each.key.rpartition("/")[2] for each in folder_blobs.each(PHOTOS) if each.key != MARK}

    def drop() -> None:
        dropped.append(attachments.drop_unnamed(store, folder_blobs, hashes, real_now()))

    dropping = threading.Thread(target=drop)
    with store.begin(system, real_now(), write=True) as tx:
        attachments.attach(tx, ISSUES, issue, sent, 20)
        dropping.start()
        dropping.join(0.5)
        assert dropping.is_alive()  # nothing is looked at before the row is in
    dropping.join()
    assert dropped == [frozenset()]
    assert len(keys(folder_blobs)) == 2


def test_uploads_are_left_to_their_jobs(store: Store, blobs: BlobStore) -> None:
    blobs.put(f"{UPLOADS}file", io.BytesIO(b"file"))
    assert attachments.sweep(store, blobs, real_now() + 100 * LATER) == Swept(0, 0, 0)
    assert blobs.holds(f"{UPLOADS}file")


@pytest.mark.parametrize("size", [60, 61])
def test_a_sweep_of_nothing_and_of_many_pages_is_quiet(
    store: Store, folder_blobs: BlobStore, size: int
) -> None:
    assert attachments.sweep(store, folder_blobs, real_now() + LATER) == Swept(0, 0, 0)
    for number in range(size):
        folder_blobs.put(photo_key(f"{number:064x}"), io.BytesIO(b"x"))
    assert attachments.sweep(store, folder_blobs, real_now() + LATER) == Swept(size, size, 0)
    assert keys(folder_blobs) == set()
