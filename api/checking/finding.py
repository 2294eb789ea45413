"""One thing that `gridgov check` has looked at, and the three verdicts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """good: nothing to do. warning: it runs, but see the remedy. bad: mend it; the exit code is 1."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """what: the thing looked at. found: how it is. remedy: what to do, "" when good."""

    what: str
    found: str
    verdict: Verdict
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-ready."""
        return {name: str(value) for name, value in asdict(self).items()}


def good(what: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(what, found, Verdict.GOOD)


def warning(what: str, found: str, remedy: str) -> Finding:
    """It runs, but somebody should know."""
    return Finding(what, found, Verdict.WARNING, remedy)


def bad(what: str, found: str, remedy: str) -> Finding:
    """It does not run, or must not."""
    return Finding(what, found, Verdict.BAD, remedy)
