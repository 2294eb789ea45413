"""Issue marks: the state of an issue at one instant, told by shape and colour together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gridgov.symbology.tokens import COLOURS


@dataclass(frozen=True, slots=True)
class Mark:
    """How one state is drawn. shape: circle, triangle, square, diamond or ring (a hollow circle)."""

    state: str
    shape: str
    glyph: str
    colour: str
    zh: str
    en: str

    def label(self, language: str = "zh") -> str:
        """The state's name for people."""
        return self.en if language == "en" else self.zh


# Most urgent first: also the order in clusters and legends.
ISSUE_MARKS = MappingProxyType(
    {
        mark.state: mark
        for mark in (
            Mark("overdue", "square", "■", COLOURS["danger"], "超时", "overdue"),
            Mark("due_soon", "triangle", "▲", COLOURS["warn"], "将到期", "due soon"),
            Mark("on_time", "circle", "●", COLOURS["ok"], "正常", "on time"),
            Mark("waiting", "diamond", "◆", COLOURS["ink-500"], "待受理", "waiting"),
            Mark("closed", "ring", "○", COLOURS["ink-500"], "已结案", "closed"),
        )
    }
)
ISSUE_STATES = tuple(ISSUE_MARKS)


def issue_state(issue: Mapping[str, Any], now: dt.datetime) -> str:
    """The state of `issue` at `now` (aware UTC), one of ISSUE_STATES.

    An issue whose clock the reader may not see (the key `due_at` is absent) counts as on time while it is
    open; one that has no clock yet (`due_at` is None) is waiting.
    """
    if issue.get("status") == "closed" or issue.get("closed_at") is not None:
        return "closed"
    if "due_at" not in issue:
        return "on_time"
    due = issue["due_at"]
    if due is None:
        return "waiting"
    if due <= now:
        return "overdue"
    warn = issue.get("warn_at")
    return "due_soon" if warn is not None and warn <= now else "on_time"
