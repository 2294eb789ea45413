"""How a long operation tells how far it is: a protocol, and the silent form of it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Shown by the command line as a bar. Called from one thread."""

    def start(self, total: int, label: str) -> None:
        """A new stage of `total` steps begins; it replaces the one before."""

    def advance(self, count: int = 1) -> None:
        """`count` more steps of the stage are done."""


class Silent:
    """Progress that nobody watches."""

    def start(self, total: int, label: str) -> None:
        """Nothing to show."""

    def advance(self, count: int = 1) -> None:
        """Nothing to show."""
