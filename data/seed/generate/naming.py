"""What people call plots and buildings: courts and their blocks, plots of a park, houses of a village."""

from __future__ import annotations

from collections import Counter
from functools import cache

import shapely

from data.seed.generate.boundaries import micro_grids
from data.seed.generate.land import plots
from data.seed.generate.places import COMMUNITIES, park_of_cell
from data.seed.generate.structures import buildings

Name = tuple[str, str]  # Chinese, English


@cache
def _communities() -> tuple[Name, ...]:
    """The community's names for every plot, by a point inside the plot."""
    cells = micro_grids()
    names = {each.code: (each.name_zh, each.name_en) for each in COMMUNITIES}
    tree = shapely.STRtree([cell.shape for cell in cells])
    inside = shapely.point_on_surface([plot.shape for plot in plots()])
    hits = {
        int(point): int(cell) for point, cell in zip(*tree.query(inside, predicate="intersects"), strict=True)
    }
    return tuple(names[cells[hits[at]].community] for at in range(len(plots())))


@cache
def plot_names() -> dict[int, Name]:
    """Plot index → names, for the town's plots: residential courts, plots of parks and communities."""
    found: dict[int, Name] = {}
    numbers: Counter[str] = Counter()
    for at, plot in enumerate(plots()):
        if plot.sort not in {"town", "public", "estate"}:
            continue
        park = park_of_cell(plot.cell)
        zh, en = (park.prefix_zh, park.prefix_en) if park else _communities()[at]
        word_zh, word_en = "号地块", "plot"
        if plot.sort == "estate":
            zh, en, word_zh, word_en = "高阳小区", "Gaoyang Estate", "区", "quarter"
        elif plot.use == "070102" and plot.developed:
            zh, en, word_zh, word_en = *_communities()[at], "号院", "court"
        numbers[zh + word_zh] += 1
        number = numbers[zh + word_zh]
        found[at] = (f"{zh} {number} {word_zh}", f"{en}, {word_en} {number}")
    return found


@cache
def building_names() -> tuple[Name | None, ...]:
    """Names of every building, None for public ones: blocks count within a court, houses in a village."""
    found: list[Name | None] = []
    numbers: Counter[str] = Counter()
    for each in buildings():
        if each.use not in {"070102", "070301"}:
            found.append(None)
            continue
        zh, en = plot_names()[each.plot] if each.use == "070102" else _communities()[each.plot]
        if each.estate:
            zh, en = "高阳小区", "Gaoyang Estate"
        numbers[zh] += 1
        word_zh, word_en = ("号楼", "block") if each.use == "070102" else ("号", "house")
        found.append((f"{zh} {numbers[zh]} {word_zh}", f"{en}, {word_en} {numbers[zh]}"))
    return tuple(found)
