"""Every rule of the soak finds what it is there for: a store that was well is spoiled by hand, one thing at a time."""

from __future__ import annotations

import datetime as dt
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():  # the client warns that it will move to another package one day
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

from api.app import create_app
from gridgov.access import Scope
from gridgov.blobs.folder import FolderBlobs
from gridgov.settings import read_settings
from gridgov.store import Store, open_store
from gridgov.store.queries.connection import inside
from tests.soak.clients import Answer, Connection, Gate
from tests.soak.invariants import examine
from tests.soak.journal import Expectations, Journal, read_journals
from tests.soak.writers import Issues, Parcels, Publications
from tests.soak.zone import ZONE, prepare

NOW = dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC)


class InProcess(Connection):
    """The connection of a client that asks the service in this process."""

    def __init__(self, client: TestClient) -> None:
        super().__init__(0, Gate(), Counter())
        self._client = client

    def ask(self, method: str, path: str, body: Any = None, headers: Any = None, *, tries: int = 1) -> Answer:
        """See Connection.ask."""
        sent = {"content": body} if isinstance(body, bytes) else {"json": body}
        found = self._client.request(method, path, headers=headers, **sent)
        return Answer(found.status_code, found.headers, found.json(), repeated=False)


@dataclass(frozen=True)
class Written:
    """A store with what the clients wrote, and what they noted of it."""

    store: Store
    expected: Expectations
    blobs: FolderBlobs

    def found(self) -> set[str]:
        """The rules that find something."""
        return {finding.rule for finding in examine(self.store, self.expected, self.blobs, NOW)}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store into which every kind of client wrote, and their journals."""
    folder = tmp_path_factory.mktemp("written")
    url = f"sqlite:///{folder / 'map.gpkg'}"
    prepare(url, NOW)
    store = open_store(url)
    settings = read_settings(
        {}, demo=True, attachments_url=f"file://{folder}/files", public_reports_per_hour=1000
    )
    connection = InProcess(TestClient(create_app(settings, store, lambda: NOW)))
    connection.sign_in()
    journals = [Journal(folder / f"{number}.jsonl") for number in range(3)]
    told: Counter[str] = Counter()
    publications = Publications(connection, journals[0], told)
    writers = (
        publications,
        Issues(connection, journals[1], "a", told),
        Parcels(connection, journals[2], "b", told),
    )
    for turn in range(30):
        for writer in writers[1:] if turn % 6 else writers:
            writer.act()
    for journal in journals:
        journal.close()
    store.close()
    return folder


@pytest.fixture
def written(filled: Path, tmp_path: Path) -> Iterator[Written]:
    """A copy to be spoiled."""
    for each in (*filled.glob("map.*"), *filled.glob("*.jsonl")):
        shutil.copy(each, tmp_path / each.name)
    shutil.copytree(filled / "files", tmp_path / "files")
    store = open_store(f"sqlite:///{tmp_path / 'map.gpkg'}")
    yield Written(store, read_journals(tmp_path), FolderBlobs(tmp_path / "files"))
    store.close()


def test_a_store_that_is_well_has_no_findings(written: Written) -> None:
    assert written.found() == set()
    assert written.expected.acknowledged > 60


ONE = "(SELECT id FROM issues WHERE valid_to IS NULL ORDER BY fid LIMIT 1)"
WORDS_AGAIN = """
INSERT INTO original_texts (id, zone, record_kind, record_id, text, created_at)
SELECT 'again', zone, record_kind, record_id, text, created_at FROM original_texts LIMIT 1
"""
EVENT_AGAIN = """
INSERT INTO events (id, zone, record_kind, record_id, verb, at, actor, version)
SELECT 'again', zone, record_kind, record_id, verb, at, actor, version FROM events WHERE version = 1 LIMIT 1
"""
NEWEST = "(SELECT max(number) FROM edition_sets)"


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("lost", f"DELETE FROM issues WHERE id = {ONE}"),
        ("lost", f"UPDATE issues SET version = version - 1 WHERE id = {ONE}"),
        ("doubled", f"UPDATE issues SET version = version + 1 WHERE id = {ONE}"),
        ("lost", f"UPDATE issues SET category = 'manhole' WHERE id = {ONE}"),
        ("lost", f"UPDATE issues SET valid_to = created_at WHERE id = {ONE}"),
        ("lost", "UPDATE contacts SET phone = '0'"),
        ("lost", f"DELETE FROM original_texts WHERE record_id = {ONE}"),
        ("doubled", WORDS_AGAIN),
        ("events", EVENT_AGAIN),
        ("revisions", "UPDATE revisions SET revision = revision - 1 WHERE kind = 'issues'"),
        ("revisions", "UPDATE revisions SET revision = 1 WHERE kind = 'areas'"),
        ("lost", "UPDATE edition_sets SET title = 'another' WHERE number = 1"),
        ("half edition", "DELETE FROM area_editions WHERE fid = (SELECT max(fid) FROM area_editions)"),
        ("half edition", f"UPDATE area_editions SET valid_to = valid_from WHERE edition_set = {NEWEST}"),
        ("half edition", "UPDATE areas SET edition_set = 1 WHERE code = 'PK-0-0'"),
        ("lost", "DELETE FROM attachments WHERE rowid = (SELECT min(rowid) FROM attachments)"),
        ("links", "DELETE FROM links WHERE fid = (SELECT max(fid) FROM links WHERE area_id IS NOT NULL)"),
        ("editions", "DELETE FROM parcel_editions WHERE number = 1"),
        ("files", "DELETE FROM rtree_issues_geometry WHERE id = (SELECT min(id) FROM rtree_issues_geometry)"),
        ("files", "UPDATE rtree_parcels_geometry SET maxx = minx WHERE id = (SELECT min(fid) FROM parcels)"),
        ("files", "INSERT INTO rtree_areas_geometry VALUES (999999, 0, 1, 0, 1)"),
    ],
)
def test_each_rule_finds_its_fault(written: Written, rule: str, statement: str) -> None:
    spoil(written, statement)
    assert rule in written.found()


def spoil(written: Written, statement: str) -> None:
    """Change the store past everything that looks after it."""
    with written.store.begin(Scope.system(ZONE), NOW) as tx:
        connection = inside(tx).connection
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        assert connection.exec_driver_sql(statement).rowcount != 0


SUPERSEDED = "(SELECT min(fid) FROM parcel_editions WHERE valid_to IS NOT NULL)"
OLDEST = "(SELECT min(fid) FROM area_editions)"
PARK = "(SELECT geometry FROM areas WHERE code = 'PK-0-0')"
A_YEAR_LATER = "replace(valid_to, '2026', '2027')"
PARCEL_LINK = """
(SELECT max(l.fid) FROM links l JOIN parcels p ON p.id = l.record_id
 WHERE l.record_kind = 'parcels' AND l.area_id IS NOT NULL AND p.valid_to IS NULL)
