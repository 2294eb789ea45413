"""Parcels: the plots with codes, land use now and planned, stages, and the reserve of 1,800–1,850 mu."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Any

import shapely

from data.seed.generate.frame import MU_M2, geodesic_m2, to_lon_lat
from data.seed.generate.land import Plot, plots
from data.seed.generate.naming import plot_names
from data.seed.generate.places import COMMUNITIES, DIVISION_CODE, park_of_cell
from data.seed.generate.records import Feature, feature
from data.seed.generate.structures import INDUSTRIAL, halls_by_plot

SCHEME = "ydyh-2023"
RESERVE_MU = (1800.0, 1850.0)
_RESERVE_OF_A_BLOCK_MU = 240.0  # the reserve is spread over many blocks
_RESERVED_CYCLE = ("reserved", "preparing", "clear", "listed", "reserved", "preparing", "reserved", "clear")
_EARLY_CYCLE = (
    "proposed",
    "submitted",
    "approved",
    "compensation",
    "sold",
    "proposed",
    "not_started",
    "compensation",
    "recovered",
)
_ROW_ROADS = {"1": "湛南路以北", "2": "长江路以北", "3": "长江路以南"}
_COLUMN_ROADS = {
    "A": "皇台路以东",
    "B": "开发路以东",
    "C": "高新大道以东",
    "D": "创新路以东",
    "E": "临港路以东",
}
_PLOT_RATIOS = {"07": (1.2, 2.4), "09": (1.0, 3.0), "10": (1.0, 2.5), "11": (0.8, 2.0), "08": (0.6, 2.0)}
_VILLAGE_NAMES = {community.code: community.name_zh for community in COMMUNITIES}


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel: its plot, code, stage (None outside the managed town land), lon-lat shape, geodesic m²."""

    plot: Plot
    code: str
    stage: str | None
    lon_lat: Any
    m2: float


def _neighbourhoods() -> list[list[int]]:
    """The undeveloped plots in groups that touch, so that a block moves through the stages together."""
    waiting = [at for at, plot in enumerate(plots()) if not plot.developed]
    tree = shapely.STRtree([plots()[at].shape for at in waiting])
    groups = []
    seen: set[int] = set()
    for first in range(len(waiting)):
        if first in seen:
            continue
        group, edge = [], [first]
        seen.add(first)
        while edge:
            here = edge.pop()
            group.append(waiting[here])
            near = tree.query(plots()[waiting[here]].shape, predicate="dwithin", distance=1.0)
            fresh = sorted(set(near.tolist()) - seen)
            seen.update(fresh)
            edge += fresh
        groups.append(sorted(group))
    return groups


def _stages(shapes: list[Any]) -> dict[int, str]:
    """Plot index → stage of the undeveloped plots; the reserve among them adds up to RESERVE_MU."""
    rng = random.Random("stages")
    groups = _neighbourhoods()
    rng.shuffle(groups)
    chosen: dict[int, str] = {}
    total = 0.0
    for number, group in enumerate(groups):
        taken = 0.0
        reserved = _RESERVED_CYCLE[number % len(_RESERVED_CYCLE)]
        early = _EARLY_CYCLE[number % len(_EARLY_CYCLE)]
        for at in group:
            mu = geodesic_m2(shapes[at]) / MU_M2
            if total + mu < RESERVE_MU[1] - 8.0 and taken + mu < _RESERVE_OF_A_BLOCK_MU:
                chosen[at] = reserved if rng.random() < 0.8 else rng.choice(_RESERVED_CYCLE)
                total, taken = total + mu, taken + mu
            else:
                chosen[at] = early if rng.random() < 0.8 else rng.choice(_EARLY_CYCLE)
    if not RESERVE_MU[0] <= total <= RESERVE_MU[1]:
        raise ValueError(f"the reserve adds up to {total:.1f} mu, wanted {RESERVE_MU[0]}–{RESERVE_MU[1]}")
    return chosen


