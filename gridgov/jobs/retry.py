"""What becomes of a job whose run failed: tried again later, or failed for good. A pure rule over its error."""

from __future__ import annotations

import datetime as dt
import hashlib

from gridgov.errors import ConfigurationProblem, Conflict, GridgovError, InvalidInput, NotFound, Refused

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 900.0
_JITTER = 0.25  # up to this share longer, so that jobs that failed together do not come back together

# The same input gives the same answer again, so nobody waits for five of them.
_PERMANENT = (InvalidInput, Conflict, NotFound, Refused, ConfigurationProblem)


def pause(identifier: str, attempts: int) -> dt.timedelta:
    """How long a job rests after its `attempts`th try: 5 s, doubled each time, 15 min at most, and up to a quarter.

    >>> pause("a", 1) < pause("a", 2) < pause("a", 3)
    True
    """
    plain = min(FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 30), LONGEST_PAUSE_S)
    digest = hashlib.sha256(f"{identifier}/{attempts}".encode()).digest()
    return dt.timedelta(seconds=plain * (1.0 + _JITTER * digest[0] / 255.0))


def worth_repeating(error: BaseException, attempts: int, most_attempts: int) -> bool:
    """Whether another try may go better; not for what the input itself gets wrong, nor after the last try."""
    if attempts >= most_attempts:
        return False
    return not (isinstance(error, GridgovError) and isinstance(error, _PERMANENT))
