"""One area at a time: every change is a publication, a repeat is none, and nothing below an area is left hanging."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from gridgov.access import Scope
from gridgov.boundaries import change_area, create_area, end_area
from gridgov.errors import (
    AlreadyEnded,
    Conflict,
    ContentDiffers,
    DuplicateCode,
    UnknownField,
    VersionMismatch,
)
from gridgov.store import Store
from gridgov.store.queries.editions import current_set
from tests.factories import square


def park(**more: Any) -> dict[str, Any]:
    return {"code": "PK-01", "kind": "park", "name_zh": "测试园区", "geometry": square(size=10), **more}


def test_a_new_area_is_a_publication_and_a_repeat_is_none(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    values = park(id=str(uuid.UUID(int=7)))
    with store.begin(system, now, write=True) as tx:
        assert create_area(tx, values).created
        number = current_set(tx)
        again = create_area(tx, values)
        assert (again.created, again.record["code"], current_set(tx)) == (False, "PK-01", number)
        with pytest.raises(ContentDiffers):
            create_area(tx, {**values, "name_zh": "另一园区"})
        with pytest.raises(DuplicateCode, match="PK-01"):
            create_area(tx, park())


def test_only_what_belongs_to_the_boundary_is_published(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        made = create_area(tx, park()).record
        number = current_set(tx)
    later = now + dt.timedelta(days=1)
    with store.begin(system, later, write=True) as tx:
        named = change_area(tx, made.id, made["version"], {"name_zh": "新名"})
        assert (named["name_zh"], current_set(tx)) == ("新名", number)
        drawn = change_area(tx, made.id, named["version"], {"geometry": square(size=5)})
        assert drawn.geometry.equals(square(size=5))
        assert current_set(tx) != number
        with pytest.raises(VersionMismatch):
            change_area(tx, made.id, made["version"], {"name_zh": "旧版"})
        with pytest.raises(UnknownField, match="never changes"):
            change_area(tx, made.id, drawn["version"], {"code": "PK-02"})


def test_an_area_ends_once_and_not_above_others(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        above = create_area(tx, park()).record
        below = create_area(
            tx, {**park(), "code": "WG-1", "kind": "grid", "parent_id": above.id, "geometry": square(size=2)}
        ).record
    with store.begin(system, now + dt.timedelta(days=1), write=True) as tx:
        with pytest.raises(Conflict):
            end_area(tx, above.id, above["version"])
        ended = end_area(tx, below.id, below["version"])
        assert ended["valid_to"] == tx.now
        with pytest.raises(AlreadyEnded):
            end_area(tx, below.id, ended["version"])
