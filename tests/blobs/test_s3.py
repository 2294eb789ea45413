"""What only S3 can do wrong: no bucket, refused keys, a service that does not answer."""

from __future__ import annotations

import datetime as dt
import io
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gridgov.blobs import BlobStore, open_blobs, photo_key
from gridgov.blobs.s3 import S3Blobs
from gridgov.errors import ConfigurationProblem, GridgovError, StoreFull, StoreReadOnly, StoreUnavailable
from gridgov.settings import read_settings
from tests.blobs.conftest import s3_settings

KEY = photo_key("ab" * 32)


def test_files_lie_below_the_prefix_and_nothing_else_is_listed(s3_blobs: S3Blobs) -> None:
    s3_blobs._client.put_object(Bucket=s3_blobs._bucket, Key="attachments/of-others", Body=b"x")
    s3_blobs.put(KEY, io.BytesIO(b"photo"))
    found = s3_blobs._client.list_objects_v2(Bucket=s3_blobs._bucket)["Contents"]
    assert [each["Key"] for each in found] == ["attachments/of-others", f"zone/files/{KEY}"]
    assert [each.key for each in s3_blobs.each("")] == [KEY]


def test_an_upload_in_parts_that_never_ended_is_tidied_once_it_is_old(s3_blobs: S3Blobs) -> None:
    s3_blobs._client.create_multipart_upload(Bucket=s3_blobs._bucket, Key=f"zone/files/{KEY}")
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    s3_blobs.tidy(now + day)
    left = s3_blobs._client.list_multipart_uploads(Bucket=s3_blobs._bucket)
    assert "Uploads" not in left


def test_a_bucket_that_does_not_exist_is_told(s3_endpoint: str) -> None:
    blobs = open_blobs(s3_settings(s3_endpoint, "no-such-bucket"), "sqlite:///unused")
    with pytest.raises(StoreUnavailable, match="bucket"):
        blobs.check()
    blobs.close()  # type: ignore[attr-defined]


def test_a_service_that_does_not_answer_is_told_within_seconds() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        blobs = open_blobs(s3_settings(f"http://127.0.0.1:{taken.getsockname()[1]}", "b"), "sqlite:///unused")
        for act in (lambda: blobs.put(KEY, io.BytesIO(b"x")), lambda: blobs.holds(KEY), blobs.check):
            with pytest.raises(StoreUnavailable, match="does not answer"):
                act()
        blobs.close()  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("act", ["open", "holds", "drop"])
def test_nobody_waits_long_for_a_service_that_takes_a_call_and_says_nothing(act: str) -> None:
    acts: dict[str, Callable[[BlobStore], Any]] = {
        "open": lambda blobs: blobs.open(KEY).__enter__(),
        "holds": lambda blobs: blobs.holds(KEY),
        "drop": lambda blobs: blobs.drop(KEY),
    }
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        blobs = open_blobs(s3_settings(address, "b"), "sqlite:///unused")
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            acts[act](blobs)
        assert time.monotonic() - started < 15
        blobs.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, StoreReadOnly),
        ("SignatureDoesNotMatch", 403, StoreReadOnly),
        ("XMinioStorageFull", 507, StoreFull),
        ("QuotaExceeded", 403, StoreFull),
        ("SlowDown", 503, StoreUnavailable),
        ("InternalError", 500, StoreUnavailable),
    ],
)
def test_what_the_service_says_is_told_in_our_words(
    s3_blobs: S3Blobs, monkeypatch: pytest.MonkeyPatch, code: str, status: int, error: type[GridgovError]
) -> None:
    said: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    def refuses(*args: object, **named: object) -> None:
        raise ClientError(said, "PutObject")

    monkeypatch.setattr(s3_blobs._client, "put_object", refuses)
    with pytest.raises(error) as told:
        s3_blobs.put(KEY, io.BytesIO(b"photo"))
    assert "testing" not in told.value.message


def test_a_connection_that_breaks_while_reading_is_told(
    s3_blobs: S3Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_blobs.put(KEY, io.BytesIO(b"photo"))

    class Breaks:
        def read(self, size: int) -> bytes:
            raise ConnectionResetError

        def close(self) -> None:
            pass

    monkeypatch.setattr(s3_blobs._quick, "get_object", lambda **_: {"Body": Breaks()})
    with pytest.raises(StoreUnavailable), s3_blobs.open(KEY) as source:
        source.read()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"attachments_url": "s3://"}, "bucket"),
        ({"attachments_url": "s3://b", "s3_access_key": "one"}, "belong together"),
        (
            {
                "attachments_url": "s3://b",
                "s3_endpoint": "no address",
                "s3_access_key": "a",
                "s3_secret_key": "b",
            },
            "S3_ENDPOINT",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_with_words(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationProblem, match=words):
        open_blobs(read_settings({}, demo=True, **given), "sqlite:///unused")


def test_both_give_the_protocol(blobs: BlobStore) -> None:
    assert blobs.url.startswith(("s3://photos-", "file:///"))
