"""Stores to draw from: the demonstration zone, read only, and a small zone with hostile words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gridgov import records
from gridgov.access import Role, Scope
from gridgov.models import LISTINGS, PARCELS, PLANTS, UNITS
from gridgov.relink import publish_and_relink
from gridgov.seeding import seed, seed_zone
from gridgov.serving.linking import Linkers
from gridgov.store import Store, Tx, open_store
from tests.factories import sample, square
from tests.fixtures_store import NOW, ZONE

EVIL = '{{ 7 * 7 }}{% raise %}<img src=x onerror="alert(1)"></script><script>alert(2)</script>'


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The demonstration zone in an embedded store; tests only read it."""
    folder: Path = tmp_path_factory.mktemp("demonstration")
    store = open_store(f"sqlite:///{folder / 'map.gpkg'}")
    store.migrate(NOW)
    seed(store, NOW)
    yield store
    store.close()


@pytest.fixture
def as_staff(demonstration: Store) -> Iterator[Tx]:
    """A reading transaction of a member of staff."""
    with demonstration.begin(Scope(seed_zone().zone, Role.STAFF), NOW) as tx:
        yield tx


@pytest.fixture
def as_public(demonstration: Store) -> Iterator[Tx]:
    """A reading transaction of anybody."""
    with demonstration.begin(Scope(seed_zone().zone, Role.PUBLIC), NOW) as tx:
        yield tx


@pytest.fixture
def hostile(store: Store) -> Store:
    """A zone whose every name tries to break out of the page, on both stores."""
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        areas: list[dict[str, Any]] = [
            {"code": "PK-01", "kind": "park", "name_zh": EVIL, "function": EVIL, "industries": [EVIL]},
            {"code": "HT-01", "kind": "community", "name_zh": EVIL},
        ]
        publish_and_relink(tx, "first", [{**area, "geometry": square(size=10)} for area in areas])
        linker = records.current_linker(tx, Linkers())
        park = {"park_code": "PK-01"}
        records.create(
            tx, PARCELS, sample(PARCELS, code="{{ 7 * 7 }}", right_holder=EVIL, name_zh=EVIL, **park), linker
        )
        plant = records.create(tx, PLANTS, sample(PLANTS, name_zh=EVIL, address=EVIL, **park), linker).record
        unit = records.create(tx, UNITS, sample(UNITS, plant_id=plant.id, vacancy_reason=EVIL), linker).record
        offered = {"asset_id": unit.id, "title": EVIL, "policy": EVIL, "area_m2": 2400.0, "published_at": NOW}
        records.create(tx, LISTINGS, sample(LISTINGS, **offered), linker)
    return store
