"""Plants, their lettable units with specifications (unknown ones say why), and the twelve listings."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import shapely

from data.seed.generate.frame import geodesic_m2
from data.seed.generate.parcels import address, parcels
from data.seed.generate.places import PARKS, Park, park_of_cell
from data.seed.generate.records import Feature, feature, identifier
from data.seed.generate.structures import Hall, halls

PLANNED_USE_M2 = 120_000.0
LISTINGS = 12
_IDLE = frozenset({"vacant", "part_vacant", "planned"})
_RENTS = {"PK-01": 20.0, "PK-02": 12.5, "PK-03": 11.0, "PK-04": 14.0, "PK-05": 13.0, "PK-06": 17.0}
_LISTED_PER_PARK = {"PK-03": 5, "PK-04": 2, "PK-05": 2, "PK-01": 1, "PK-02": 1, "PK-06": 1}
# How often a unit's value is unknown, by field.
_UNIT_GAPS = {
    "clear_height_m": 0.03,
    "crane_rail_height_m": 0.12,
    "hook_height_m": 0.15,
    "floor_load_kn_m2": 0.12,
    "spare_kva": 0.16,
    "dual_feed": 0.10,
    "price_yuan_m2_month": 0.12,
}
_VACANCY_REASONS = ("原租户合同到期", "产线搬迁后腾退", "企业停产腾退", "新建后未招租")
_REASONS = ("not_asked", "refused", "not_measured")


@dataclass(slots=True)
class Unit:
    """One lettable unit of a plant, with its record's values."""

    code: str
    values: dict[str, Any]


@dataclass(slots=True)
class Plant:
    """One plant: the hall it is, its park (None outside parks), its record's values and units."""

    hall: Hall
    code: str
    park: Park | None
    name_zh: str
    name_en: str
    values: dict[str, Any]
    units: list[Unit] = field(default_factory=list)


def _day(rng: random.Random, first: date, days: int) -> str:
    return (first + timedelta(days=rng.randrange(days))).isoformat()


def _forget(values: dict[str, Any], chances: dict[str, float], rng: random.Random) -> None:
    """Some values are unknown: they become null, and `unknown` says why."""
    reasons = {}
    for name, chance in chances.items():
        if values.get(name) is not None and rng.random() < chance:
            values[name] = None
            reasons[name] = rng.choice(_REASONS)
    values["unknown"] = reasons


def _vacancies(count: int, park_codes: list[str]) -> list[str]:
    """A state of use per plant; most idle ones stand in the Huangtai park, which brings them back to use."""
    rng = random.Random("vacancies")
    states = []
    for at in range(count):
        weights = [9, 7, 22, 24, 36, 2] if park_codes[at] == "PK-03" else [5, 5, 4, 30, 54, 2]
        states.append(
            rng.choices(["vacant", "part_vacant", "planned", "let", "own_use", "unknown"], weights)[0]
        )
    return states


def _plant_values(hall: Hall, vacancy: str, rng: random.Random) -> dict[str, Any]:
    parcel = parcels()[hall.plot]
    floor_area = round(geodesic_m2(hall.lon_lat) * hall.storeys, 0)
    share = {"vacant": 1.0, "planned": 1.0, "part_vacant": rng.choice([0.25, 0.4, 0.5])}.get(vacancy, 0.0)
    year = rng.randint(2004, 2024)
    values: dict[str, Any] = {
        "parcel_id": identifier("parcels", parcel.code),
        "address": address(parcel.plot),
        "structure": hall.structure,
        "built_year": year,
        "storeys": hall.storeys,
        "floor_area_m2": floor_area,
        "idle_area_m2": None if vacancy == "unknown" else round(floor_area * share, 0),
        "planned_use_m2": 0.0,
        "vacancy": vacancy,
        "transformer_kva": float(rng.choice([315, 400, 630, 800, 1000, 1250, 1600, 2000])),
        "fire_class": rng.choice(["c", "c", "d", "d", "e"])
        if parcel.plot.use != "100103"
        else rng.choice(["a", "b", "c"]),
        "fire_accepted": year >= 2009 or rng.random() < 0.7,
        "verified_on": _day(rng, date(2026, 3, 2), 250),
        "visibility": "public",
    }
    _forget(
        values, {"built_year": 0.06, "transformer_kva": 0.10, "fire_class": 0.05, "fire_accepted": 0.06}, rng
    )
    if vacancy == "unknown":
        values["unknown"]["idle_area_m2"] = "refused"
        values["verified_on"] = None
    return values


