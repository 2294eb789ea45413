"""Which format a file has, by its content first and its name second, and which module reads it.

The readers pull in heavy libraries, so they load when a file of theirs comes: the one place of gridgov where
an import may stand in a function.
"""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gridgov.errors import UnreadableFile, UnsupportedFormat
from gridgov.exchange.archive import BROKEN_ZIP
from gridgov.exchange.source import SourceTable
from gridgov.settings import Settings


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its name for people, the endings it goes by, and the module whose `read` reads it."""

    name: str
    title: str
    endings: tuple[str, ...]
    reader: str


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader needs beside the path. layer: the layer or sheet to read, "" for the only one."""

    settings: Settings
    layer: str = ""


FORMATS = MappingProxyType(
    {
        made.name: made
        for made in (
            Format("geojson", "GeoJSON", (".geojson", ".json"), "vector_reader"),
            Format("gpkg", "GeoPackage", (".gpkg",), "vector_reader"),
            Format("flatgeobuf", "FlatGeobuf", (".fgb",), "vector_reader"),
            Format("gdb", "File Geodatabase", (".gdb",), "vector_reader"),
            Format("kml", "KML", (".kml",), "kml_reader"),
            Format("shapefile", "Shapefile", (".shp",), "shapefile_reader"),
            Format("geoparquet", "GeoParquet", (".parquet", ".geoparquet"), "parquet_reader"),
            Format("dxf", "DXF", (".dxf",), "drawing_reader"),
            Format("csv", "CSV", (".csv", ".tsv", ".txt"), "table_reader"),
            Format("xlsx", "XLSX", (".xlsx", ".xlsm"), "table_reader"),
            Format("zip", "zip", (".zip", ".kmz"), ""),
        )
    }
)

# How a file starts → what it is and what to do instead.
_UNSUPPORTED = (
    (b"AC10", "an AutoCAD DWG drawing", "Save it as DXF (另存为 DXF) and import that."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls) or a personal geodatabase", "Save it as .xlsx."),
    (b"Rar!", "a RAR archive", "Pack it as zip."),
    (b"7z\xbc\xaf", "a 7z archive", "Pack it as zip."),
    (b"%PDF", "a PDF document", "Ask for the data it was made from."),
    (b"\x89PNG", "a picture", "Ask for the data it was made from."),
    (b"\xff\xd8\xff", "a picture", "Ask for the data it was made from."),
)  # fmt: skip
_MAGIC = (
    (b"SQLite format 3\x00", "gpkg"),
    (b"fgb\x03", "flatgeobuf"),
    (b"PAR1", "geoparquet"),
    (b"\x00\x00\x27\x0a", "shapefile"),
    (b"AutoCAD Binary DXF", "dxf"),
)
_HEAD = 4096


def detect(path: Path) -> Format:
    """The format of a file or folder that exists.

    Raises UnsupportedFormat for what gridgov does not read (says what to save it as), UnreadableFile for an
    empty file, or one whose content is not what its ending says.
    """
    if path.is_dir():
        return _detect_folder(path)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise UnreadableFile(f"{path.name} is empty (0 bytes); export it again.", file=path.name)
    for magic, what, remedy in _UNSUPPORTED:
        if head.startswith(magic):
            raise UnsupportedFormat(
                f"{path.name} is {what}, which gridgov does not read. {remedy}", file=path.name
            )
    found = _by_content(path, head)
    if found is None:
        raise _unknown(path)
    _check_ending(path, found)
    return found


def reader(form: Format) -> Callable[[Path, Format, ReadOptions], SourceTable]:
    """The `read` function of a format's module, loaded now."""
    module: Any = importlib.import_module(f"gridgov.exchange.{form.reader}")
    read: Callable[[Path, Format, ReadOptions], SourceTable] = module.read
    return read


def _detect_folder(path: Path) -> Format:
    if path.suffix.lower() == ".gdb" or any(path.glob("*.gdbtable")):
        return FORMATS["gdb"]
    shapes = [each for each in path.iterdir() if each.suffix.lower() == ".shp"]
    if len(shapes) == 1:
        return FORMATS["shapefile"]
    names = ", ".join(sorted(each.name for each in shapes)) or "none"
    message = (
        f"The folder {path.name} must be a .gdb or hold exactly one .shp, not {names}; name the .shp itself."
    )
    raise UnreadableFile(message, file=path.name)


def _by_content(path: Path, head: bytes) -> Format | None:
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return FORMATS[name]
    if head.startswith(b"PK"):
        return FORMATS["xlsx"] if _is_workbook(path) else FORMATS["zip"]
    text = _as_text(head)
    return None if text is None else _by_text(path, text)


def _by_text(path: Path, text: str) -> Format | None:
    ending = path.suffix.lower()
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("{"):
        return FORMATS["geojson"]
    if start.startswith("<"):
        return FORMATS["kml"] if "<kml" in start or ending == ".kml" else None
    lines = [line.strip() for line in start.splitlines()[:2]]
    if lines[:2] == ["0", "SECTION"] or lines[:1] == ["999"]:
        return FORMATS["dxf"]
    return FORMATS["csv"] if start and ending in (*FORMATS["csv"].endings, "") else None


def _check_ending(path: Path, found: Format) -> None:
    ending = path.suffix.lower()
    if ending and ending not in found.endings:
        message = (
            f"{path.name} is {found.title} by its content, but not by its name; "
            f"rename it to end in {found.endings[0]} or export it again."
        )
        raise UnreadableFile(message, file=path.name, content=found.name)


def _unknown(path: Path) -> UnreadableFile:
    ending = path.suffix.lower()
    known = next((form for form in FORMATS.values() if ending in form.endings), None)
    readable = ", ".join(form.title for form in FORMATS.values() if form.reader)
    if known is not None:
        message = f"{path.name} is damaged or not {known.title}: it does not start as one. Export it again."
        return UnreadableFile(message, file=path.name)
    message = f"{path.name} is of no format gridgov reads. Save it as one of {readable}."
    return UnsupportedFormat(message, file=path.name)


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except BROKEN_ZIP:
        return path.suffix.lower() in FORMATS["xlsx"].endings


def _as_text(head: bytes) -> str | None:
    """The start of a text file, in whichever encoding shows its ASCII; None for binary content."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    return None if b"\x00" in head else head.decode("utf-8", errors="replace")
