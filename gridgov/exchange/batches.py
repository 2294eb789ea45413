"""Some records as columns, on their way into a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records as columns: one list of values per field, and their geometries (lon-lat) or None."""

    columns: Mapping[str, Sequence[Any]]
    geometries: Any
    count: int
