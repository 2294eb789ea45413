"""Which encoding a file's text has, decided on its bytes: what the file says is believed only if it fits them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gridgov.geo.words import Words

_CODE_PAGES = {
    "936": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030", "cp936": "gb18030",
    "ansi936": "gb18030", "65001": "utf-8", "utf8": "utf-8", "88591": "utf-8", "iso88591": "utf-8", "ascii": "utf-8",
}  # fmt: skip
_TITLES = {"utf-8": "UTF-8", "gb18030": "GB18030"}
_CUT = ("unexpected end of data", "incomplete multibyte sequence")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding chosen: Python's name, its title, and why."""

    codec: str
    title: str
    evidence: Words


def named_codec(text: str) -> str | None:
    """The codec that a .cpg file or a drawing's code page names; None for a name nobody knows.

    Every Chinese national encoding is read as GB18030, which holds GBK and GB2312. Latin-1 is what writers put
    down who did not know, so it counts as ASCII.
    """
    folded = re.sub(r"[\s_\-:.]", "", text.strip().lower())
    if folded in _CODE_PAGES:
        return _CODE_PAGES[folded]
    try:
        return codecs.lookup(text.strip()).name
    except LookupError:
        return None


def choose_encoding(texts: Iterable[bytes], declared: str | None, source: Words) -> Encoding | None:
    """The first of declared, UTF-8 and GB18030 in which every text can be read, the last character being cut or not.

    texts: bytes of field names and values. declared: what the file says, None when it says nothing; source: where
    it says so. None when no encoding fits.
    """
    samples = [text for text in set(texts) if not text.isascii()]
    codec = named_codec(declared) if declared else None
    wanted = list(dict.fromkeys(each for each in (codec, "utf-8", "gb18030") if each is not None))
    for each in wanted:
        if all(decode(text, each) is not None for text in samples):
            return Encoding(
                each, _TITLES.get(each, each), _evidence(each, codec, declared, source, bool(samples))
            )
    return None


def decode(text: bytes, codec: str) -> tuple[str, bool] | None:
    """The text, and whether its last character was cut off; None when it is not in this encoding."""
    try:
        return text.decode(codec), False
    except UnicodeDecodeError as error:
        if error.reason in _CUT and len(text) - error.start < 4:
            return text[: error.start].decode(codec), True
        return None


def _evidence(codec: str, said: str | None, declared: str | None, source: Words, any_text: bool) -> Words:
    title = _TITLES.get(codec, codec)
    if not any_text:
        return Words("全部为 ASCII 字符", "all texts are ASCII")
    if codec == said:
        return Words(f"{source.zh}写明 {declared}", f"{source.en} says {declared}")
    doubt = (
        Words(
            f"；{source.zh}写明 {declared}，与内容不符", f"; {source.en} says {declared}, which does not fit"
        )
        if declared
        else Words("", "")
    )
    return Words(f"文本按 {title} 可完整读出{doubt.zh}", f"every text reads as {title}{doubt.en}")
