"""Where photos and uploads lie: `open_blobs(settings, store_url)` is the only door."""

from __future__ import annotations

import importlib
from pathlib import Path

from gridgov.blobs.base import PHOTOS, UPLOADS, BlobStore, Stored, photo_key
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import ConfigurationProblem
from gridgov.settings import Settings

__all__ = ["PHOTOS", "UPLOADS", "BlobStore", "Stored", "open_blobs", "photo_key"]

_SQLITE = "sqlite:///"
_DEFAULT = Path("gridgov-data/files")


def open_blobs(settings: Settings, store_url: str) -> BlobStore:
    """The blobs that belong to the store at `store_url`, by `attachments_url`, else in a folder beside the store.

    The folder of an embedded store zone.gpkg is zone.files; that of a database is gridgov-data/files.
    Raises ConfigurationProblem for another scheme, a folder that is not absolute, or an extra that is not installed.
    """
    url = settings.attachments_url
    if not url and store_url.startswith(_SQLITE):
        path = Path(store_url.removeprefix(_SQLITE))
        return FolderBlobs(path.with_name(f"{path.stem}.files"))
    if not url:
        return FolderBlobs(_DEFAULT)
    if url.startswith("file:///"):
        return FolderBlobs(Path(url.removeprefix("file://")))
    if url.startswith("s3://"):
        try:  # loaded only where it is used: boto3 is an extra, and slow to import
            door = importlib.import_module("gridgov.blobs.s3")
        except ModuleNotFoundError as error:
            raise ConfigurationProblem(
                f"GRIDGOV_ATTACHMENTS_URL {url} needs the extra `s3`: install gridgov[s3]."
            ) from error
        opened: BlobStore = door.open_s3(settings)
        return opened
    raise ConfigurationProblem(
        f"GRIDGOV_ATTACHMENTS_URL {url!r} is neither file:///PATH, with three slashes, nor s3://BUCKET/PREFIX."
    )
