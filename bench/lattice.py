"""Polygons that tile a box and share every vertex of their common edges, made from a jittered lattice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEST, SOUTH, EAST, NORTH = 113.08, 33.57, 113.52, 33.93


@dataclass(frozen=True, slots=True)
class Lattice:
    """columns × lines cells; every edge has `most` steps, or one fewer with the probability `short`.

    jitter: how far a vertex strays, in shares of a step. denser: 0 spaces the cells evenly; up to 1 makes
    them smaller in the centre.
    """

    columns: int
    lines: int
    most: int
    short: float
    jitter: float
    denser: float


PARCELS = Lattice(500, 400, most=3, short=0.25, jitter=0.25, denser=0.5)
GRIDS = Lattice(50, 40, most=10, short=0.5, jitter=0.3, denser=0.3)


def tiling(lattice: Lattice, seed: int) -> NDArray[Any]:
    """The cells as polygons in lon-lat degrees, line by line from the south-west; exterior counter-clockwise."""
    rng = np.random.default_rng(seed)
    nodes = _nodes(lattice, rng)
    across = _edges(nodes[:, :-1], nodes[:, 1:], lattice, rng)
    along = _edges(nodes[:-1], nodes[1:], lattice, rng)
    across_kept = _kept(across.shape, lattice, rng)
    along_kept = _kept(along.shape, lattice, rng)
    # Each side is given without its end, which the next side starts with.
    sides = [across[:-1], along[:, 1:], across[1:, :, ::-1], along[:, :-1, ::-1]]
    kept = [across_kept[:-1], along_kept[:, 1:], across_kept[1:, :, ::-1], along_kept[:, :-1, ::-1]]
    count = lattice.columns * lattice.lines
    places = np.concatenate([side[:, :, :-1] for side in sides], axis=2).reshape(count, -1, 2)
    wanted = np.concatenate([side[:, :, :-1] for side in kept], axis=2).reshape(count, -1)
    owner = np.repeat(np.arange(count), wanted.sum(axis=1))
    rings = shapely.linearrings(places[wanted], indices=owner)
    polygons: NDArray[Any] = shapely.polygons(rings)
    return polygons


def _nodes(lattice: Lattice, rng: np.random.Generator) -> Floats:
    """(lines + 1, columns + 1, 2) corners; the outermost stay on the box."""

    def spaced(count: int) -> Floats:
        even = np.linspace(-1.0, 1.0, count + 1)
        return ((1.0 - lattice.denser / 2.0) * even + lattice.denser / 2.0 * even**3 + 1.0) / 2.0

    x, y = np.meshgrid(spaced(lattice.columns), spaced(lattice.lines))
    stray = lattice.jitter / 2.0
    x[:, 1:-1] += rng.uniform(-stray, stray, x[:, 1:-1].shape) / lattice.columns / 2.0
    y[1:-1] += rng.uniform(-stray, stray, y[1:-1].shape) / lattice.lines / 2.0
    return np.stack((WEST + x * (EAST - WEST), SOUTH + y * (NORTH - SOUTH)), axis=-1)


def _edges(start: Floats, end: Floats, lattice: Lattice, rng: np.random.Generator) -> Floats:
    """(…, steps + 1, 2) vertices from start to end; those between stray to both sides."""
    share = np.linspace(0.0, 1.0, lattice.most + 1)[:, None]
    step = (end - start)[..., None, :] / lattice.most
    edges = start[..., None, :] + share * (end - start)[..., None, :]
    stray = rng.uniform(-lattice.jitter, lattice.jitter, (*edges.shape[:-2], lattice.most - 1, 1))
    edges[..., 1:-1, :] += stray * step[..., ::-1] * np.array([-1.0, 1.0])
    return edges


def _kept(shape: tuple[int, ...], lattice: Lattice, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which vertices of the edges are used: all, or all but the second."""
    kept = np.ones(shape[:-1], np.bool_)
    kept[..., 1] = rng.uniform(size=shape[:-2]) >= lattice.short
    return kept
