"""Any report as plain JSON that both databases keep: no NUL, no half characters, no infinite numbers, and bounded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MOST_LISTED = 2_000


def plain(value: Any, most: int = MOST_LISTED) -> Any:
    """`value` with text keys; lists are cut at `most` entries, other types become text, NaN becomes None."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_text(str(name)): plain(each, most) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each, most) for each in value[:most]]
    return _text(str(value))


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
