"""A backup taken while others write is of one moment: nothing of it is half."""

from __future__ import annotations

import hashlib
import io
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gridgov import issues
from gridgov.access import Scope
from gridgov.backup import Manifest, back_up, restore, verify
from gridgov.blobs.folder import FolderBlobs
from gridgov.models import ISSUES
from gridgov.serving.linking import Linker
from gridgov.settings import Settings
from gridgov.store import Query, Store
from gridgov.store.queries.connection import inside
from gridgov.store.schema_private import attachments
from tests.backup.conftest import MakeStore
from tests.factories import point
from tests.fixtures_store import NOW, ZONE


@pytest.mark.slow
def test_a_backup_taken_while_four_write_is_of_one_moment(
    store: Store, blobs: FolderBlobs, new_place: MakeStore, settings: Settings, tmp_path: Path, system: Scope
) -> None:
    ended, written, faults = threading.Event(), [0] * 4, list[BaseException]()

    def report(worker: int) -> None:
        linker = Linker.build(ZONE, 0, ())
        try:
            while not ended.is_set():
                values = {
                    "code": f"WT-{worker}-{written[worker]}",
                    "category": "fire_lane",
                    "geometry": point(),
                }
                with store.begin(system, NOW, write=True) as tx:
                    write = issues.report(
                        tx, values, linker, issues.Report("反映", f"人 {worker}", "13800000000")
                    )
                    photo = _photo(tx, blobs, write.record.id)
                    inside(tx).connection.execute(attachments.insert().values(**photo))
                written[worker] += 1
        except BaseException as error:  # noqa: BLE001 (told by the test)
            faults.append(error)

    threads = [threading.Thread(target=report, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    made: dict[int, Manifest] = {}
    try:
        for number in range(3):
            while sum(written) < 10 * (number + 1) and not faults:
                ended.wait(0.005)
            made[number] = back_up(store, blobs, tmp_path / f"{number}.zip", NOW, settings=settings)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert faults == []
    for number, manifest in made.items():
        assert (verify(tmp_path / f"{number}.zip"), manifest.complete) == (manifest, True)
        place, files = new_place(), FolderBlobs(tmp_path / f"restored-{number}")
        restore(place, files, tmp_path / f"{number}.zip", NOW)
        count = _is_one_moment(place, files)
        assert 10 * (number + 1) <= count <= sum(written)
        assert count == {table.name: table.rows for table in manifest.tables}["issues"]


def _photo(tx: Any, blobs: FolderBlobs, record: str) -> dict[str, Any]:
    digests = {}
    for name in ("hash", "thumbnail_hash"):
        content = f"{name} of {record}".encode()
        digests[name] = hashlib.sha256(content).hexdigest()
        blobs.put(f"attachments/{digests[name][:2]}/{digests[name]}", io.BytesIO(content))
    return {
        "zone": ZONE,
        "id": record,
        "record_kind": "issues",
        "record_id": record,
        "media_type": "image/jpeg",
        "size_bytes": 1,
        "width": 1,
        "height": 1,
        "payload_hash": "-",
        "created_at": tx.now,
        "created_by": "s",
        **digests,
    }


def _is_one_moment(place: Store, files: FolderBlobs) -> int:
    """Everything of every issue is there, and nothing of any other; returns how many issues."""
    with place.begin(Scope.system(ZONE), NOW) as tx:
        connection = inside(tx).connection
        found = {each.id: each for each in tx.each(ISSUES, Query())}

        def ask(words: str) -> set[Any]:
            return set(connection.execute(text(words)).scalars())

        assert ask("SELECT id FROM contacts") == {each["contact_id"] for each in found.values()}
        assert ask("SELECT record_id FROM original_texts") == set(found)
        assert ask("SELECT record_id FROM events WHERE record_kind = 'issues'") == set(found)
        assert ask("SELECT record_id FROM attachments") == set(found)
        for digest in ask("SELECT hash FROM attachments") | ask("SELECT thumbnail_hash FROM attachments"):
            assert files.holds(f"attachments/{digest[:2]}/{digest}")
        assert tx.revision(ISSUES) == max((each["revision"] for each in found.values()), default=0)
    return len(found)
