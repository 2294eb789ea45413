"""The results as one table, on the terminal and in bench/RESULTS.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from bench.contest import Row

HEAD = ("measured", "way", "median", "99 %", "time beside gridgov", "count", "peak MB", "note")


def lines(rows: Sequence[Row]) -> list[str]:
    """A Markdown table; "time beside gridgov" is the way's median over that of the contest's first way."""
    body = [HEAD, *(_cells(row, _first(rows, row.contest)) for row in rows)]
    widths = [max(len(cells[column]) for cells in body) for column in range(len(HEAD))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
        for cells in body
    ]
    return [text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]]


def machine() -> str:
    """Processor, cores and memory, without names of the machine."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = model or platform.machine()
    return f"{os.cpu_count()} cores ({processor}), {memory:.0f} GB, Python {platform.python_version()}"


def duration(seconds: float) -> str:
    """Three digits in the unit that suits."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _first(rows: Sequence[Row], contest: str) -> Row:
    return next(row for row in rows if row.contest == contest)


def _cells(row: Row, first: Row) -> tuple[str, ...]:
    if not row.seconds:
        return (row.contest, row.way, "not measured", "", "", "", "", row.fault or row.note)
    ratio = f"{row.median / first.median:.2f} ×" if first.seconds and row is not first else ""
    return (
        row.contest,
        row.way,
        f"{1.0 / row.median:,.0f} /s" if row.rate else duration(row.median),
        "" if row.tail is None else duration(row.tail),
        ratio,
        f"{row.count:,}" if row.count is not None else "",
        f"{row.peak_mb:.0f}",
        row.note,
    )
