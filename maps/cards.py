"""Popups: what a person asks first on top, the rest as rows. Everything from a record is escaped here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from gridgov.geo.words import Language
from gridgov.models import Record
from maps import figures
from maps.words import say

Fact = tuple[str, str]  # value, label


def card(
    title: str,
    *,
    badges: Sequence[tuple[str, str]] = (),
    subtitle: str = "",
    facts: Sequence[Fact] = (),
    rows: Sequence[Fact] = (),
    after: str = "",
) -> str:
    """One card. badges: (tone, text), tone one of ok, warn, danger, plain; rows: (label, value); after: HTML.

    Facts and rows without a value are left out.
    """
    marks = "".join(f'<span class="badge {tone}">{escape(text)}</span>' for tone, text in badges if text)
    parts = [f'<p class="badges">{marks}</p>' if marks else "", f"<h3>{escape(title)}</h3>"]
    if subtitle:
        parts.append(f'<p class="subtitle">{escape(subtitle)}</p>')
    tiles = "".join(
        f"<div><dd>{escape(value)}</dd><dt>{escape(label)}</dt></div>" for value, label in facts if value
    )
    parts.append(f'<dl class="facts">{tiles}</dl>' if tiles else "")
    lines = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in rows if value
    )
    parts.append(f'<dl class="rows">{lines}</dl>' if lines else "")
    return f'<article class="card">{"".join(parts)}{after}</article>'


def field_rows(record: Record, names: Iterable[str], now: dt.datetime, language: Language) -> list[Fact]:
    """(label, value) of those fields that the record shows and that have a value."""
    shown = []
    for name in names:
        field = record.kind.by_name[name]
        text = figures.value(field, record.get(name), now, language)
        if text:
            shown.append((_sentence(field.label(language), language), text))
    return shown


def fact(record: Record, name: str, now: dt.datetime, language: Language, label: str = "") -> Fact:
    """(value, label) of one field; a value that is unknown says so with its reason."""
    field = record.kind.by_name[name]
    text = figures.value(field, record.get(name), now, language)
    return text or figures.unknown_reason(record, name, language), label or field.label(language)


def freshness(record: Mapping[str, Any], now: dt.datetime, language: Language) -> tuple[str, str]:
    """A badge that says how long ago the facts were verified; amber after 90 days or when never."""
    verified = record.get("verified_on")
    if verified is None:
        return "warn", say("not.verified", language)
    days = (now.astimezone(figures.CHINA_TIME).date() - verified).days
    if days < 1:
        return "ok", say("verified.today", language)
    return ("warn" if days > 90 else "ok"), say("verified.days", language, days=days)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A small table; "" without rows. The first column is the row's heading."""
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    if not body:
        return ""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _sentence(label: str, language: Language) -> str:
    return label[:1].upper() + label[1:] if language == "en" else label
