"""What a reader makes of a file: `SourceTable`, the same for every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gridgov.geo.crs import CoordinateSystem
from gridgov.geo.shapes import Finding
from gridgov.geo.transform import AxisOrder, Geometries
from gridgov.geo.words import Words

CrsSource = Literal["file", "implied", "none"]


@dataclass(frozen=True, slots=True)
class SourceTable:
    """The rows of one layer of a file.

    format: name in the registry. layer: the layer read, "" where the format has none. columns: name → pyarrow
    array of the file's own type, in file order, one value per row. geometries: (n,) shapely objects, first
    coordinate as the file has it, None for a row without; None for a table without places.
    rows: (n,) numbers by which a person finds the row: the line of a spreadsheet, else counted from 1.
    crs: what the file declares; crs_source "implied" when only the format's standard says so (GeoJSON, KML).
    order: what the two coordinates are, when the file's column names say it.
    findings: what had to be mended to read the geometries at all. encoding: of its text, with the evidence.
    numbers: columns whose cells were numbers, although they are given here as text (XLSX).
    cut_names: column names may have been cut to ten bytes (Shapefile). cut_texts: (row position, column,
    value) of texts that ended in the middle of a character or fill the widest column a format has. notes:
    remarks for people.
    """

    format: str
    columns: Mapping[str, Any]
    geometries: Geometries | None
    rows: NDArray[np.int64]
    layer: str = ""
    crs: CoordinateSystem | None = None
    crs_source: CrsSource = "none"
    order: AxisOrder = "lon-lat"
    findings: tuple[Finding, ...] = ()
    encoding: str = "UTF-8"
    encoding_evidence: Words = field(default_factory=lambda: Words("格式规定", "laid down by the format"))
    numbers: frozenset[str] = frozenset()
    cut_names: bool = False
    cut_texts: tuple[tuple[int, str, str], ...] = ()
    notes: tuple[Words, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)
