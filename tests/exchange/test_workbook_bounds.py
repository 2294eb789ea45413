"""A workbook costs what its cells cost, wherever it says that they stand."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import openpyxl
import pytest

from gridgov.errors import UnreadableFile
from gridgov.exchange import table_reader
from gridgov.exchange.reading import read_source
from gridgov.settings import Settings
from tests.exchange.files import workbook

SETTINGS = Settings()
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'


def written(path: Path, cells: dict[str, str]) -> Path:
    """A workbook of single cells."""
    book = openpyxl.Workbook()
    for place, value in cells.items():
        book.worksheets[0][place] = value
    book.save(path)
    return path


def resaid(path: Path, rows: str) -> Path:
    """A workbook whose sheet is these rows of XML."""
    workbook(path.with_name("sound.xlsx"), {"a": [["code"]]})
    with zipfile.ZipFile(path.with_name("sound.xlsx")) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, SHEET.format(rows) if name == "xl/worksheets/sheet1.xml" else content)
    return path


def test_cells_in_the_last_column_cost_no_more_than_others(tmp_path: Path) -> None:
    cells = {"A1": "编号", **{f"A{row}": f"U-{row}" for row in range(2, 402)}}
    far = {f"XFD{row}": "x" for row in range(2, 402)}
    path = written(tmp_path / "a.xlsx", {**cells, **far})
    tracemalloc.start()
    table = read_source(path, SETTINGS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(table.columns) == ["编号"]
    assert len(table) == 400
    assert peak < 10 * 1024**2


def test_a_sheet_with_nothing_but_far_cells_holds_no_table(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx", {f"XFD{row}": "x" for row in range(1, 10)})
    with pytest.raises(UnreadableFile, match="holds no table"):
        read_source(path, SETTINGS)


def test_more_columns_than_a_table_may_have_are_refused(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(table_reader.MOST_COLUMNS + 1)]
    assert len(read_source(workbook(tmp_path / "most.xlsx", {"a": [names[:-1]]}), SETTINGS).columns) == 1000
    with pytest.raises(UnreadableFile, match="more than 1,000 columns"):
        read_source(workbook(tmp_path / "more.xlsx", {"a": [names]}), SETTINGS)


def test_a_row_at_the_very_bottom_keeps_its_number(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx", {"A1": "编号", "A3": "U-1", "A1048576": "U-2"})
    assert read_source(path, SETTINGS).rows.tolist() == [3, 1_048_576]


def test_a_row_below_the_last_is_not_waited_for(tmp_path: Path) -> None:
    cell = '<row r="{0}"><c r="A{0}" t="str"><v>{1}</v></c></row>'
    rows = cell.format(1, "编号") + cell.format(2, "U-1") + cell.format(10**15, "U-2")
    with pytest.raises(UnreadableFile, match="a row below 1,048,576"):
        read_source(resaid(tmp_path / "a.xlsx", rows), SETTINGS)


def test_a_sheet_that_says_it_is_smaller_than_it_is_is_read_whole(tmp_path: Path) -> None:
    cell = '<row r="{0}"><c r="A{0}" t="str"><v>{1}</v></c></row>'
    path = tmp_path / "a.xlsx"
    resaid(path, cell.format(1, "编号") + cell.format(2, "U-1"))
    with zipfile.ZipFile(path) as old:
        kept = {name: old.read(name) for name in old.namelist()}
    sheet = kept["xl/worksheets/sheet1.xml"].replace(b"<sheetData>", b'<dimension ref="A1:A1"/><sheetData>')
    with zipfile.ZipFile(path, "w") as new:
        for name, content in (kept | {"xl/worksheets/sheet1.xml": sheet}).items():
            new.writestr(name, content)
    assert len(read_source(path, SETTINGS)) == 1