def _headroom(hall: Hall, floor: int, rng: random.Random) -> dict[str, Any]:
    """Clear height, and for halls high enough mostly a crane with its rail and hook heights, metres."""
    single = hall.storeys == 1
    upper = rng.choice([3.9, 4.2, 4.5, 5.4]) + (0.6 if floor == 1 else 0.0)
    clear = rng.choice([7.5, 8.0, 9.0, 9.2, 10.0, 12.0]) if single else upper
    span = {60.0: 30.0, 48.0: 24.0, 36.0: 18.0}.get(hall.depth, hall.depth)
    values: dict[str, Any] = {
        "clear_height_m": round(clear, 1),
        "crane_rail_height_m": None,
        "hook_height_m": None,
        "span_m": span if single else 8.4,
        "cranes": [],
    }
    if single and clear >= 8.0 and rng.random() < 0.7:
        tonnes = rng.choice([5, 10, 10, 16, 20]) if clear >= 9.0 else rng.choice([3, 5])
        values["crane_rail_height_m"] = round(clear - 1.6, 1)
        values["hook_height_m"] = round(clear - 2.4, 1)
        values["cranes"] = [{"tonnes": tonnes, "span_m": span - 1.5, "count": rng.choice([1, 1, 2])}]
    return values


def _unit_values(plant: Plant, floor: int, share: float, vacancy: str, rng: random.Random) -> dict[str, Any]:
    hall = plant.hall
    lettable = round(geodesic_m2(hall.lon_lat) * share * 0.95, 0)
    rent = _RENTS.get(plant.park.code if plant.park else "", 10.0)
    ground_load, upper_load = rng.choice([20.0, 30.0, 30.0, 50.0]), rng.choice([5.0, 7.5, 7.5, 10.0])
    values: dict[str, Any] = {
        "plant_id": identifier("plants", plant.code),
        "floor": floor,
        "lettable_m2": lettable,
        "smallest_m2": round(lettable / rng.choice([1, 2, 2, 3, 4]), 0),
        **_headroom(hall, floor, rng),
        "floor_load_kn_m2": ground_load if floor == 1 else upper_load,
        "goods_lift_t": None if hall.storeys == 1 else rng.choice([2.0, 3.0, 3.0, 5.0]),
        "spare_kva": float(rng.choice([80, 100, 160, 200, 250, 315, 400, 500, 800])),
        "dual_feed": rng.random() < 0.25,
        "vacancy": vacancy,
        "price_yuan_m2_month": round(rent * rng.uniform(0.85, 1.2) * 2, 0) / 2,
        "verified_on": plant.values["verified_on"],
        "visibility": "public",
    }
    _forget(values, _UNIT_GAPS, rng)
    if vacancy in _IDLE:
        values["vacant_since"] = _day(rng, date(2024, 2, 1), 860)
        values["vacancy_reason"] = rng.choice(_VACANCY_REASONS)
        values["last_user"] = f"示例企业 {rng.randint(1, 60):02d}"
    return values


def _add_units(plant: Plant, rng: random.Random) -> None:
    hall = plant.hall
    single = hall.storeys == 1
    pieces = max(1, min(3, round(hall.length / 54.0))) if single else hall.storeys
    names = (
        {1: ("整栋",), 2: ("东段", "西段"), 3: ("东段", "中段", "西段")}
        if not hall.upright
        else {1: ("整栋",), 2: ("南段", "北段"), 3: ("南段", "中段", "北段")}
    )
    state = plant.values["vacancy"]
    for at in range(pieces):
        inner = state if state != "part_vacant" else "vacant" if at == 0 else "let"
        if state == "part_vacant" and pieces == 1:
            inner = "part_vacant"
        floor, share = (1, 1.0 / pieces) if single else (at + 1, 1.0)
        name = f"{plant.name_zh} {names[pieces][at] if single else f'{at + 1} 层'}"
        values = {"name_zh": name, **_unit_values(plant, floor, share, inner, rng)}
        plant.units.append(Unit(f"{plant.code}-{at + 1:02d}", values))