@cache
def parcels() -> tuple[Parcel, ...]:
    """One parcel per plot, in the same order, codes DK-0001 on."""
    shapes = [to_lon_lat(plot.shape) for plot in plots()]
    stages = _stages(shapes)
    found = []
    for at, (plot, shape) in enumerate(zip(plots(), shapes, strict=True)):
        stage = stages.get(at)
        if stage is None and plot.sort in {"town", "public", "estate", "pocket"}:
            empty = plot.use in INDUSTRIAL and at not in halls_by_plot()
            stage = "building" if empty else "completed"
        found.append(Parcel(plot, f"DK-{at + 1:04d}", stage, shape, geodesic_m2(shape)))
    return tuple(found)


def _land_now(parcel: Parcel, rng: random.Random) -> str:
    if parcel.plot.developed or parcel.stage == "building":
        return parcel.plot.use
    if parcel.stage in {"proposed", "submitted", "approved", "compensation"}:
        return rng.choice(["0102", "0102", "0103", "0301", "070301"])
    return rng.choice(["2301", "2301", "2306"])


def address(plot: Plot) -> str:
    """Where a plot lies, in the words of its trunk roads or its village."""
    if plot.cell:
        return f"{_ROW_ROADS[plot.cell[1]]}、{_COLUMN_ROADS[plot.cell[0]]}"
    return _VILLAGE_NAMES.get(plot.village, "沙河沿岸" if plot.sort in {"bank", "river"} else "镇村农田")


def _tenure(parcel: Parcel) -> str:
    farmed = parcel.plot.sort in {"hamlet", "field"}
    return "collective" if farmed or parcel.stage in {"proposed", "submitted", "approved"} else "state"


def _supply(parcel: Parcel, at: int, rng: random.Random) -> dict[str, Any]:
    """The fields that only land under management has; empty for fields, villages and water."""
    if parcel.stage is None:
        return {}
    clear = parcel.stage in {"clear", "listed", "sold", "not_started", "building", "completed"}
    readiness = {
        "reserved": "raw",
        "preparing": "three_services",
        "clear": "five_services",
        "listed": "seven_services",
        "sold": "seven_services",
        "not_started": "seven_services",
        "building": "seven_services",
    }.get(parcel.stage)
    low, high = _PLOT_RATIOS.get(parcel.plot.use[:2], (None, None))
    values: dict[str, Any] = {"rights_clear": clear, "plot_ratio_min": low, "plot_ratio_max": high}
    if readiness:
        values["site_readiness"] = readiness
        values["plan_year"] = rng.choice([2025, 2026, 2026, 2027])
    if parcel.stage == "not_started":
        values["agreed_start"] = f"2025-{rng.randint(3, 11):02d}-{rng.randint(1, 28):02d}"
    if parcel.stage == "completed" and parcel.plot.sort == "town":
        values["cadastral_unit"] = f"{DIVISION_CODE}001{at % 40 + 1:03d}GB{at + 1:05d}W00000000"
    if parcel.stage in {"completed", "building", "not_started", "sold"} and parcel.plot.use in INDUSTRIAL:
        values["right_holder"] = f"示例企业 {at % 60 + 1:02d}"
    return values


def parcel_features() -> list[Feature]:
    """All parcels as features; areas on paper differ from the ellipsoid's by less than 0.3 %."""
    rng = random.Random("parcel papers")
    features = []
    for at, parcel in enumerate(parcels()):
        park = park_of_cell(parcel.plot.cell)
        claimed = round(parcel.m2 * (1.0 + rng.uniform(-0.003, 0.003)), 1)
        values: dict[str, Any] = {
            "land_scheme": SCHEME,
            "land_code": _land_now(parcel, rng),
            "planned_scheme": SCHEME,
            "planned_code": parcel.plot.use,
            "stage": parcel.stage,
            "tenure": _tenure(parcel),
            "address": address(parcel.plot),
            "area_claimed_m2": claimed,
            "area_claimed_mu": round(claimed / MU_M2, 2),
            "as_of": "2026-09-30",
            "visibility": "internal" if parcel.stage in {"proposed", "submitted"} else "public",
        }
        if at in plot_names():
            values["name_zh"], values["name_en"] = plot_names()[at]
        if park is not None:
            values["park_code"] = park.code
        values |= _supply(parcel, at, rng)
        kept = {name: value for name, value in values.items() if value not in {None, ""}}
        features.append(feature("parcels", parcel.code, parcel.lon_lat, **kept))
    return features
