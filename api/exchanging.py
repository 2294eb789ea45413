"""The commands `gridgov import` and `gridgov export`: arguments, a progress bar, and the report as a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from gridgov.errors import CoordinateSystemNeeded
from gridgov.exchange.report import Report

_SHOWN = 40
_COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}


class Bar:
    """Progress as a bar on standard error; silent when that is no terminal."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._task: TaskID | None = None

    def start(self, total: int, label: str) -> None:
        """See gridgov.exchange.progress.Progress."""
        if self._task is not None:
            self._shown.remove_task(self._task)
        self._task = self._shown.add_task(label, total=total)

    def advance(self, count: int = 1) -> None:
        """See gridgov.exchange.progress.Progress."""
        if self._task is not None:
            self._shown.advance(self._task, count)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar for as long as the block runs."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True
    ) as shown:
        yield Bar(shown)


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """A report (as_dict) as tables: how columns were read, what was decided, what is wrong, what was done."""
    console.print(
        Text(f"{report['file']} → {report['kind']} ({report['format']})", style="bold"), highlight=False
    )
    mapping = Table("column", "field", "how", box=None)
    for match in report["mapping"]:
        mapping.add_row(*map(Text, (match["column"], match["field"] or "left out", str(match["how"] or ""))))
    console.print(mapping)
    decided = report["coordinate_system"]
    if decided is not None:
        evidence = "; ".join(each["en"] for each in decided["evidence"])
        told = f"coordinate system: {decided['key']} ({decided['label_en']}), {decided['order']}: {evidence}"
        console.print(told, soft_wrap=True, highlight=False, markup=False)
    _print_problems(report, console)
    counts = report["counts"]
    done = f"{counts['created']} new, {counts['changed']} changed, {counts['unchanged']} unchanged"
    told = f"{report['outcome_en']}: {done}, {counts['rejected']} rejected of {counts['rows']} rows"
    console.print(told, style="bold", highlight=False, markup=False, soft_wrap=True)


def _print_problems(report: Mapping[str, Any], console: Console) -> None:
    if not report["problem_counts"]:
        return
    summary = ", ".join(f"{count} × {kind}" for kind, count in report["problem_counts"].items())
    console.print(f"problems: {summary}", highlight=False, markup=False)
    table = Table("severity", "row", "reference", "problem", "value", "place", "what to do", box=None)
    for problem in report["problems"][:_SHOWN]:
        place = "" if problem["lon"] is None else f"{problem['lon']:.6f}, {problem['lat']:.6f}"
        short = (
            problem["severity"],
            problem["row"],
            problem["reference"],
            problem["title_en"],
            problem["value"],
            place,
        )
        cells = ["" if cell is None else str(cell)[:60] for cell in short]
        table.add_row(
            *(Text(cell) for cell in cells), Text(problem["remedy_en"]), style=_COLOURS[problem["severity"]]
        )
    console.print(table)
    left = sum(report["problem_counts"].values()) - _SHOWN
    if left > 0:
        console.print(f"… {left} more; --json tells them, --places FILE maps them.", highlight=False)


def print_proposals(error: CoordinateSystemNeeded, console: Console) -> None:
    """The coordinate systems a file without one may be in, the likeliest first, each with its evidence."""
    table = Table("--crs", "--axes", "name", "evidence", box=None)
    for each in error.details.get("proposals", ()):
        evidence = "; ".join(word["en"] for word in each["evidence"])
        table.add_row(each["crs"], each["order"], each["label_en"], Text(evidence))
    console.print(table)


def write_places(report: Report, path: Path) -> None:
    """The faulty places as GeoJSON."""
    path.write_text(json.dumps(report.faulty_places(), ensure_ascii=False, default=str), encoding="utf-8")