def _plan_reuse(found: list[Plant]) -> None:
    """Spread exactly 120,000 m² of planned reuse over plants in that state; the others are just vacant."""
    left = PLANNED_USE_M2
    for plant in sorted(found, key=lambda each: (each.park is None or each.park.code != "PK-03", each.code)):
        if plant.values["vacancy"] != "planned":
            continue
        if left <= 0.0:
            plant.values["vacancy"] = "vacant"
            continue
        plant.values["planned_use_m2"] = min(left, plant.values["idle_area_m2"])
        left -= plant.values["planned_use_m2"]
    if left > 0.0:
        raise ValueError(f"{left} m² of planned reuse found no plant")


@cache
def plants() -> tuple[Plant, ...]:
    """Every plant with its units; codes CF-001 on, names numbered within each park."""
    places = [park_of_cell(parcels()[hall.plot].plot.cell) for hall in halls()]
    states = _vacancies(len(places), [park.code if park else "" for park in places])
    numbers: Counter[str] = Counter()
    found = []
    for at, (hall, park, vacancy) in enumerate(zip(halls(), places, states, strict=True)):
        prefix_zh, prefix_en = (park.prefix_zh, park.prefix_en) if park else ("标准", "Standard")
        numbers[prefix_zh] += 1
        number = numbers[prefix_zh]
        values = _plant_values(hall, vacancy, random.Random(f"plant {at}"))
        name_zh = f"{prefix_zh} {number} 号厂房"
        found.append(Plant(hall, f"CF-{at + 1:03d}", park, name_zh, f"{prefix_en} plant {number}", values))
    _plan_reuse(found)
    for plant in found:
        _add_units(plant, random.Random(f"units {plant.code}"))
    return tuple(found)


def plant_features() -> list[Feature]:
    """All plants as features."""
    features = []
    for plant in plants():
        park = {"park_code": plant.park.code} if plant.park else {}
        names = {"name_zh": plant.name_zh, "name_en": plant.name_en}
        features.append(feature("plants", plant.code, plant.hall.lon_lat, **names, **park, **plant.values))
    return features


def unit_features() -> list[Feature]:
    """All units; they have no geometry of their own."""
    return [feature("units", unit.code, None, **unit.values) for plant in plants() for unit in plant.units]


def _offers() -> list[tuple[Plant, Unit]]:
    """The largest idle unit of twelve plants, spread over the parks."""
    found = []
    for park in PARKS:
        idle = [
            (plant, unit)
            for plant in plants()
            if plant.park is park
            for unit in plant.units[:1]
            if unit.values["vacancy"] in {"vacant", "planned"}
        ]
        idle.sort(key=lambda pair: (-pair[1].values["lettable_m2"], pair[1].code))
        found += idle[: _LISTED_PER_PARK[park.code]]
    if len(found) != LISTINGS:
        raise ValueError(f"{len(found)} plants to list, wanted {LISTINGS}")
    return found


def listing_features() -> list[Feature]:
    """The twelve published offers, each a point inside its plant."""
    features = []
    rng = random.Random("listings")
    for number, (plant, unit) in enumerate(_offers(), start=1):
        published = datetime(2026, 5, 18, 1, 30, tzinfo=UTC) + timedelta(
            days=rng.randrange(175), minutes=rng.randrange(400)
        )
        expires = datetime(2027, 3, 31, 16, 0, tzinfo=UTC) + timedelta(
            days=rng.choice([0, 30, 61, 91, 183, 244])
        )
        rent = unit.values["price_yuan_m2_month"]
        point = shapely.transform(plant.hall.lon_lat.centroid, lambda points: points.round(9))
        offer = rng.choice(["let", "let", "let", "joint"])
        features.append(
            feature(
                "listings",
                f"ZS-2026-{number:03d}",
                point,
                title=f"{unit.values['name_zh']} {unit.values['lettable_m2']:.0f} m² 招租",
                asset_kind="units",
                asset_id=identifier("units", unit.code),
                offer=offer,
                area_m2=unit.values["lettable_m2"],
                price=rent,
                price_unit=None if rent is None else "元/m²·月",
                negotiable=True,
                available_from=_day(rng, date(2026, 12, 1), 90),
                target_industries=list(plant.park.industries) if plant.park else [],
                policy="演示政策：签约三年以上，首年免租两个月；设备搬迁由园区代办。",
                mandate={
                    "owner": unit.values["last_user"],
                    "may_sign": "示例平台公司",
                    "sublet_consent": True,
                },
                verified_on=(published - timedelta(days=rng.randint(2, 12))).date().isoformat(),
                published_at=published.strftime("%Y-%m-%dT%H:%M:%SZ"),
                expires_at=expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
        )
    return features
