"""Links of points and shapes to the areas of every level: which area, by which rule, and what is doubtful.

Positions and geometries are lon-lat degrees (EPSG:4326). A `Linker` belongs to one edition set and never
changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from math import isfinite
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gridgov.errors import InvalidGeometry, InvalidValue, OutOfRange
from gridgov.geo import as_geometries, interior_point, shares
from gridgov.models.vocabulary import AREA_KINDS, LEVEL_OF_KIND, LINK_LEVELS, PARENT_LEVEL
from gridgov.serving.linking.index import LevelIndex, Located, LocatedMany
from gridgov.serving.linking.kernel import BORDER, NEAREST, NEAREST_M, RULE_NAMES

_LEAST_SHARE = 1e-9  # of a shape's area; less is the noise of touching borders


@dataclass(frozen=True, slots=True)
class Link:
    """One record's link to one level.

    area_id, code: None when outside. rule: a term of LINK_RULES. distance_m: metres outside the area, 0
    inside, None when outside. border_m: metres to the area's nearest border; for an outside point to the
    nearest area of the level, None when that is farther than 200 m. doubtful: the rule is border or nearest,
    the position's accuracy reaches over the border, or another area holds more of the shape. hierarchy: the
    tree gives the area another parent than the one linked a level up. share: of the shape's area, None for
    points. main: the level's one link, not a further share.
    """

    level: str
    area_id: str | None
    code: str | None
    rule: str
    distance_m: float | None
    border_m: float | None
    doubtful: bool
    hierarchy: bool
    edition_set: int
    share: float | None = None
    main: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class LevelLinks:
    """The links of many points to one level, as arrays of their number; see `Link` and `LocatedMany`.

    shares: of each shape's area in its area; NaN for a point or line, None when all are points.
    """

    index: LevelIndex
    located: LocatedMany
    doubtful: NDArray[np.bool_]
    hierarchy: NDArray[np.bool_]
    shares: NDArray[np.float64] | None = None

    def at(self, place: int) -> LevelLinks:
        """The same of one point."""
        one = slice(place, place + 1)
        found = self.located
        located = LocatedMany(found.rows[one], found.rules[one], found.distances_m[one], found.borders_m[one])
        return replace(self, located=located, doubtful=self.doubtful[one], hierarchy=self.hierarchy[one])

    @property
    def area_ids(self) -> list[str | None]:
        """Ids of the areas, None for outside."""
        return [self.index.ids[row] if row >= 0 else None for row in self.located.rows.tolist()]

    @property
    def codes(self) -> list[str | None]:
        """Codes of the areas, None for outside."""
        return [self.index.codes[row] if row >= 0 else None for row in self.located.rows.tolist()]

    @property
    def rules(self) -> list[str]:
        """Names of the rules."""
        return [RULE_NAMES[rule] for rule in self.located.rules.tolist()]


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """The links of many points: a table of columns per level, in the order of LINK_LEVELS."""

    edition_set: int
    levels: Mapping[str, LevelLinks]

    def __len__(self) -> int:
        return len(next(iter(self.levels.values())).doubtful)

    def of(self, place: int) -> tuple[Link, ...]:
        """The links of the point at `place`, as `Linker.link` gives them. For all points `each` is faster."""
        return tuple(_column(links.at(place), self.edition_set)[0] for links in self.levels.values())

    def each(self) -> list[tuple[Link, ...]]:
        """The links of every point, as `Linker.link` gives them."""
        return list(zip(*(_column(links, self.edition_set) for links in self.levels.values()), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Linker:
    """The level indexes of one zone and edition set, in the order of LINK_LEVELS, made by `build`."""

    zone: str
    edition_set: int
    levels: Mapping[str, LevelIndex]

    @classmethod
    def build(cls, zone: str, edition_set: int, rows: Iterable[Mapping[str, Any]]) -> Self:
        """A linker from areas with id, code, kind, parent_id and geometry (shapely, lon-lat), in any order.

        Districts link nothing. No areas at all: every point is outside. Raises InvalidGeometry that names an
        area without a usable polygon, InvalidValue for an unknown kind.
        """
        by_level: dict[str, list[Mapping[str, Any]]] = {level: [] for level in LINK_LEVELS}
        for row in rows:
            if row["kind"] not in AREA_KINDS:
                raise InvalidValue(
                    f"The area {row['code']} is of kind {row['kind']!r}; known are {', '.join(AREA_KINDS)}.",
                    code=row["code"],
                    kind=row["kind"],
                )
            if row["kind"] in LEVEL_OF_KIND:
                by_level[LEVEL_OF_KIND[row["kind"]]].append(row)
        levels: dict[str, LevelIndex] = {}
        for level, members in by_level.items():
            parent_level = PARENT_LEVEL.get(level)
            levels[level] = LevelIndex.build(
                level,
                [str(each["id"]) for each in members],
                [str(each["code"]) for each in members],
                [each["parent_id"] for each in members],
                [each["geometry"] for each in members],
                levels[parent_level].ids if parent_level else (),
            )
        return cls(zone, edition_set, MappingProxyType(levels))

    def link(self, lon: float, lat: float, accuracy_m: float | None = None) -> tuple[Link, ...]:
        """The point's link to every level. accuracy_m: radius of trust in the position, None for unknown.

        Raises OutOfRange for what is no lon-lat position or no accuracy.
        """
        if accuracy_m is not None and not (accuracy_m >= 0.0 and isfinite(accuracy_m)):
            raise _bad_accuracy(accuracy_m)
        rows: dict[str, int] = {}
        links = []
        for level, index in self.levels.items():
            parent_row = rows.get(PARENT_LEVEL.get(level, ""), -1)
            found = index.locate(lon, lat, parent_row)
            rows[level] = found.row
            doubtful = found.rule in {"border", "nearest"} or (
                accuracy_m is not None and accuracy_m > min(found.border_m, _doubt_limit(found.row))
            )
            hierarchy = found.row >= 0 and _disagrees(index, found.row, parent_row)
            links.append(_link(index, found, doubtful, hierarchy, self.edition_set))
        return tuple(links)

    def link_many(
        self, lon: ArrayLike, lat: ArrayLike, accuracy_m: ArrayLike | None = None, *, measure: bool = False
    ) -> Links:
        """Links of many points as columns; the same answers as `link`.

        accuracy_m: one per point or one for all, NaN unknown; None for unknown throughout. measure: distances
        to the borders also without accuracies (otherwise unknown). Raises OutOfRange that names
        the row.
        """
        accuracy = None if accuracy_m is None else np.asarray(accuracy_m, np.float64)
        if accuracy is not None and (accuracy[~np.isnan(accuracy)] < 0.0).any():
            raise _bad_accuracy(float(np.nanmin(accuracy)))
        levels: dict[str, LevelLinks] = {}
        for level, index in self.levels.items():
            parent = levels.get(PARENT_LEVEL.get(level, ""))
            parent_rows = None if parent is None else parent.located.rows
            found = index.locate_many(lon, lat, parent_rows, measure=measure or accuracy is not None)
            doubtful = (found.rules == BORDER) | (found.rules == NEAREST)
            if accuracy is not None:
                limit = np.where(found.rows >= 0, np.inf, NEAREST_M)
                doubtful |= accuracy > np.minimum(found.borders_m, limit)
            levels[level] = LevelLinks(index, found, doubtful, _disagreements(index, found.rows, parent_rows))
        return Links(self.edition_set, MappingProxyType(levels))

    def link_shape(self, geometry: Any) -> tuple[Link, ...]:
        """The links of one shape; see `link_shapes`."""
        return self.link_shapes([geometry])[0]

    def link_shapes(self, geometries: Any) -> list[tuple[Link, ...]]:
        """For each shape its main links, by an interior point, then a link of rule "share" per further area.

        A polygon's links carry the share of its area in theirs; a point or line has main links only. Raises
        InvalidGeometry that names the row of None or an empty shape.
        """
        shapes = as_geometries(geometries)
        missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
        if missing.any():
            row = int(np.argmax(missing))
            raise InvalidGeometry(
                f"Row {row + 1} has no geometry to link; give it one or leave it out.", row=row
            )
        places = interior_point(shapes)
        found = self.link_many(places[:, 0], places[:, 1], measure=True)
        main: dict[str, LevelLinks] = {}
        further: list[list[Link]] = [[] for _ in shapes]
        for level, links in found.levels.items():
            main[level], others = _shared(links, shapes)
            for place, row, share in others:
                further[place].append(_share_link(links.index, row, share, self.edition_set))
        mains = Links(self.edition_set, main).each()
        return [(*own, *others) for own, others in zip(mains, further, strict=True)]


def _doubt_limit(row: int) -> float:
    # An outside point knows only that every area is farther than NEAREST_M, or how near the nearest is.
    return np.inf if row >= 0 else NEAREST_M


def _bad_accuracy(value: float) -> OutOfRange:
    message = f"The accuracy {value} m is none: give metres from 0 up, or leave it out."
    return OutOfRange(message, accuracy_m=repr(value))


def _disagrees(index: LevelIndex, row: int, parent_row: int) -> bool:
    """Whether the tree knows a parent for the area and it is not the one linked."""
    if index.parent_ids[row] is None:
        return False
    known = int(index.flat.parents[row])
    return known < 0 or known != parent_row


def _disagreements(
    index: LevelIndex, rows: NDArray[np.int32], parent_rows: NDArray[np.int32] | None
) -> NDArray[np.bool_]:
    if not len(index) or parent_rows is None:
        return np.zeros(len(rows), np.bool_)
    known = index.flat.parents[rows]
    named = np.array([parent is not None for parent in index.parent_ids])[rows]
    answer: NDArray[np.bool_] = (rows >= 0) & named & ((known < 0) | (known != parent_rows))
    return answer


def _link(index: LevelIndex, found: Located, doubtful: bool, hierarchy: bool, edition_set: int) -> Link:
    row = found.row
    return Link(
        index.level,
        index.ids[row] if row >= 0 else None,
        index.codes[row] if row >= 0 else None,
        found.rule,
        found.distance_m if row >= 0 else None,
        found.border_m if isfinite(found.border_m) else None,
        doubtful,
        hierarchy,
        edition_set,
    )


def _column(links: LevelLinks, edition_set: int) -> list[Link]:
    """One `Link` for each point of a level, None where the arrays have infinity or NaN."""
    index, count = links.index, len(links.doubtful)
    if not len(index):
        return [Link(index.level, None, None, "outside", None, None, False, False, edition_set)] * count
    borders, shares = links.located.borders_m, links.shares
    return [
        Link(level, area_id, code, rule, distance, border, doubtful, hierarchy, edition_set, share)
        for level, area_id, code, rule, distance, border, doubtful, hierarchy, share in zip(
            repeat(index.level, count),
            links.area_ids,
            links.codes,
            links.rules,
            _known(links.located.distances_m),
            _known(borders) if len(borders) else repeat(None, count),
            links.doubtful.tolist(),
            links.hierarchy.tolist(),
            repeat(None, count) if shares is None else _known(shares),
            strict=True,
        )
    ]


def _known(numbers: NDArray[np.float64]) -> list[float | None]:
    values = numbers.astype(object)
    values[~np.isfinite(numbers)] = None
    listed: list[float | None] = values.tolist()
    return listed


def _shared(links: LevelLinks, shapes: NDArray[Any]) -> tuple[LevelLinks, list[tuple[int, int, float]]]:
    """The links with the shares of their areas, and (place, row, share) of the other areas, largest first."""
    places, rows, parts = _shares(links.index, shapes)
    order = np.lexsort((rows, -parts, places))
    places, rows, parts = places[order], rows[order], parts[order]
    mains = rows == links.located.rows[places]
    own, other = np.zeros(len(shapes)), np.zeros(len(shapes))
    own[places[mains]] = parts[mains]
    np.maximum.at(other, places[~mains], parts[~mains])
    known = (shapely.get_dimensions(shapes) == 2) & (links.located.rows >= 0)
    shared = replace(links, doubtful=links.doubtful | (other > own), shares=np.where(known, own, np.nan))
    others = zip(places[~mains].tolist(), rows[~mains].tolist(), parts[~mains].tolist(), strict=True)
    return shared, list(others)


def _share_link(index: LevelIndex, row: int, share: float, edition_set: int) -> Link:
    return Link(
        level=index.level,
        area_id=index.ids[row],
        code=index.codes[row],
        rule="share",
        distance_m=None,
        border_m=None,
        doubtful=False,
        hierarchy=False,
        edition_set=edition_set,
        share=share,
        main=False,
    )


def _shares(
    index: LevelIndex, shapes: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Places of shapes, rows of areas and the share of the one in the other, where it is more than nothing."""
    rows = index.near_box(*shapely.total_bounds(shapes))
    tree = shapely.STRtree(shapes)
    covering, covered = tree.query(index.geometries[rows], predicate="covers")
    meeting, met = tree.query(index.geometries[rows], predicate="intersects")
    partial = ~np.isin(met * len(rows) + meeting, covered * len(rows) + covering)
    partial[partial] = shapely.get_dimensions(shapes[met[partial]]) == 2
    meeting, met = meeting[partial], met[partial]
    parts = shares(shapes[met], index.geometries[rows[meeting]])
    kept = parts > _LEAST_SHARE
    whole = shapely.get_dimensions(shapes[covered]) == 2
    return (
        np.concatenate((covered[whole], met[kept])),
        rows[np.concatenate((covering[whole], meeting[kept]))],
        np.concatenate((np.ones(int(whole.sum())), parts[kept])),
    )
