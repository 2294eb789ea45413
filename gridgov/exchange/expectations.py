"""What a field expects, in Chinese; the English words come with the error that the check raises."""

from __future__ import annotations

from gridgov.models import Field, FieldType

_PHRASES = {
    FieldType.BOOLEAN: "须为“是”或“否”",
    FieldType.DAY: "须为日期，如 2026-11-20",
    FieldType.INSTANT: "须为带时区的时间，如 2026-11-20T14:05:00+08:00",
    FieldType.LIST: "须为列表，各项以顿号分隔",
    FieldType.OBJECT: "须为 JSON 对象",
}


def expected_zh(field: Field) -> str:
    """One sentence for the planner who has to mend the value.

    >>> from gridgov.models import PARCELS
    >>> expected_zh(PARCELS.by_name["plan_year"])
    '“计划年度”须为整数，范围 1949 至 2100'
    """
    if field.type in {FieldType.INTEGER, FieldType.NUMBER}:
        phrase = _number(field)
    elif field.vocabulary is not None:
        phrase = "须为以下之一：" + "、".join(term.zh for term in field.vocabulary.terms)
    else:
        phrase = _PHRASES.get(field.type, f"须为文本，最多 {field.max_length} 个字符，不含空字符")
    return f"“{field.zh}”{phrase}"


def _number(field: Field) -> str:
    kind = "整数" if field.type is FieldType.INTEGER else "数值"
    unit = f" {field.unit}" if field.unit else ""
    if field.minimum is not None and field.maximum is not None:
        return f"须为{kind}，范围 {field.minimum:g} 至 {field.maximum:g}{unit}"
    if field.minimum is not None:
        return f"须为{kind}，不小于 {field.minimum:g}{unit}"
    return f"须为{kind}" if field.maximum is None else f"须为{kind}，不大于 {field.maximum:g}{unit}"
