"""Land-use codes: the classes of the three schemes in use, and what is wrong with a code as a file gives it.

The same digits mean different land in different schemes (0601 is industry in the survey of 2019 and a farm
road in the classes of 2023), so every question here names its scheme; a code without one is answered with all
its meanings.
Nothing is repaired silently: `judge` says what it sees, a person decides. The table is
`data/codes/land_use_codes.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from gridgov.errors import ConfigurationProblem, InvalidValue
from gridgov.geo.words import Language, Words
from gridgov.models.vocabulary import LAND_SCHEMES
from gridgov.settings import data_folder

CURRENT_SCHEME = "ydyh-2023"  # in force since 2023-11-22, 自然资发〔2023〕234号
_LONGEST_PADDING = 3  # zeros that a spreadsheet may have dropped from the front of a code


@dataclass(frozen=True, slots=True)
class LandUse:
    """One class of a scheme.

    parent: code of the class above, None at level 1. color: "#rrggbb" of the plan symbol, None where the
    scheme has none of its own. successor: the code of the 2023 classes that took over, None when there is no
    single one.
    """

    scheme: str
    code: str
    name_zh: str
    parent: str | None
    level: int
    color: str | None
    successor: str | None


class CodeFault(StrEnum):
    """What can be wrong with a land-use code."""

    UNKNOWN = "unknown"  # the scheme has no such code
    LOST_ZERO = "lost_zero"  # it exists only with zeros in front, which a spreadsheet dropped
    NO_SCHEME = "no_scheme"  # the scheme is not said, so the meaning is open
    OTHER_NAME = "other_name"  # the name beside the code belongs to another class or scheme


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `judge` says of one code. fault None: the code stands in `use`.

    meanings: for NO_SCHEME and OTHER_NAME what the code means in every scheme. suggestion: the code with its
    zeros for LOST_ZERO; the scheme in which code and name agree for NO_SCHEME and OTHER_NAME; None when there
    is none.
    """

    fault: CodeFault | None
    use: LandUse | None
    meanings: tuple[LandUse, ...] = ()
    suggestion: str | None = None


@lru_cache(maxsize=1)
def land_uses() -> Mapping[tuple[str, str], LandUse]:
    """Every class by (scheme, code), in the order of the table; read once."""
    return read_land_uses(data_folder() / "codes" / "land_use_codes.csv")


def read_land_uses(path: Path) -> Mapping[tuple[str, str], LandUse]:
    """Read and check a table of classes: UTF-8 CSV with the columns of `data/codes/land_use_codes.csv`.

    Raises ConfigurationProblem that names the file and the line: a scheme that is not known, a code twice in
    its scheme, a parent that is missing or not exactly one level up, a successor that the 2023 classes do not
    have.
    """
    with path.open(encoding="utf-8", newline="") as file:
        table = [(number, row) for number, row in enumerate(csv.DictReader(file), start=2)]
    uses: dict[tuple[str, str], LandUse] = {}
    for number, row in table:
        use = _land_use(path, number, row)
        if (use.scheme, use.code) in uses:
            raise _damaged(path, number, f"{use.scheme} has the code {use.code} twice")
        uses[use.scheme, use.code] = use
    for (number, _), use in zip(table, uses.values(), strict=True):
        _check_relations(path, number, use, uses)
    return MappingProxyType(uses)


def find(scheme: str, code: str) -> LandUse | None:
    """The class of a code in its scheme; None when the scheme does not have it.

    >>> find("sd-2019", "0601").name_zh, find("ydyh-2023", "0601").name_zh
    ('工业用地', '农村道路')
    """
    return land_uses().get((scheme, code))


def meanings(code: str) -> tuple[LandUse, ...]:
    """What the code means in every scheme that has it, newest scheme first; () for a code nobody has."""
    return tuple(use for scheme in LAND_SCHEMES if (use := find(scheme, code)) is not None)


def suggest_scheme(code: str, name: str | None) -> tuple[str, ...]:
    """The schemes in which the code carries this name, newest first; () when none does, or without a name.

    A name agrees when it is equal but for 用地/用海 at its end ("工业" and "工业用地").

    >>> suggest_scheme("0601", "工业用地")
    ('sd-2019',)
    """
    if not name or not name.strip():
        return ()
    return tuple(use.scheme for use in meanings(code) if _core(use.name_zh) == _core(name))


def lost_zero(code: str, scheme: str | None = None) -> str | None:
    """The code with its leading zeros, when it exists only with them (in the scheme, or in any); else None.

    >>> lost_zero("601", "sd-2019"), lost_zero("0601", "sd-2019"), lost_zero("7.0", "ydyh-2023")
    ('0601', None, '07')
    """
    whole = code.strip()
    digits = whole.removesuffix(".0")
    known = _codes(scheme)
    if whole in known or not digits.isdigit():
        return None
    padded = (
        digits.zfill(len(digits) + zeros) for zeros in range(1 if digits == whole else 0, _LONGEST_PADDING)
    )
    return next((candidate for candidate in padded if candidate in known), None)


