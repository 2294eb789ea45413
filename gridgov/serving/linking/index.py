"""The link index of one level of areas: a lon-lat point in, the one area of that level out (DESIGN §4).

Built once per (zone, level, edition set) from polygons in lon-lat degrees (EPSG:4326); never changed after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gridgov.errors import InvalidGeometry, OutOfRange
from gridgov.geo.ellipsoid import metres_per_degree
from gridgov.geo.ragged import ragged
from gridgov.serving.linking import kernel
from gridgov.serving.linking.cells import fill_cells
from gridgov.serving.linking.kernel import Flat

# Levels whose areas are meant to tile their parent. A point that none of them holds stands in a gap or just
# past the edge of the zone, so the nearest within 200 m is meant. Zone, park and estate stand apart from one
# another: a point beside an estate is not in it, however near, so those levels know only contains, border and
# outside.
NEAREST_LEVELS = MappingProxyType(
    {
        "street": "streets and towns tile the zone",
        "community": "communities and villages tile their street or town",
        "grid": "grids tile their community",
        "micro_grid": "micro-grids tile their grid",
    }
)

# A cell nearer to a border than this is looked at closely: BORDER_M and room for rounding.
_WHOLE_CELL_M = 0.06
_CELLS_PER_AREA = 64
_FEWEST_CELLS, _MOST_CELLS = 64 * 64, 1024 * 1024


class Located(NamedTuple):
    """Where a point stands in one level.

    row: place of the area in the index, -1 for none. rule: "contains", "border", "nearest" or "outside".
    distance_m: 0 inside, metres outside otherwise, inf for none. border_m: metres to the nearest border of
    the area found; of the nearest area for an outside point, inf when none is within 200 m.
    """

    row: int
    rule: str
    distance_m: float
    border_m: float


class LocatedMany(NamedTuple):
    """`Located` for many points as arrays of their length; rules are places in RULE_NAMES.

    borders_m is empty unless it was asked for.
    """

    rows: NDArray[np.int32]
    rules: NDArray[np.uint8]
    distances_m: NDArray[np.float64]
    borders_m: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LevelIndex:
    """The areas of one level in ascending order of code, with what finding a point's area needs."""

    level: str
    ids: tuple[str, ...]
    codes: tuple[str, ...]
    parent_ids: tuple[str | None, ...]
    geometries: NDArray[Any]
    flat: Flat
    uses_nearest: bool

    @classmethod
    def build(
        cls,
        level: str,
        ids: Sequence[str],
        codes: Sequence[str],
        parent_ids: Sequence[str | None],
        geometries: Sequence[Any] | NDArray[Any],
        parent_order: Sequence[str] = (),
    ) -> LevelIndex:
        """An index over polygons or multipolygons in lon-lat degrees; any order; none give an empty index.

        parent_order: the ids of the parent level's index, so that `parent_row` means a row there.
        Raises InvalidGeometry that names the area for None, an empty or not finite shape, or one that is no
        polygon.
        """
        order = sorted(range(len(ids)), key=lambda place: (codes[place], ids[place]))
        shapes = np.empty(len(order), dtype=object)
        shapes[:] = [geometries[place] for place in order]
        sorted_ids, sorted_codes = (
            tuple(ids[place] for place in order),
            tuple(codes[place] for place in order),
        )
        sorted_parents = tuple(parent_ids[place] for place in order)
        _check(level, sorted_codes, shapes)
        row_of_parent = {each: row for row, each in enumerate(parent_order)}
        parents = np.array([row_of_parent.get(each or "", -1) for each in sorted_parents], np.int32)
        flat = _flatten(shapes, parents)
        return cls(level, sorted_ids, sorted_codes, sorted_parents, shapes, flat, level in NEAREST_LEVELS)

    def __len__(self) -> int:
        return len(self.ids)

    def locate(self, lon: float, lat: float, parent_row: int = -1) -> Located:
        """The area of the point (degrees). parent_row: the row chosen in the parent level, -1 when none.

        Raises OutOfRange for NaN, infinity, or degrees that do not exist.
        """
        if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
            raise _out_of_range(lon, lat)
        row, rule, distance, border = kernel.locate_one(
            self.flat, float(lon), float(lat), int(parent_row), self.uses_nearest, True
        )
        return Located(row, kernel.RULE_NAMES[rule], distance, border)

    def locate_many(
        self, lon: ArrayLike, lat: ArrayLike, parent_rows: ArrayLike | None = None, *, measure: bool = False
    ) -> LocatedMany:
        """The areas of many points; measure: also the distance of contained points to their area's border.

        Answers as `locate` for each point. Raises OutOfRange that names the first bad row, and ValueError for
        columns of different lengths.
        """
        x, y = _column(lon, np.float64), _column(lat, np.float64)
        parents = np.empty(0, np.int32) if parent_rows is None else _column(parent_rows, np.int32)
        if len(x) != len(y) or len(parents) not in {0, len(x)}:
            raise ValueError(
                f"{len(x)} longitudes, {len(y)} latitudes and {len(parents)} parents do not pair up"
            )
        bad, rows, rules, distances, borders = kernel.locate_all(
            self.flat, x, y, parents, self.uses_nearest, measure
        )
        if bad >= 0:
            raise _out_of_range(float(x[bad]), float(y[bad]), bad)
        return LocatedMany(rows, rules, distances, borders)

    def near_box(self, west: float, south: float, east: float, north: float) -> NDArray[np.int64]:
        """Rows of the areas whose boxes meet the box (degrees), ascending."""
        boxes = self.flat.boxes
        met = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
        return np.flatnonzero(met)