"""


@pytest.mark.parametrize(
    ("rule", "words", "statement"),
    [
        ("lost", "and is WT-0 now", f"UPDATE issues SET code = 'WT-0' WHERE id = {ONE}"),
        (
            "revisions",
            "is at revision 0, acknowledged was",
            f"UPDATE issues SET revision = 0 WHERE id = {ONE}",
        ),
        (
            "revisions",
            "is at revision 0, acknowledged was",
            "UPDATE parcels SET revision = 0 WHERE fid = (SELECT min(fid) FROM parcels)",
        ),
        (
            "lost",
            "is at issues nowhere",
            "UPDATE attachments SET record_id = 'nowhere' WHERE rowid = (SELECT min(rowid) FROM attachments)",
        ),
        ("links", "parcels DK-", f"DELETE FROM links WHERE fid = {PARCEL_LINK}"),
        (
            "editions",
            "drawn was POLYGON",
            f"UPDATE parcel_editions SET geometry = {PARK} WHERE fid = {SUPERSEDED}",
        ),
        (
            "editions",
            "the next begins at",
            f"UPDATE parcel_editions SET valid_to = {A_YEAR_LATER} WHERE fid = {SUPERSEDED}",
        ),
        (
            "editions",
            "of set 1 is in force from",
            f"UPDATE area_editions SET valid_to = {A_YEAR_LATER} WHERE fid = {OLDEST}",
        ),
    ],
)
def test_a_single_value_that_differs_from_what_was_acknowledged_is_found(
    written: Written, rule: str, words: str, statement: str
) -> None:
    spoil(written, statement)
    findings = examine(written.store, written.expected, written.blobs, NOW)
    assert [finding.rule for finding in findings] == [rule]
    assert words in findings[0].words


def test_a_damaged_photo_is_found(written: Written) -> None:
    stored = next(iter(written.blobs.each("attachments/")))
    (written.blobs.folder / stored.key).write_bytes(b"damaged")
    assert written.found() == {"lost"}
