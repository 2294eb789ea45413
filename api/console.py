"""Where the commands speak: words on one console, data as JSON on standard output, trouble on standard error."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import Any

from rich.console import Console

_PIPE_WIDTH = 160  # a file or a pipe has no width of its own

out = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True)


def say(line: str) -> None:
    """One line as it is, without colours or markup."""
    out.print(line, highlight=False, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """JSON on standard output, times as ISO text."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, default=_text) + "\n")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)