def _column(values: ArrayLike, of: type) -> NDArray[Any]:
    # Of one layout: for a read-only or strided array the kernel would be compiled anew.
    return np.require(np.atleast_1d(values), of, ["C_CONTIGUOUS", "WRITEABLE", "ALIGNED"])


def _out_of_range(lon: float, lat: float, row: int | None = None) -> OutOfRange:
    where = "" if row is None else f" in row {row + 1}"
    return OutOfRange(
        f"The position {lon}, {lat}{where} is no longitude and latitude in degrees; "
        "longitude comes first, from -180 to 180, then latitude, from -90 to 90.",
        lon=repr(lon),
        lat=repr(lat),
        row=row,
    )


def _check(level: str, codes: Sequence[str], shapes: NDArray[Any]) -> None:
    polygons = np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes)
    coordinates, owners = shapely.get_coordinates(shapes, return_index=True)
    finite = np.ones(len(shapes), np.bool_)
    finite[owners[~np.isfinite(coordinates).all(axis=1)]] = False
    for row in np.flatnonzero(~(polygons & finite)).tolist():
        found = "no geometry" if shapes[row] is None else shapely.to_wkt(shapes[row])[:60]
        raise InvalidGeometry(
            f"The area {codes[row]} ({level}) needs a polygon with finite coordinates, to link "
            f"points to it; it has {found}. Mend its boundary.",
            code=codes[row],
            level=level,
        )


def _flatten(shapes: NDArray[Any], parents: NDArray[np.int32]) -> Flat:
    """Coordinates with NaN between rings, boxes and the cell grid."""
    rings = ragged(shapes)
    breaks = rings.ring_offsets[1:]
    xy = np.insert(rings.coordinates, breaks, np.nan, axis=0)
    first = rings.ring_offsets[rings.first_ring_of_feature] + rings.first_ring_of_feature
    boxes = np.ascontiguousarray(shapely.bounds(shapes).reshape(-1, 4))
    columns, lines = _grid_shape(len(shapes))
    west, south, east, north = _extent(boxes)
    metres_east, metres_north = (float(each) for each in metres_per_degree(max(abs(south), abs(north))))
    margin = (_WHOLE_CELL_M / max(metres_east, 1.0), _WHOLE_CELL_M / metres_north)
    west, south, east, north = (
        west - 2 * margin[0],
        south - 2 * margin[1],
        east + 2 * margin[0],
        north + 2 * margin[1],
    )
    frame = np.array([west, south, columns / (east - west), lines / (north - south), *margin])
    flat = Flat(
        x=np.ascontiguousarray(xy[:, 0]),
        y=np.ascontiguousarray(xy[:, 1]),
        first=first.astype(np.int64),
        boxes=boxes,
        parents=parents,
        cells=np.zeros(0, np.int32),
        entries=np.zeros(0, np.int32),
        frame=frame,
        shape=np.array([columns, lines], np.int64),
    )
    cells, entries = fill_cells(flat, margin)
    return flat._replace(cells=cells, entries=entries)


def _grid_shape(count: int) -> tuple[int, int]:
    side = int(np.sqrt(min(_MOST_CELLS, max(_FEWEST_CELLS, _CELLS_PER_AREA * count))))
    return (side, side) if count else (1, 1)


def _extent(boxes: NDArray[np.float64]) -> tuple[float, float, float, float]:
    if not len(boxes):
        return 0.0, 0.0, 0.0, 0.0
    west, south = boxes[:, :2].min(axis=0)
    east, north = boxes[:, 2:].max(axis=0)
    return float(west), float(south), float(east), float(north)