def judge(scheme: str | None, code: str, name: str | None = None) -> Verdict:
    """What is wrong with a code as a file gives it, if anything; name: the class name beside it.

    Faults in order: LOST_ZERO, NO_SCHEME, UNKNOWN, OTHER_NAME. A scheme of which all meanings agree is still
    needed:
    it is stored beside the code.
    """
    whole = code.strip()
    if (padded := lost_zero(whole, scheme)) is not None:
        return Verdict(CodeFault.LOST_ZERO, None, meanings(padded), padded)
    candidates = suggest_scheme(whole, name)
    suggestion = candidates[0] if len(candidates) == 1 else None
    if scheme is None:
        known = meanings(whole)
        return Verdict(CodeFault.NO_SCHEME if known else CodeFault.UNKNOWN, None, known, suggestion)
    use = find(scheme, whole)
    if use is None:
        return Verdict(CodeFault.UNKNOWN, None, meanings(whole), suggestion)
    if name and name.strip() and scheme not in candidates:
        return Verdict(CodeFault.OTHER_NAME, use, meanings(whole), suggestion)
    return Verdict(None, use)


def require(scheme: str | None, code: str) -> LandUse:
    """The class of a code. Raises InvalidValue that names the fault and the meanings when it cannot stand."""
    verdict = judge(scheme, code)
    if verdict.use is not None and verdict.fault is None:
        return verdict.use
    raise InvalidValue(
        f"The land-use code {code!r} cannot be used: {describe(scheme, code, verdict)}",
        field="land_code",
        value=code,
        meanings=[_spoken(use) for use in verdict.meanings],
    )


def describe(scheme: str | None, code: str, verdict: Verdict, language: Language = "en") -> str:
    """The verdict as one sentence for people, in "zh" or "en"; "" for a code without fault."""
    said = "；".join(_spoken(use) for use in verdict.meanings) or ("无" if language == "zh" else "none")
    if verdict.fault is None:
        return ""
    return (
        _SENTENCES[verdict.fault]
        .say(language)
        .format(
            code=code,
            scheme=scheme,
            meanings=said,
            suggestion=verdict.suggestion or "?",
            name=verdict.use.name_zh if verdict.use else "",
        )
    )


def color(scheme: str, code: str) -> str | None:
    """The plan colour "#rrggbb" of a class: its own, its successor's or its parent's; None without any."""
    use = find(scheme, code)
    if use is None:
        return None
    if use.color:
        return use.color
    if use.successor and (of_successor := color(CURRENT_SCHEME, use.successor)):
        return of_successor
    return color(scheme, use.parent) if use.parent else None


_SENTENCES = {
    CodeFault.UNKNOWN: Words(
        "分类标准 {scheme} 中没有代码 {code}；在其他标准中的含义：{meanings}。",
        "{scheme} has no code {code}; its meanings elsewhere: {meanings}.",
    ),
    CodeFault.LOST_ZERO: Words(
        "{code} 只有写成 {suggestion} 才存在（{meanings}）：表格软件去掉了前导零，"
        "请把该列设为文本并补全代码。",
        "{code} exists only as {suggestion} ({meanings}): a spreadsheet dropped the zero in front. "
        "Format the column as text and write the code in full.",
    ),
    CodeFault.NO_SCHEME: Words(
        "未说明代码 {code} 所属的分类标准，其含义有：{meanings}。请指定分类标准。",
        "the scheme of {code} is not said and the meanings are: {meanings}. Give the scheme.",
    ),
    CodeFault.OTHER_NAME: Words(
        "{code} 在 {scheme} 中是{name}，与同行名称不符；含义：{meanings}；相符的标准：{suggestion}。",
        "{code} is {name} in {scheme}, not the name beside it; meanings: {meanings}; "
        "they agree in {suggestion}.",
    ),
}


@lru_cache(maxsize=8)
def _codes(scheme: str | None) -> frozenset[str]:
    return frozenset(use.code for use in land_uses().values() if scheme in (None, use.scheme))


def _core(name: str) -> str:
    return name.strip().removesuffix("用地").removesuffix("用海")


def _spoken(use: LandUse) -> str:
    return f"{use.code} {use.name_zh} ({use.scheme})"


def _land_use(path: Path, number: int, row: Mapping[str, str]) -> LandUse:
    if (
        row["scheme"] not in LAND_SCHEMES
        or not row["code"]
        or not row["name_zh"]
        or not row["level"].isdigit()
    ):
        raise _damaged(
            path,
            number,
            "scheme, code, name and level must be given, the scheme one of " + ", ".join(LAND_SCHEMES),
        )
    return LandUse(
        scheme=row["scheme"],
        code=row["code"],
        name_zh=row["name_zh"],
        parent=row["parent"] or None,
        level=int(row["level"]),
        color=row["color"] or None,
        successor=row["successor_2023"] or None,
    )


def _check_relations(path: Path, number: int, use: LandUse, uses: Mapping[tuple[str, str], LandUse]) -> None:
    if use.parent is None and use.level != 1:
        raise _damaged(path, number, f"{use.scheme} {use.code} is of level {use.level} but has no parent")
    if use.parent is not None:
        parent = uses.get((use.scheme, use.parent))
        if parent is None or parent.level != use.level - 1 or not use.code.startswith(parent.code):
            raise _damaged(
                path, number, f"{use.scheme} {use.code} has no parent {use.parent} one level above it"
            )
    if use.successor is not None and (CURRENT_SCHEME, use.successor) not in uses:
        raise _damaged(
            path,
            number,
            f"{use.scheme} {use.code} is followed by {use.successor}, which {CURRENT_SCHEME} lacks",
        )


def _damaged(path: Path, number: int, fault: str) -> ConfigurationProblem:
    return ConfigurationProblem(
        f"{path.name}, line {number}: {fault}. Restore the file.", file=path.name, line=number
    )
