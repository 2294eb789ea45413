"""Work outside requests: claimed from the store under a lease, run once to an effect, tried again when it failed."""

from __future__ import annotations

from gridgov.jobs.plain import plain
from gridgov.jobs.run import Clock, HandedBack, Means, Run, Stopped
from gridgov.jobs.runner import Handler, Recurrence, Runner

__all__ = ["Clock", "HandedBack", "Handler", "Means", "Recurrence", "Run", "Runner", "Stopped", "plain"]
