"""The zone of the soak: its accounts, and the places of what the clients write."""

from __future__ import annotations

import datetime as dt
from typing import Any

from api.passwords import add_account
from gridgov.access import Scope
from gridgov.store import open_store
from gridgov.store.queries.zones import Zone, make_zone

ZONE = "soak"
LOGIN, PASSWORD = "soaker", "a password of the soak only"
WEST, SOUTH = 113.30, 33.70
STEP = 0.001
COLUMNS, ROWS = 4, 3
TILE = 10 * STEP  # the side of an area
SHIFTS = 7  # publications move every area east by one of so many tenths of a thousandth of a degree


def prepare(url: str, now: dt.datetime) -> None:
    """Make the store's tables, the zone and the account that the clients sign in with."""
    store = open_store(url)
    try:
        store.migrate(now)
        with store.begin(Scope.system(ZONE), now, write=True) as tx:
            make_zone(tx, Zone(ZONE, "压力区", None, None, opened_issues=False))
            add_account(tx, LOGIN, PASSWORD, "admin", "soaker", (), None)
    finally:
        store.close()


def square(west: float, south: float, side: float) -> dict[str, Any]:
    """A square as GeoJSON."""
    west, south, east, north = (round(each, 9) for each in (west, south, west + side, south + side))
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def shift_of(number: int) -> float:
    """By how many degrees the areas of publication `number` lie further east."""
    return round((number % SHIFTS) * STEP / 10, 9)


def publication(number: int) -> dict[str, Any]:
    """Publication `number`: every area of the first redrawn, one new, and the last publication's new one ended."""
    shift = shift_of(number)
    boundaries = [
        {
            "code": f"PK-{column}-{row}",
            "kind": "park",
            "name_zh": f"园区{column}{row}",
            "geometry": square(WEST + column * TILE + shift, SOUTH + row * TILE, TILE),
        }
        for column in range(COLUMNS)
        for row in range(ROWS)
    ]
    boundaries.append(
        {
            "code": f"XQ-{number}",
            "kind": "park",
            "name_zh": f"新区{number}",
            "geometry": square(WEST + shift, SOUTH + ROWS * TILE, TILE),
        }
    )
    ended = [f"XQ-{number - 1}"] if number > 1 else []
    return {"title": title_of(number), "boundaries": boundaries, "ended": ended}


def title_of(number: int) -> str:
    """The title of publication `number`."""
    return f"soak {number}"
