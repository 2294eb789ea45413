"""Writes the demonstration zone: `python -m data.seed.generate [FOLDER]`, from the repository's root."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import shapely

from data.seed.generate import places
from data.seed.generate.boundaries import area_features
from data.seed.generate.dwellings import building_features, households
from data.seed.generate.facilities import facility_features
from data.seed.generate.issues import issue_features
from data.seed.generate.parcels import parcel_features
from data.seed.generate.people import accounts, department_features
from data.seed.generate.plants import listing_features, plant_features, unit_features
from data.seed.generate.records import Feature, write_collection, write_object
from data.seed.generate.structures import estate_lon_lat

SEED_FOLDER = Path(__file__).resolve().parent.parent


def _zone(areas: list[Feature]) -> dict[str, Any]:
    boundary = next(each["geometry"] for each in areas if each["properties"]["kind"] == "zone")
    low_lon, low_lat, high_lon, high_lat = shapely.geometry.shape(boundary).bounds
    return {
        "key": places.ZONE_KEY,
        "code": places.ZONE_CODE,
        "name_zh": places.ZONE_ZH,
        "name_en": places.ZONE_EN,
        "division_code": places.DIVISION_CODE,
        "bbox": [low_lon, low_lat, high_lon, high_lat],
        "synthetic": True,
        "boundary": boundary,
    }


def write(folder: Path) -> dict[str, int]:
    """Write every seed file into a folder that exists; gives the number of records per kind."""
    areas = area_features(estate_lon_lat(), households())
    collections = {
        "areas": areas,
        "buildings": building_features(),
        "parcels": parcel_features(),
        "plants": plant_features(),
        "listings": listing_features(),
        "facilities": facility_features(),
        "issues": issue_features(),
    }
    tables = {"departments": department_features(), "units": unit_features()}
    for name, features in collections.items():
        write_collection(folder / f"{name}.geojson", features)
    for name, features in tables.items():
        write_collection(folder / f"{name}.json", features)
    write_object(folder / "accounts.json", accounts())
    write_object(folder / "zone.json", _zone(areas))
    return {name: len(features) for name, features in {**tables, **collections}.items()}


if __name__ == "__main__":
    for kind, count in write(Path(sys.argv[1]) if len(sys.argv) > 1 else SEED_FOLDER).items():
        print(f"{kind:12} {count:6}")
