"""An import's report for a terminal: what was read, how it is understood, what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gridgov.exchange.problems import PROBLEM_KINDS, Problem
from gridgov.exchange.report import Report
from gridgov.geo import Language, Words

_HEADINGS = {
    "file": Words("文件", "file"), "format": Words("格式", "format"), "encoding": Words("编码", "encoding"),
    "system": Words("坐标系", "coordinate system"), "outcome": Words("结果", "outcome"), "rows": Words("行数", "rows"),
    "column": Words("列", "column"), "field": Words("字段", "field"), "how": Words("依据", "recognised by"),
    "row": Words("行", "row"), "code": Words("编号", "code"), "problem": Words("问题", "problem"),
    "value": Words("值", "value"), "place": Words("位置", "place"), "remedy": Words("处理", "remedy"),
}  # fmt: skip
_HOW = {
    "given": Words("指定", "given"), "name": Words("字段名", "name"), "label": Words("标签", "label"),
    "alias": Words("别名", "alias"),
    "unit": Words("名称和单位", "name and unit"), "cut": Words("截断的名称", "cut name"),
}  # fmt: skip
_LEFT_OUT = Words("不导入", "left out")
_COUNTS = Words(
    "{rows} 行：新增 {created}，更改 {changed}，不变 {unchanged}，不能导入 {rejected}",
    "{rows}: {created} new, {changed} changed, {unchanged} unchanged, {rejected} cannot be loaded",
)
_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


def report_table(report: Report, language: Language = "zh", most: int = 50) -> RenderableType:
    """Everything a person needs to decide, at most `most` problems one by one; the counts are of all."""
    parts: list[RenderableType] = [_summary(report, language), _mapping(report, language)]
    if report.problems:
        parts.append(_problem_counts(report, language))
        parts.append(_problems(report.problems[:most], language))
        left = sum(report.by_kind.values()) - min(most, len(report.problems))
        if left > 0:
            parts.append(Text(Words(f"另有 {left} 条未列出", f"and {left} more").say(language), style="dim"))
    return Group(*parts)


def _say(name: str, language: Language) -> str:
    return _HEADINGS[name].say(language)


def _summary(report: Report, language: Language) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row(_say("file", language), Text(report.file_name))
    table.add_row(_say("format", language), Text(f"{report.format} {report.layer}".strip()))
    evidence = report.encoding_evidence.say(language)
    table.add_row(_say("encoding", language), Text(f"{report.encoding} ({evidence})"))
    if report.decision is not None:
        why = "; ".join(words.say(language) for words in report.decision.reasons)
        label = f"{report.decision.crs.label(language)} [{report.decision.crs.key}]"
        table.add_row(_say("system", language), Text(f"{label} ({why})"))
    counts = report.counts
    said = _COUNTS.say(language).format(
        rows=counts.rows, created=counts.created, changed=counts.changed, unchanged=counts.unchanged,
        rejected=counts.rejected,
    )  # fmt: skip
    table.add_row(_say("rows", language), Text(said))
    table.add_row(_say("outcome", language), Text(report.outcome_words.say(language), style="bold"))
    return table


def _mapping(report: Report, language: Language) -> Table:
    table = Table(*(_say(name, language) for name in ("column", "field", "how")))
    for match in report.mapping:
        how = _HOW[match.how].say(language) if match.how else ""
        factor = f" × {match.factor:g}" if match.factor != 1.0 else ""
        field = Text(match.field + factor) if match.field else Text(_LEFT_OUT.say(language), style="dim")
        table.add_row(Text(match.column), field, how)
    return table


def _problem_counts(report: Report, language: Language) -> Text:
    said = Text()
    for kind, number in sorted(report.by_kind.items(), key=lambda each: -each[1]):
        made = PROBLEM_KINDS[kind]
        said.append(f"{made.title.say(language)} {number}  ", style=_COLORS[made.severity])
    return said


def _problems(problems: Sequence[Problem], language: Language) -> Table:
    table = Table(
        *(_say(name, language) for name in ("row", "code", "problem", "field", "value", "place", "remedy"))
    )
    for each in problems:
        place = f"{each.lon:.6f}, {each.lat:.6f}" if each.lon is not None and each.lat is not None else ""
        table.add_row(
            "" if each.row is None else str(each.row),
            Text(each.reference or ""),
            Text(each.title(language), style=_COLORS[each.severity]),
            Text(each.field or ""),
            Text(each.value or ""),
            place,
            Text(each.remedy(language)),
        )
    return table
