"""Blobs in S3-compatible storage: a bucket and a prefix in it, addressed by path, over boto3."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gridgov.blobs.base import Stored, checked_key
from gridgov.errors import (
    ConfigurationProblem,
    GridgovError,
    NotFound,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)
from gridgov.settings import Settings

_PART = 16 * 1024**2
_PIECE = 256 * 1024
_PROBE = "uploads/write-check"
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_FULL = frozenset({"507", "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "EntityTooLarge"})
_REFUSED = frozenset(
    {
        "403",
        "AccessDenied",
        "AllAccessDisabled",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "MethodNotAllowed",
    }
)


def open_s3(settings: Settings) -> S3Blobs:
    """The blobs at `attachments_url` s3://BUCKET/PREFIX; nothing is asked of the service yet.

    Without s3_access_key the keys come from where the machine keeps them (its instance role or profile).
    Raises ConfigurationProblem for an address without a bucket, or one key without the other.
    """
    bucket, _, prefix = settings.attachments_url.removeprefix("s3://").partition("/")
    secret = settings.s3_secret_key.get_secret_value()
    if not bucket:
        raise ConfigurationProblem("GRIDGOV_ATTACHMENTS_URL names no bucket; write s3://BUCKET/PREFIX.")
    if bool(settings.s3_access_key) != bool(secret):
        raise ConfigurationProblem(
            "GRIDGOV_S3_ACCESS_KEY and GRIDGOV_S3_SECRET_KEY belong together; set both or none."
        )
    try:
        client = _client(settings, read_timeout=20, attempts=3)
        # A page waits for a photo, and writers for a drop: neither waits long for storage that does not answer.
        quick = _client(settings, read_timeout=4, attempts=2)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationProblem(
            f"GRIDGOV_S3_ENDPOINT {settings.s3_endpoint!r} cannot be used; write https://HOST[:PORT]."
        ) from error
    return S3Blobs(client, quick, bucket, prefix.strip("/"))


def _client(settings: Settings, *, read_timeout: int, attempts: int) -> Any:
    """read_timeout: seconds until the first and between two pieces of an answer. Raises BotoCoreError, ValueError."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.s3_endpoint or None,
        region_name=settings.s3_region or "us-east-1",
        aws_access_key_id=settings.s3_access_key or None,
        aws_secret_access_key=settings.s3_secret_key.get_secret_value() or None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=min(3, read_timeout),
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=20,
            # Services that are only compatible know no checksums beside the signature's own.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


class S3Blobs:
    """A prefix of a bucket; see gridgov.blobs.base.BlobStore. Large files go in parts, whole or not at all."""

    def __init__(self, client: Any, quick: Any, bucket: str, prefix: str) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._client = client
        self._quick = quick
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._transfer = TransferConfig(
            multipart_threshold=_PART, multipart_chunksize=_PART, use_threads=False
        )

    def put(self, key: str, content: BinaryIO) -> None:
        """See BlobStore.put; the service answers when it has the file."""
        name = self._name(key)
        with _told(key, writing=True):
            self._client.upload_fileobj(
                _Sending(content),
                self._bucket,
                name,
                ExtraArgs={"ContentType": "application/octet-stream"},
                Config=self._transfer,
            )

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """See BlobStore.open; read as it arrives."""
        with _told(key):
            body = self._quick.get_object(Bucket=self._bucket, Key=self._name(key))["Body"]
        source = io.BufferedReader(_Arriving(key, body), _PIECE)
        try:
            yield cast("BinaryIO", source)
        finally:
            source.close()

    def holds(self, key: str) -> bool:
        """See BlobStore.holds."""
        with suppress(NotFound), _told(key):
            self._quick.head_object(Bucket=self._bucket, Key=self._name(key))
            return True
        return False

    def each(self, prefix: str) -> Iterator[Stored]:
        """See BlobStore.each; a page of a thousand at a time."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        with _told(prefix):
            for page in pages:
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(self._prefix)
                    yield Stored(key, found["Size"], found["LastModified"].astimezone(dt.UTC))

    def drop(self, key: str) -> None:
        """See BlobStore.drop; in a bucket that keeps versions, its rules say how long the bytes stay."""
        with _told(key, writing=True):
            self._quick.delete_object(Bucket=self._bucket, Key=self._name(key))

    def tidy(self, before: dt.datetime) -> int:
        """See BlobStore.tidy: uploads in parts that were never completed."""
        removed = 0
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        with _told("unfinished", writing=True):
            for page in pages:
                for found in page.get("Uploads", ()):
                    if found["Initiated"].astimezone(dt.UTC) < before:
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=found["Key"], UploadId=found["UploadId"]
                        )
                        removed += 1
        return removed

    def check(self) -> None:
        """See BlobStore.check: a small file is put and removed again."""
        self.put(_PROBE, io.BytesIO(b"gridgov"))
        self.drop(_PROBE)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
        self._quick.close()

    def _name(self, key: str) -> str:
        return self._prefix + checked_key(key)


class _Sending:
    """What boto3 reads from: it would close the caller's file, and it takes a piece shorter than asked for the end."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content

    def read(self, size: int = -1) -> bytes:
        """As many bytes as asked for; fewer only at the end."""
        pieces = []
        left = size
        while left and (piece := self._content.read(left)):
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
        return b"".join(pieces)


class _Arriving(io.RawIOBase):
    """An answer's body that raises our errors when the connection breaks."""

    def __init__(self, key: str, body: Any) -> None:
        super().__init__()
        self._key = key
        self._body = body

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, target: Any) -> int:
        """Up to the length of `target`; 0 at the end."""
        with _told(self._key):
            piece = self._body.read(len(target))
        target[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Give the connection back."""
        if not self.closed:
            self._body.close()
        super().close()


@contextmanager
def _told(key: str, *, writing: bool = False) -> Iterator[None]:
    """Turns what the service says into the errors of the protocol; no key and no secret is told."""
    try:
        yield
    except ClientError as error:
        raise _meaning(error, key, writing=writing) from error
    except boto3.exceptions.S3UploadFailedError as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, ClientError):
            raise _meaning(cause, key, writing=writing) from error
        raise _away() from error
    except (BotoCoreError, OSError) as error:
        raise _away() from error


def _meaning(error: ClientError, key: str, *, writing: bool) -> GridgovError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    if code == "NoSuchBucket":
        return StoreUnavailable(
            "The bucket of GRIDGOV_ATTACHMENTS_URL does not exist; make it, or mend the setting."
        )
    if code in _ABSENT:
        return NotFound(f"The file {key} is not there.", key=key)
    if {code, status} & _FULL:
        return StoreFull(
            "There is no room left for the file; nothing was kept. Make room, then send it again."
        )
    if {code, status} & _REFUSED:
        words = f"The storage of files refuses the service's keys ({code}); check GRIDGOV_S3_* and the bucket's rules."
        return StoreReadOnly(words) if writing else StoreUnavailable(words)
    return StoreUnavailable(
        f"The storage of files cannot be used now ({code or status}); try again in a moment."
    )


def _away() -> GridgovError:
    return StoreUnavailable("The storage of files does not answer; try again in a moment.", retry_after=5)
