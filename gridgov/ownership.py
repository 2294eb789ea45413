"""Whose files these are: a mark in the place of files names the one store that may drop any of them.

Without it, a restored copy or a second database that shares the place of another would take every photo it does not
name itself for an orphan.
"""

from __future__ import annotations

import datetime as dt
import io

from gridgov.access import Scope
from gridgov.blobs import PHOTOS, BlobStore
from gridgov.errors import ForeignFiles, NotFound, PlaceNotEmpty
from gridgov.store import Store
from gridgov.store.queries.identity import identity, make_identity, renew_identity

MARK = f"{PHOTOS}owner"
_LONGEST = 100
_EVERYTHING = Scope.system("")


def owner_of(blobs: BlobStore) -> str | None:
    """Who is marked as the owner of a place of files; None for nobody yet."""
    try:
        with blobs.open(MARK) as source:
            return source.read(_LONGEST).decode("ascii", "replace").strip()
    except NotFound:
        return None


def owns(store: Store, blobs: BlobStore, now: dt.datetime) -> bool:
    """Whether the store is marked as the owner of the place."""
    with store.begin(_EVERYTHING, now) as tx:
        own = identity(tx)
    return own is not None and owner_of(blobs) == own


def claim(store: Store, blobs: BlobStore, now: dt.datetime) -> bool:
    """Mark the store as the owner of a place that nobody owns yet; False when another store owns it."""
    with store.begin(_EVERYTHING, now) as tx:
        own = identity(tx)
    if own is None:
        with store.begin(_EVERYTHING, now, write=True) as tx:
            own = make_identity(tx)
    there = owner_of(blobs)
    if there is None:
        _mark(blobs, own)
        there = owner_of(blobs)
    return there == own


def require_own(store: Store, blobs: BlobStore, now: dt.datetime) -> None:
    """Raises ForeignFiles unless the store owns the place; nothing of another store's is ever dropped."""
    if not claim(store, blobs, now):
        raise ForeignFiles(
            f"The files in {blobs.url} belong to another store, so nothing of them is dropped. Give this store a place "
            "of its own by GRIDGOV_ATTACHMENTS_URL; if it replaces that store for good, `gridgov files own` takes them."
        )


def take(store: Store, blobs: BlobStore, now: dt.datetime) -> None:
    """Make the store the owner of the place, under a new identity: what it is a copy of owns nothing there any more."""
    with store.begin(_EVERYTHING, now, write=True) as tx:
        own = renew_identity(tx)
    _mark(blobs, own)


def begin_filling(blobs: BlobStore, key: str, *, take_over: bool) -> None:
    """Mark a place as being filled by the copy named `key`, so that the same copy may go on after an interruption.

    take_over: also a place with files of another store. Raises PlaceNotEmpty for such a place otherwise.
    """
    there = owner_of(blobs)
    if there != key and not take_over and (there is not None or next(blobs.each(""), None) is not None):
        raise PlaceNotEmpty(
            f"{blobs.url} has files of another store. Name an empty place by GRIDGOV_ATTACHMENTS_URL, or say "
            "--take-over-files when that store is gone for good."
        )
    _mark(blobs, key)


def _mark(blobs: BlobStore, owner: str) -> None:
    blobs.put(MARK, io.BytesIO(owner.encode("ascii")))
