"""Geometries from a file's WKB, the unreadable ones told apart from those that are merely open."""

from __future__ import annotations

from typing import Any

import numpy as np

from gridgov.geo.raw import read_wkb
from gridgov.geo.shapes import Finding
from gridgov.geo.transform import Geometries


def geometries_of(column: Any) -> tuple[Geometries, tuple[Finding, ...]]:
    """Geometries and findings (unclosed and closed again, unreadable) of a pyarrow column of WKB; null gives None."""
    with np.errstate(invalid="ignore"):  # NaN among the coordinates, which the checks report
        geometries, findings = read_wkb(column.to_numpy())
    return geometries, tuple(findings)
