"""Building records, and how many households live in each micro-grid."""

from __future__ import annotations

from typing import Any

import shapely

from data.seed.generate.boundaries import ESTATE_CODE, micro_grids
from data.seed.generate.land import plots
from data.seed.generate.naming import building_names
from data.seed.generate.parcels import address
from data.seed.generate.records import Feature, feature, identifier
from data.seed.generate.structures import buildings


def building_code(at: int) -> str:
    """The code of a building by its index in `buildings()`: estate numbers first, then LD-0105 and on."""
    return f"{ESTATE_CODE}-{at + 1:03d}" if buildings()[at].estate else f"LD-{at + 1:04d}"


def building_features() -> list[Feature]:
    """All buildings; homes have the names that people use, public buildings only a code."""
    features = []
    for at, (each, name) in enumerate(zip(buildings(), building_names(), strict=True)):
        values: dict[str, Any] = {} if name is None else {"name_zh": name[0], "name_en": name[1]}
        if each.estate:
            values["estate_id"] = identifier("areas", ESTATE_CODE)
        values |= {
            "address": address(plots()[each.plot]),
            "storeys": each.storeys,
            "entrances": each.entrances,
            "households": each.households,
        }
        features.append(feature("buildings", building_code(at), each.lon_lat, **values))
    return features


def households() -> dict[str, int]:
    """Micro-grid code → households of the buildings whose middle lies in it."""
    cells = micro_grids()
    tree = shapely.STRtree([cell.shape for cell in cells])
    counts = {cell.code: 0 for cell in cells}
    for each in buildings():
        hits = tree.query(shapely.Point(each.u, each.v), predicate="intersects")
        counts[cells[min(hits)].code] += each.households
    return counts
