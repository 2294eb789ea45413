"""What every blob store promises, proven on a folder and on S3."""

from __future__ import annotations

import datetime as dt
import io
import threading

import pytest

from gridgov.blobs import PHOTOS, UPLOADS, BlobStore, photo_key
from gridgov.errors import InvalidValue, NotFound

KEY = photo_key("ab" * 32)
HOUR = dt.timedelta(hours=1)


def read(blobs: BlobStore, key: str) -> bytes:
    with blobs.open(key) as source:
        return source.read()


def test_what_was_put_is_read_back(blobs: BlobStore) -> None:
    assert not blobs.holds(KEY)
    blobs.put(KEY, io.BytesIO(b"photo"))
    assert blobs.holds(KEY)
    assert read(blobs, KEY) == b"photo"


def test_an_empty_blob_is_a_blob(blobs: BlobStore) -> None:
    blobs.put(KEY, io.BytesIO())
    assert read(blobs, KEY) == b""
    assert [each.size for each in blobs.each("")] == [0]


def test_the_callers_file_stays_open(blobs: BlobStore) -> None:
    content = io.BytesIO(b"photo")
    blobs.put(KEY, content)
    assert not content.closed


def test_a_blob_is_read_piece_by_piece(blobs: BlobStore) -> None:
    content = bytes(range(256)) * 4_000
    blobs.put(KEY, io.BytesIO(content))
    with blobs.open(KEY) as source:
        pieces = [source.read(300_000), source.read(1), source.read()]
    assert b"".join(pieces) == content
    assert len(pieces[0]) == 300_000


@pytest.mark.slow
def test_a_blob_larger_than_one_part_arrives_whole(blobs: BlobStore) -> None:
    content = b"0123456789abcdef" * (20 * 1024**2 // 16)
    blobs.put("uploads/large", io.BytesIO(content))
    assert read(blobs, "uploads/large") == content


def test_the_same_key_again_replaces_the_bytes(blobs: BlobStore) -> None:
    blobs.put(KEY, io.BytesIO(b"first, longer"))
    blobs.put(KEY, io.BytesIO(b"second"))
    assert read(blobs, KEY) == b"second"
    assert len(list(blobs.each(PHOTOS))) == 1


def test_what_is_not_there_is_not_found(blobs: BlobStore) -> None:
    with pytest.raises(NotFound, match="is not there"), blobs.open(KEY):
        pass
    blobs.drop(KEY)  # nothing happens


def test_a_dropped_blob_is_gone(blobs: BlobStore) -> None:
    blobs.put(KEY, io.BytesIO(b"photo"))
    blobs.drop(KEY)
    assert not blobs.holds(KEY)
    assert list(blobs.each("")) == []


def test_a_listing_tells_key_size_and_age(blobs: BlobStore) -> None:
    keys = {photo_key("ab" * 32): 3, photo_key("cd" * 32): 4, "uploads/2026/file.gpkg": 5}
    for key, size in keys.items():
        blobs.put(key, io.BytesIO(b"x" * size))
    assert {each.key: each.size for each in blobs.each("")} == keys
    assert [each.key for each in blobs.each(UPLOADS)] == ["uploads/2026/file.gpkg"]
    now = dt.datetime.now(dt.UTC)
    assert all(now - HOUR < each.put_at < now + HOUR for each in blobs.each(""))


def test_a_listing_of_nothing_is_empty(blobs: BlobStore) -> None:
    assert list(blobs.each("")) == []
    assert blobs.tidy(dt.datetime.now(dt.UTC)) == 0


class BreaksOff(io.BytesIO):
    """An upload whose sender goes away in the middle."""

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        if not piece:
            raise ConnectionAbortedError("the phone went under a bridge")
        return piece


def test_a_put_that_breaks_off_leaves_nothing(blobs: BlobStore) -> None:
    with pytest.raises(Exception, match=r"try again|bridge"):
        blobs.put(KEY, BreaksOff(b"x" * 2_000_000))
    assert not blobs.holds(KEY)
    assert list(blobs.each("")) == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "attachments/../../secret",
        "attachments/..",
        "other/ab",
        "attachments",
        "attachments/",
        "attachments//ab",
        "attachments/AB",
        "attachments/a b",
        "attachments/a\x00b",
        "attachments/a\nb",
        "attachments/照片",
        "attachments/a/b/c/d/e",
        "attachments/" + "a" * 101,
        "uploads/file.part",
        "uploads\\file",
        "uploads/file\n",
    ],
)
def test_a_key_that_gridgov_does_not_make_is_refused(blobs: BlobStore, key: str) -> None:
    for act in (lambda: blobs.put(key, io.BytesIO(b"x")), lambda: blobs.holds(key), lambda: blobs.drop(key)):
        with pytest.raises(InvalidValue, match="not a key"):
            act()
    with pytest.raises(InvalidValue, match="not a key"), blobs.open(key):
        pass


def test_writers_of_one_key_leave_one_whole_blob(blobs: BlobStore) -> None:
    contents = [bytes([number]) * 200_000 for number in range(4)]
    writers = [threading.Thread(target=blobs.put, args=(KEY, io.BytesIO(each))) for each in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert read(blobs, KEY) in contents
    assert len(list(blobs.each(""))) == 1


def test_a_check_leaves_nothing_behind(blobs: BlobStore) -> None:
    blobs.check()
    assert list(blobs.each("")) == []
