"""The service's own recurrent work. Each may run twice to the same end, so the job only has to be done at the end."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from gridgov import attachments
from gridgov.access import Scope
from gridgov.blobs import UPLOADS as UPLOADS_PREFIX
from gridgov.jobs import Run
from gridgov.ownership import require_own
from gridgov.store.queries import accounts, jobs
from gridgov.store.queries.contacts import sweep_unowned
from gridgov.store.queries.uploads import upload_needed, uploads_needed
from gridgov.store.queries.zones import list_zones
from gridgov.tasks import imports
from gridgov.tasks.copies import drop_left_copies

SESSIONS, JOBS, UPLOADS, PHOTOS = "expired_sessions", "old_jobs", "old_uploads", "unnamed_photos"
WORDS = "ownerless_words"

KEEP_JOBS = dt.timedelta(days=30)
_REPORTING = dt.timedelta(days=1)  # a report whose first answer was lost is sent again by then
_UPLOADING = dt.timedelta(days=1)  # a file this young may be of a job that is just being made
_COPYING = dt.timedelta(days=1)
_KEEP_ATTEMPTS = dt.timedelta(days=1)
_ROUNDS = 20
_IMPORTS = (imports.CHECK, imports.LOAD)


def drop_expired_sessions(run: Run) -> None:
    """Delete sessions of all zones whose time is over, and counters of attempts that are a day old."""
    with run.read() as tx:
        zones = [zone.zone for zone in list_zones(tx)]
    for zone in zones:
        run.check()
        with run.means.store.begin(Scope.system(zone), run.means.clock(), write=True) as tx:
            for _ in range(_ROUNDS):
                run.check()
                accounts.drop_expired_sessions(tx)
    with run.write() as tx:
        accounts.drop_old_attempts(tx, _KEEP_ATTEMPTS)
        run.finish(tx)


def drop_old_jobs(run: Run) -> None:
    """Delete jobs that were over 30 days ago, with their reports."""
    dropped = 0
    for _ in range(_ROUNDS):
        run.check()
        with run.write() as tx:
            last = jobs.drop_over(tx, tx.now - KEEP_JOBS)
        dropped += last
        if not last:
            break
    run.conclude({"dropped": dropped})


def drop_old_uploads(run: Run) -> None:
    """Drop uploads that no job needs: neither one to come nor a check of the last 7 days that may be confirmed.

    So go the copies that killed processes left on this machine. Raises ForeignFiles where the uploads are another
    store's.
    """
    means, now = run.means, run.means.clock()
    require_own(means.store, means.blobs, now)
    with run.read() as tx:
        needed = uploads_needed(tx, _IMPORTS, now - imports.KEEP_CHECKS)
    dropped = 0
    for stored in list(means.blobs.each(UPLOADS_PREFIX)):
        run.check()
        if stored.key not in needed and stored.put_at < now - _UPLOADING:
            dropped += _drop_unneeded(run, stored.key)
    drop_left_copies(now - _COPYING)
    run.conclude({"dropped": dropped})


def _drop_unneeded(run: Run, key: str) -> bool:
    """Drop an upload unless somebody has confirmed it since the list was made."""
    with run.read() as tx:
        if upload_needed(tx, _IMPORTS, key, tx.now - imports.KEEP_CHECKS):
            return False
    run.means.blobs.drop(key)
    return True


def drop_unnamed_photos(run: Run) -> None:
    """Drop photos that no record names any more, as `gridgov files sweep` does."""
    means = run.means
    swept = attachments.sweep(means.store, means.blobs, means.clock(), between=run.check)
    run.conclude(asdict(swept))


def drop_ownerless_words(run: Run) -> None:
    """Delete contacts and words that a crash left without their report, of all zones, when they are a day old."""
    with run.read() as tx:
        zones = [zone.zone for zone in list_zones(tx)]
    dropped = 0
    for zone in zones:
        run.check()
        with run.means.store.begin(Scope.system(zone), run.means.clock(), write=True) as tx:
            dropped += sweep_unowned(tx, tx.now - _REPORTING)
    run.conclude({"dropped": dropped})
