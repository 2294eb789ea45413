"""Polygons as flat arrays: coordinates, ring offsets, rings per feature; what kernels read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gridgov.geo.transform import as_geometries


@dataclass(frozen=True, slots=True)
class RaggedPolygons:
    """The rings of many polygons in a row.

    coordinates: (vertices, 2) float64 as the geometries hold them; a ring ends with its first vertex.
    ring_offsets: (rings + 1,) int64; ring r is coordinates[ring_offsets[r]:ring_offsets[r + 1]].
    first_ring_of_feature: (features + 1,) int64; feature f has rings first_ring_of_feature[f] up to [f + 1].
    is_shell: (rings,) bool; a shell is followed by its own holes, so a multipolygon is shell, holes, shell …
    """

    coordinates: NDArray[np.float64]
    ring_offsets: NDArray[np.int64]
    first_ring_of_feature: NDArray[np.int64]
    is_shell: NDArray[np.bool_]

    @property
    def feature_of_ring(self) -> NDArray[np.int64]:
        """(rings,) int64: the feature each ring belongs to."""
        counts = np.diff(self.first_ring_of_feature)
        return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def ragged(geometries: Any) -> RaggedPolygons:
    """Flatten polygons and multipolygons; None, empty, points and lines become features without rings.

    >>> flat = ragged([shapely.box(0, 0, 1, 1), None])
    >>> flat.ring_offsets.tolist(), flat.first_ring_of_feature.tolist(), flat.is_shell.tolist()
    ([0, 5], [0, 1, 1], [True])
    """
    features = as_geometries(geometries)
    parts, feature_of_part = shapely.get_parts(features, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    coordinates = shapely.get_coordinates(rings)
    ring_offsets = np.concatenate(([0], np.cumsum(shapely.get_num_coordinates(rings)))).astype(np.int64)
    rings_per_feature = np.bincount(feature_of_part[part_of_ring], minlength=len(features))
    is_shell = np.ones(len(rings), dtype=np.bool_)
    is_shell[1:] = part_of_ring[1:] != part_of_ring[:-1]
    return RaggedPolygons(
        coordinates=coordinates,
        ring_offsets=ring_offsets,
        first_ring_of_feature=np.concatenate(([0], np.cumsum(rings_per_feature))).astype(np.int64),
        is_shell=is_shell,
    )
