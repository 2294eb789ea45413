"""Moving a zone between stores: every id, number, version and value is the same on both sides."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gridgov.access import Scope
from gridgov.backup import transfer
from gridgov.blobs.folder import FolderBlobs
from gridgov.errors import ArchiveDamaged, ArchiveProblem, PlaceNotEmpty, SchemaMissing, StoreReadOnly
from gridgov.models import AREAS, DEPARTMENTS, ISSUES
from gridgov.ownership import MARK
from gridgov.store import Query, Store, copying_rows, copying_sqlite
from gridgov.store.copying import one_moment
from gridgov.store.copying_rows import copy_table, digest_table
from gridgov.store.queries.audit import list_audit, record_audit
from gridgov.store.queries.connection import inside
from gridgov.store.schema import spatial_tables
from gridgov.store.schema_base import metadata
from tests.backup.conftest import MakeStore
from tests.backup.rows import fill, rows_of
from tests.factories import sample
from tests.fixtures_store import NOW, ZONE

SLOW_FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture
def files(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "moved")


def test_a_zone_goes_to_postgresql_and_back_and_every_row_is_the_same(
    sqlite_store: Store,
    new_postgis: MakeStore,
    new_sqlite: MakeStore,
    blobs: FolderBlobs,
    tmp_path: Path,
) -> None:
    fill(sqlite_store)
    database, back = new_postgis(), new_sqlite()
    transfer(sqlite_store, database, blobs, FolderBlobs(tmp_path / "there"), NOW)
    transfer(database, back, blobs, FolderBlobs(tmp_path / "back"), NOW)
    before = rows_of(sqlite_store)
    assert all(before.values()), "a table without rows proves nothing"
    assert rows_of(database) == before
    assert rows_of(back) == before


def test_photos_go_along_and_are_counted(
    filled: Store, new_sqlite: MakeStore, blobs: FolderBlobs, files: FolderBlobs
) -> None:
    done = transfer(filled, new_sqlite(), blobs, files, NOW)
    assert done.files == len(list(blobs.each(""))) == 8
    assert {each.key for each in files.each("")} - {MARK} == {each.key for each in blobs.each("")}


def test_the_new_store_numbers_on_and_answers_by_place(
    filled: Store, new_place: MakeStore, blobs: FolderBlobs, files: FolderBlobs, system: Scope
) -> None:
    target = new_place()
    transfer(filled, target, blobs, files, NOW)
    highest = max(row[0] for row in rows_of(target, only={"issues"})["issues"])
    with target.begin(system, NOW, write=True) as tx:
        tx.insert(ISSUES, sample("issues", code="WT-NEW"))
        tx.insert(DEPARTMENTS, sample("departments"))
        record_audit(tx, "jobs:cancel")
        assert list_audit(tx)[0]["action"] == "jobs:cancel"
    fids = [row[0] for row in rows_of(target, only={"issues"})["issues"]]
    assert max(fids) > highest
    assert len(set(fids)) == len(fids)
    with target.begin(system, NOW) as tx:
        found = tx.list(AREAS, Query(box=(113.05, 33.55, 113.06, 33.56), ended=True)).records
        everything = [each for each in tx.each(AREAS, Query(ended=True)) if each.geometry is not None]
    box = shapely.box(113.05, 33.55, 113.06, 33.56)
    assert {each.id for each in found} == {each.id for each in everything if each.geometry.intersects(box)}
    assert found


def test_the_rtree_of_a_filled_map_file_has_exactly_its_shapes(
    postgis_store: Store, new_sqlite: MakeStore, blobs: FolderBlobs, files: FolderBlobs
) -> None:
    fill(postgis_store)
    target = new_sqlite()
    transfer(postgis_store, target, blobs, files, NOW)
    path = target.url.removeprefix("sqlite:///")
    target.close()
    with sqlite3.connect(path) as connection:
        for name in spatial_tables():
            shapes = dict(connection.execute(f"SELECT fid, geometry FROM {name}"))
            boxes = connection.execute(
                f"SELECT id, minx, maxx, miny, maxy FROM rtree_{name}_geometry"
            ).fetchall()
            assert {box[0] for box in boxes} == {fid for fid, shape in shapes.items() if shape is not None}
            assert connection.execute("SELECT rtreecheck(?)", (f"rtree_{name}_geometry",)).fetchone() == (
                "ok",
            )
    connection.close()


def test_a_place_with_rows_is_refused_and_left_as_it_is(
    filled: Store, new_place: MakeStore, blobs: FolderBlobs, files: FolderBlobs
) -> None:
    target = new_place()
    target.migrate(NOW)
    fill(target, only={"departments"})
    before = rows_of(target)
    with pytest.raises(PlaceNotEmpty, match="4 departments"):
        transfer(filled, target, blobs, files, NOW)
    assert rows_of(target) == before


def test_a_store_that_waits_for_its_upgrade_is_not_moved(new_sqlite: MakeStore, blobs: FolderBlobs) -> None:
    with pytest.raises(SchemaMissing, match="gridgov init"):
        transfer(new_sqlite(), new_sqlite(), blobs, blobs, NOW)


def test_a_missing_photo_stops_the_move_and_nothing_arrives(
    filled: Store, new_place: MakeStore, blobs: FolderBlobs, files: FolderBlobs
) -> None:
    lost = next(blobs.each("attachments/")).key
    blobs.drop(lost)
    target = new_place()
    with pytest.raises(ArchiveProblem, match=lost):
        transfer(filled, target, blobs, files, NOW)
    assert not any(rows_of(target).values())


def test_a_damaged_photo_stops_the_move(
    filled: Store, new_place: MakeStore, blobs: FolderBlobs, files: FolderBlobs
) -> None:
    broken = next(blobs.each("attachments/")).key
    (blobs.folder / broken).write_bytes(b"not what the name says")
    with pytest.raises(ArchiveDamaged, match=broken):
        transfer(filled, new_place(), blobs, files, NOW)
    assert not files.holds(broken)


def test_a_value_postgresql_cannot_hold_is_named_and_nothing_arrives(
    sqlite_store: Store, new_postgis: MakeStore, blobs: FolderBlobs, files: FolderBlobs, system: Scope
) -> None:
    with sqlite_store.begin(system, NOW, write=True) as tx:
        inside(tx).connection.execute(
            text(
                "INSERT INTO contacts (id, zone, name, created_at) VALUES ('c', 'z', :name, '2026-01-01T00:00:00.000Z')"
            ),
            {"name": "a\0b"},
        )
    target = new_postgis()
    with pytest.raises(ArchiveProblem, match="contacts"):
        transfer(sqlite_store, target, blobs, files, NOW)
    assert not any(rows_of(target).values())


def test_an_interrupted_move_begins_anew(
    filled: Store,
    new_place: MakeStore,
    blobs: FolderBlobs,
    files: FolderBlobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    target = new_place()
    with monkeypatch.context() as patch:
        patch.setattr("gridgov.backup.transferring.digest_table", interrupted)
        with pytest.raises(KeyboardInterrupt):
            transfer(filled, target, blobs, files, NOW)
    assert not any(rows_of(target).values())
    transfer(filled, target, blobs, files, NOW)
    assert rows_of(target) == rows_of(filled)


def test_rows_that_come_over_differently_undo_the_move(
    filled: Store,
    new_place: MakeStore,
    blobs: FolderBlobs,
    files: FolderBlobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def changed(source: Any, target: Any, name: str, advance: Any) -> Any:
        digest = copy_table(source, target, name, advance)
        if name == "contacts":
            inside(target).connection.execute(text("UPDATE contacts SET phone = 'another'"))
        return digest

    monkeypatch.setattr("gridgov.backup.transferring.copy_table", changed)
    target = new_place()
    with pytest.raises(ArchiveProblem, match="contacts came over differently"):
        transfer(filled, target, blobs, files, NOW)
    assert not any(rows_of(target).values())


class Undone(Exception):
    """Ends a transaction whose effect is not wanted."""


@contextmanager
def undone(store: Store) -> Iterator[Any]:
    """A writing transaction that is rolled back."""
    with suppress(Undone), store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        yield tx
        raise Undone


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
plain = st.recursive(
    st.none() | st.booleans() | words | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
instants = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))
longitudes, latitudes = st.floats(-180, 180), st.floats(-80, 80)


@pytest.mark.slow
@pytest.mark.parametrize("forwards", [True, False], ids=["to postgresql", "to sqlite"])
def test_any_value_comes_over_the_same(sqlite_store: Store, postgis_store: Store, forwards: bool) -> None:
    first, second = (sqlite_store, postgis_store) if forwards else (postgis_store, sqlite_store)

    @settings(max_examples=25, deadline=None, suppress_health_check=SLOW_FIXTURES)
    @given(
        st.lists(
            st.tuples(
                words,
                st.dictionaries(words, plain, max_size=3),
                instants,
                st.floats(allow_nan=False, allow_infinity=False),
            ),
            min_size=1,
            max_size=5,
        ),
        st.lists(st.lists(st.tuples(longitudes, latitudes), min_size=2, max_size=6), min_size=1, max_size=4),
    )
    def holds(rows: list[Any], lines: list[Any]) -> None:
        with undone(first) as source, undone(second) as target:
            connection, insert = inside(source).connection, inside(source).dialect.bulk_insert
            insert(
                connection,
                metadata.tables["events"],
                [
                    {
                        "fid": number + 1,
                        "id": f"e-{number}",
                        "zone": ZONE,
                        "record_kind": "issues",
                        "record_id": "r",
                        "verb": "changed",
                        "at": at,
                        "actor": "system",
                        "version": number,
                        "changes": value,
                    }
                    for number, (_, value, at, _number) in enumerate(rows)
                ],
            )
            insert(
                connection,
                metadata.tables["original_texts"],
                [
                    {
                        "id": f"t-{number}",
                        "zone": ZONE,
                        "record_kind": "issues",
                        "record_id": "r",
                        "text": word,
                        "created_at": at,
                        "erased_at": None,
                    }
                    for number, (word, _value, at, _number) in enumerate(rows)
                ],
            )
            insert(
                connection,
                metadata.tables["facilities"],
                [
                    {**_facility(number), "geometry": shapely.LineString(line)}
                    for number, line in enumerate(lines)
                ],
            )
            for name in ("events", "original_texts", "facilities"):
                sent = copy_table(source, target, name, lambda _: None)
                assert digest_table(target, name) == sent
                assert sent.rows

    holds()


def _facility(number: int) -> dict[str, Any]:
    values = sample("facilities", code=f"SS-{number}")
    return {
        **values,
        "fid": number + 1,
        "id": f"f-{number}",
        "zone": ZONE,
        "version": 1,
        "revision": 1,
        "valid_from": NOW,
        "valid_to": None,
        "created_at": NOW,
        "created_by": "s",
        "changed_at": NOW,
        "changed_by": "s",
        "payload_hash": "-",
    }


def test_nobody_commits_between_the_looks_at_the_two_files(
    sqlite_store: Store, system: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, waited = copying_sqlite.look_at_both, list[bool]()

    def write() -> None:
        with sqlite_store.begin(system, NOW, write=True) as tx:
            tx.insert(DEPARTMENTS, sample("departments"))
            record_audit(tx, "jobs:cancel")

    writer = threading.Thread(target=write)

    def slow_look(connection: Any) -> None:
        connection.exec_driver_sql("SELECT count(*) FROM main.sqlite_master").scalar_one()
        writer.start()
        writer.join(0.3)
        waited.append(writer.is_alive())
        look(connection)

    monkeypatch.setattr(copying_sqlite, "look_at_both", slow_look)
    with one_moment(sqlite_store, NOW) as reading:
        writer.join(5)
        assert (waited, writer.is_alive()) == ([True], False)
        assert digest_table(reading, "audit_log").rows == digest_table(reading, "departments").rows == 0


def test_a_store_that_cannot_be_written_is_copied_all_the_same(
    filled: Store,
    new_place: MakeStore,
    blobs: FolderBlobs,
    files: FolderBlobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = filled.begin

    def read_only(scope: Scope, now: dt.datetime, *, write: bool = False) -> Any:
        if write:
            raise StoreReadOnly("The disk is read-only.")
        return begin(scope, now)

    monkeypatch.setattr(filled, "begin", read_only)
    target = new_place()
    transfer(filled, target, blobs, files, NOW)
    assert rows_of(target) == rows_of(filled)


def test_the_move_sees_one_moment_of_both_files(sqlite_store: Store, system: Scope) -> None:
    with one_moment(sqlite_store, NOW) as reading:
        with sqlite_store.begin(system, NOW, write=True) as tx:
            tx.insert(DEPARTMENTS, sample("departments"))
            record_audit(tx, "jobs:cancel")
        assert digest_table(reading, "departments").rows == 0
        assert digest_table(reading, "audit_log").rows == 0
    with one_moment(sqlite_store, NOW) as reading:
        assert digest_table(reading, "departments").rows == 1
        assert digest_table(reading, "audit_log").rows == 1


def test_rows_go_in_pieces_of_so_many_bytes(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(sqlite_store, only={"zones", "departments", "areas"})
    monkeypatch.setattr(copying_rows, "_FETCHED", 1)
    with sqlite_store.begin(Scope.system(""), NOW) as tx:
        whole = [list(row.items()) for piece in copying_rows.read_pieces(tx, "areas") for row in piece]
        assert len(list(copying_rows.read_pieces(tx, "areas"))) == 1
        monkeypatch.setattr(copying_rows, "_PIECE_BYTES", 1)
        pieces = list(copying_rows.read_pieces(tx, "areas"))
    assert [len(piece) for piece in pieces] == [1] * len(whole)
    assert [list(row.items()) for piece in pieces for row in piece] == whole


@pytest.mark.parametrize("size", [1, 7, 100_000, -1])
def test_what_postgresql_reads_is_the_same_in_whatever_lengths(sqlite_store: Store, size: int) -> None:
    fill(sqlite_store, only={"contacts"})
    table = metadata.tables["contacts"]
    with sqlite_store.begin(Scope.system(""), NOW) as tx:
        pieces = list(copying_rows.read_pieces(tx, "contacts"))
    stream = copying_rows._CopyStream(table, iter([*pieces, *pieces]))
    read = b"".join(iter(lambda: stream.read(size), b""))
    assert read == copying_rows._copy_text(table, pieces[0]) * 2
