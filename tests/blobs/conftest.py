"""Blob stores to test with: a folder, and an S3-compatible service on this machine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from gridgov.blobs import BlobStore, open_blobs
from gridgov.settings import Settings, read_settings


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of a stand-in S3 service that lives as long as the test run."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3_settings(endpoint: str, bucket: str) -> Settings:
    return read_settings(
        {},
        demo=True,
        attachments_url=f"s3://{bucket}/zone/files",
        s3_endpoint=endpoint,
        s3_region="us-east-1",
        s3_access_key="testing",
        s3_secret_key="testing",
    )


@pytest.fixture
def s3_blobs(s3_endpoint: str) -> Iterator[BlobStore]:
    """A bucket of the test's own."""
    bucket = f"photos-{uuid.uuid4().hex[:12]}"
    settings = s3_settings(s3_endpoint, bucket)
    blobs = open_blobs(settings, "sqlite:///unused.gpkg")
    blobs._client.create_bucket(Bucket=bucket)  # type: ignore[attr-defined]
    yield blobs
    blobs.close()  # type: ignore[attr-defined]


@pytest.fixture
def folder_blobs(tmp_path: Path) -> BlobStore:
    return open_blobs(
        read_settings({}, demo=True, attachments_url=f"file://{tmp_path}/files"), "sqlite:///unused.gpkg"
    )


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest) -> BlobStore:
    """The blob store under contract: the same test on both."""
    made: BlobStore = request.getfixturevalue(f"{request.param}_blobs")
    return made
