"""Words that a person reads about geometry, in Chinese and English side by side."""

from __future__ import annotations

from typing import Literal, NamedTuple

Language = Literal["zh", "en"]


class Words(NamedTuple):
    """One sentence or label in both languages.

    >>> Words("亩", "mu").say("zh")
    '亩'
    """

    zh: str
    en: str

    def say(self, language: Language) -> str:
        """The text in one language."""
        return self.zh if language == "zh" else self.en
