"""Every kind of job with what does it, and the service's own recurrent work: two literal tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

from gridgov.jobs import Handler, Means, Recurrence, Runner
from gridgov.tasks import imports, upkeep

__all__ = ["HANDLERS", "RECURRENCES", "make_runner"]

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        imports.CHECK: imports.check,
        imports.LOAD: imports.load,
        upkeep.SESSIONS: upkeep.drop_expired_sessions,
        upkeep.JOBS: upkeep.drop_old_jobs,
        upkeep.UPLOADS: upkeep.drop_old_uploads,
        upkeep.PHOTOS: upkeep.drop_unnamed_photos,
        upkeep.WORDS: upkeep.drop_ownerless_words,
    }
)

RECURRENCES = (
    Recurrence(upkeep.SESSIONS, dt.timedelta(hours=1)),
    Recurrence(upkeep.JOBS, dt.timedelta(days=1)),
    Recurrence(upkeep.UPLOADS, dt.timedelta(days=1)),
    Recurrence(upkeep.PHOTOS, dt.timedelta(days=1)),
    Recurrence(upkeep.WORDS, dt.timedelta(days=1)),
)


def make_runner(means: Means, worker: str = "") -> Runner:
    """A worker for every kind of job, not started yet. worker: its name, unique; "" makes one."""
    return Runner(means, HANDLERS, RECURRENCES, worker=worker)
