"""Text cells that a spreadsheet would run as a formula, made harmless on the way out and restored on the way in."""

from __future__ import annotations

import re

# A control character in front, or a sign of a formula, also behind blanks and in the full-width and small forms that
# a Chinese or Japanese spreadsheet takes for the plain one.
_SIGNS = "=+\\-@＝＋－＠﹦﹢﹣﹫"
_DANGEROUS = re.compile(rf"'*(?:[\t\r\n]|[\s\ufeff\u200b]*[{_SIGNS}])")


def neutralised(text: str) -> str:
    """The text with an apostrophe in front when a spreadsheet would take it for a formula; else as it is.

    >>> neutralised("=1+1"), neutralised("DK-1"), neutralised("'=x")
    ("'=1+1", 'DK-1', "''=x")
    """
    return f"'{text}" if _DANGEROUS.match(text) else text


def restored(text: str) -> str:
    """The text as it was before `neutralised`.

    >>> restored("'=1+1"), restored("DK-1"), restored("'quoted'")
    ('=1+1', 'DK-1', "'quoted'")
    """
    return text[1:] if text.startswith("'") and _DANGEROUS.match(text) else text
