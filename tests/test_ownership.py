"""A place of files has one owner, and nobody else drops what lies there."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from gridgov import ownership
from gridgov.blobs import BlobStore
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import ForeignFiles, PlaceNotEmpty
from gridgov.store import Store, open_store


@pytest.fixture
def place(tmp_path: Path) -> BlobStore:
    return FolderBlobs(tmp_path / "files")


@pytest.fixture
def other(tmp_path: Path, now: dt.datetime) -> Store:
    """A store of somebody else's."""
    store = open_store(f"sqlite:///{tmp_path / 'other.gpkg'}")
    store.migrate(now)
    return store


def test_the_first_store_owns_a_new_place_and_keeps_it(
    store: Store, other: Store, place: BlobStore, now: dt.datetime, open_again: Callable[[Store], Store]
) -> None:
    assert ownership.owner_of(place) is None
    assert ownership.claim(store, place, now)
    assert ownership.claim(open_again(store), place, now), "another worker of the same store"
    assert not ownership.claim(other, place, now)
    with pytest.raises(ForeignFiles, match="another store"):
        ownership.require_own(other, place, now)
    ownership.require_own(store, place, now)


def test_whoever_takes_a_place_takes_it_from_every_copy(
    store: Store, other: Store, place: BlobStore, now: dt.datetime
) -> None:
    ownership.claim(store, place, now)
    ownership.take(other, place, now)
    assert ownership.owns(other, place, now)
    assert not ownership.owns(store, place, now)


def test_a_new_identity_is_another_one(store: Store, place: BlobStore, now: dt.datetime) -> None:
    """A restored store has all rows of the one it is a copy of, its identity too, until it takes a place."""
    ownership.claim(store, place, now)
    before = ownership.owner_of(place)
    ownership.take(store, place, now)
    assert ownership.owner_of(place) not in (None, before)


def test_a_place_that_is_being_filled_takes_up_the_same_copy_only(place: BlobStore) -> None:
    ownership.begin_filling(place, "restore-1", take_over=False)
    place.put("attachments/ab/" + "ab" * 32, io.BytesIO(b"photo"))
    ownership.begin_filling(place, "restore-1", take_over=False)
    with pytest.raises(PlaceNotEmpty, match="take-over-files"):
        ownership.begin_filling(place, "restore-2", take_over=False)
    ownership.begin_filling(place, "restore-2", take_over=True)


def test_files_that_nobody_marked_are_somebody_s(place: BlobStore) -> None:
    place.put("attachments/ab/" + "ab" * 32, io.BytesIO(b"photo"))
    with pytest.raises(PlaceNotEmpty, match="another store"):
        ownership.begin_filling(place, "restore-1", take_over=False)
