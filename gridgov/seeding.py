"""Load the demonstration zone of data/seed into a store: marked as synthetic, once, in one transaction."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import shapely

from gridgov.access import Scope
from gridgov.models import AREAS, KINDS, RecordKind
from gridgov.models.checking import checked_values
from gridgov.records import load_many
from gridgov.relink import publish_and_relink
from gridgov.serving.linking import Linker
from gridgov.settings import data_folder
from gridgov.store import Query, Store, Tx
from gridgov.store.queries.zones import Zone, make_zone

TITLE = "演示数据首次入库"


def seed_folder() -> Path:
    """Where the demonstration zone's files are."""
    return data_folder() / "seed"


def seed_zone() -> Zone:
    """The demonstration zone itself."""
    told = read_json("zone.json")
    return Zone(told["key"], told["name_zh"], told["name_en"], told["division_code"], opened_issues=False)


def read_json(name: str) -> Any:
    """One file of the demonstration zone."""
    return json.loads((seed_folder() / name).read_text(encoding="utf-8"))


def seed(store: Store, now: dt.datetime, step: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """Make the demonstration zone; kind → records made, all 0 when the zone is there already.

    step is called with each kind's name before its records are loaded, for a progress bar.
    """
    zone = seed_zone()
    with store.begin(Scope.system(zone.zone), now, write=True) as tx:
        make_zone(tx, zone)
        if tx.count(AREAS, Query(limit=1)):
            return dict.fromkeys(KINDS, 0)
        tx.reserve(*KINDS.values())
        counts: dict[str, int] = {}
        linker = Linker.build(zone.zone, 0, ())
        for kind in KINDS.values():
            step(kind.name)
            rows = [_row(kind, feature) for feature in _features(kind)]
            if kind is AREAS:
                published, _ = publish_and_relink(tx, TITLE, rows)
                linker, counts[kind.name] = published.linker or linker, published.created
            else:
                counts[kind.name] = _load(tx, kind, rows, linker)
        return counts


def _features(kind: RecordKind) -> list[Mapping[str, Any]]:
    name = f"{kind.name}.geojson" if kind.geometry is not None else f"{kind.name}.json"
    features: list[Mapping[str, Any]] = read_json(name)["features"]
    return features


def _row(kind: RecordKind, feature: Mapping[str, Any]) -> dict[str, Any]:
    row = dict(feature["properties"])
    if kind.geometry is not None:
        row["geometry"] = shapely.from_geojson(json.dumps(feature["geometry"]))
    return row


def _load(tx: Tx, kind: RecordKind, rows: list[dict[str, Any]], linker: Linker) -> int:
    ready = []
    for row in rows:
        checked = checked_values(kind, row, system=True)
        if "reported_at" in checked:
            checked["created_at"] = checked["valid_from"] = checked["reported_at"]
        ready.append(checked)
    return load_many(tx, kind, ready, linker)
