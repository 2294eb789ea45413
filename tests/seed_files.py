"""The demonstration zone as a test reads it: the committed files, parsed once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from data.seed.generate.__main__ import SEED_FOLDER
from gridgov.models import KINDS

Row = dict[str, Any]


def _path(kind: str) -> Path:
    return SEED_FOLDER / f"{kind}{'.geojson' if KINDS[kind].geometry else '.json'}"


class Seed:
    """The committed files: `rows` are properties by kind, `shapes` the geometries in the same order."""

    def __init__(self) -> None:
        self.features: dict[str, list[Row]] = {
            kind: json.loads(_path(kind).read_text(encoding="utf-8"))["features"] for kind in KINDS
        }
        self.rows = {kind: [each["properties"] for each in found] for kind, found in self.features.items()}
        self.shapes: dict[str, Any] = {
            kind: np.array([shapely.from_geojson(json.dumps(each["geometry"])) for each in found])
            for kind, found in self.features.items()
            if KINDS[kind].geometry
        }

    def areas(self, *kinds: str) -> list[tuple[Row, Any]]:
        """(properties, geometry) of the areas of some kinds."""
        pairs = zip(self.rows["areas"], self.shapes["areas"], strict=True)
        return [(row, shape) for row, shape in pairs if row["kind"] in kinds]

    def facilities(self, kind: str) -> list[Row]:
        """Properties of the facilities of one kind."""
        return [row for row in self.rows["facilities"] if row["kind"] == kind]

    def pairs(self, kind: str) -> list[tuple[Row, Any]]:
        """(properties, geometry) of every record of a kind."""
        return list(zip(self.rows[kind], self.shapes[kind], strict=True))


@cache
def committed_seed() -> Seed:
    """The files as they are committed."""
    return Seed()
