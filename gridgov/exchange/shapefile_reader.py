"""Read a Shapefile: shapes and .prj by GDAL, the .dbf by ourselves, its encoding from .cpg, header or bytes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pyogrio

from gridgov.errors import UnreadableFile
from gridgov.exchange.dbf import Dbf, all_texts, decoded, read_dbf
from gridgov.exchange.limits import too_many_rows
from gridgov.exchange.registry import Format, ReadOptions
from gridgov.exchange.source import SourceTable
from gridgov.exchange.text_encoding import Encoding, choose_encoding
from gridgov.exchange.vector_reader import (
    GDAL_ERRORS,
    GDAL_LOCK,
    declared,
    gdal_notes,
    unreadable,
)
from gridgov.exchange.wkb import geometries_of
from gridgov.geo.words import Words

_ANY_BYTES = "ISO-8859-1"  # for the names that GDAL reads too and nobody asks for


def read(path: Path, form: Format, options: ReadOptions) -> SourceTable:
    """Read a .shp, or the folder that holds one, with its .dbf, .shx, .prj and .cpg.

    Raises UnreadableFile when a companion is missing, cut off or of another length, or its text is in no known
    encoding; TooLarge; UnsupportedDatum.
    """
    if path.is_dir():
        path = next(each for each in sorted(path.iterdir()) if each.suffix.lower() == ".shp")
    parts = _companions(path)
    table = read_dbf(parts[".dbf"])
    if table.rows > options.settings.import_max_rows:
        raise too_many_rows(path, table.rows, options.settings.import_max_rows)
    encoding = _encoding(path, table, parts.get(".cpg"))
    with GDAL_LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            meta, shapes = pyogrio.raw.read_arrow(path, columns=[], encoding=_ANY_BYTES)
        except GDAL_ERRORS as error:
            raise unreadable(path, form, error) from error
    if shapes.num_rows != table.rows:
        message = (
            f"{path.name} has {shapes.num_rows} shapes but {table.rows} rows in its .dbf; copy both again."
        )
        raise UnreadableFile(message, file=path.name)
    geometries, findings = geometries_of(shapes.column("wkb_geometry"))
    columns, cuts = decoded(table, encoding)
    crs, source = declared(meta["crs"])
    return SourceTable(
        format=form.name,
        layer=path.stem,
        columns=columns,
        geometries=geometries,
        rows=np.arange(1, table.rows + 1, dtype=np.int64),
        crs=crs,
        crs_source=source,
        findings=findings,
        encoding=encoding.title,
        encoding_evidence=encoding.evidence,
        cut_names=True,
        cut_texts=tuple(cuts),
        notes=gdal_notes(caught),
    )


def _companions(path: Path) -> dict[str, Path]:
    """The files of the same name by their endings in lower case. Raises UnreadableFile without .dbf or .shx."""
    parts = {each.suffix.lower(): each for each in path.parent.iterdir() if each.stem == path.stem}
    missing = [ending for ending in (".dbf", ".shx") if ending not in parts]
    if missing:
        message = (
            f"{path.name} comes without its {' and '.join(missing)}; a Shapefile is .shp, .shx and .dbf together. "
            "Pack all of them into one zip."
        )
        raise UnreadableFile(message, file=path.name, missing=missing)
    return parts


def _encoding(path: Path, table: Dbf, cpg: Path | None) -> Encoding:
    said, source = table.language, Words(".dbf 头", "the .dbf header")
    if cpg is not None and (named := cpg.read_bytes()[:64].decode("ascii", errors="replace").strip()):
        said, source = named, Words(".cpg 文件", "the .cpg file")
    encoding = choose_encoding(all_texts(table), said, source)
    if encoding is None:
        message = f"The texts of {path.stem}.dbf are neither UTF-8 nor GB18030; export it again in UTF-8."
        raise UnreadableFile(message, file=path.name)
    return encoding
