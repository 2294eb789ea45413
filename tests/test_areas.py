"""Publishing boundaries: one edition set at one instant, and every open record near them linked anew."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import shapely

from gridgov import issues, records
from gridgov.access import Scope
from gridgov.errors import InvalidGeometry, InvalidValue, NotFound
from gridgov.models import AREAS, ISSUES, PARCELS
from gridgov.relink import publish_and_relink
from gridgov.serving.linking import Linkers
from gridgov.store import Query, Store
from gridgov.store.queries.editions import area_history, areas_at, current_set, list_sets
from gridgov.store.queries.events import events_of
from gridgov.store.queries.links import links_of
from tests.factories import point, sample, square

DAY = dt.timedelta(days=1)


def area(code: str, kind: str, geometry: Any, **more: Any) -> dict[str, Any]:
    """What a planner gives for one area."""
    return {"code": code, "kind": kind, "name_zh": code, "geometry": geometry, **more}


def street_with_two_communities(border: float = 5) -> list[dict[str, Any]]:
    """A street of 10 × 10 steps, cut into two communities at a column."""
    return [
        area("HT", "street", square(0, 0, 10)),
        area("HT-01", "community", _strip(0, border)),
        area("HT-02", "community", _strip(border, 10)),
    ]


def _strip(west: float, east: float) -> Any:
    left, right = square(west, 0, 10).bounds, square(east, 0, 10).bounds
    return shapely.box(left[0], left[1], right[0], left[3])


def published(
    store: Store, system: Scope, moment: dt.datetime, boundaries: list[dict[str, Any]], **more: Any
) -> Any:
    """Publish and return what came of it."""
    with store.begin(system, moment, write=True) as tx:
        return publish_and_relink(tx, "调整", boundaries, **more)


def test_a_first_publication_makes_areas_with_parents_found_by_place(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    done, _ = published(store, system, now, list(reversed(street_with_two_communities())))
    assert (done.number, done.created, done.redrawn) == (1, 3, 0)
    with store.begin(system, now) as tx:
        street = tx.find(AREAS, "HT")
        community = tx.find(AREAS, "HT-02")
    assert street is not None
    assert community is not None
    assert community["parent_id"] == street.id
    assert community["edition_set"] == 1
    assert community["area_geodesic_m2"] == pytest.approx(street["area_geodesic_m2"] / 2, rel=1e-6)


def test_publishing_the_same_boundaries_again_makes_no_edition(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    published(store, system, now, street_with_two_communities())
    again, relinked = published(store, system, now + DAY, street_with_two_communities())
    assert (again.number, again.unchanged, relinked.examined) == (0, 3, 0)
    with store.begin(system, now + DAY) as tx:
        assert current_set(tx) == 1


def test_history_answers_which_boundary_was_in_force(store: Store, system: Scope, now: dt.datetime) -> None:
    published(store, system, now, street_with_two_communities(5))
    published(store, system, now + DAY, street_with_two_communities(7))
    with store.begin(system, now + 2 * DAY) as tx:
        community = tx.find(AREAS, "HT-01")
        assert community is not None
        first, second = area_history(tx, community.id)
        before = {row["area_id"]: row["edition_set"] for row in areas_at(tx, now + DAY / 2)}
        after = {row["area_id"]: row["edition_set"] for row in areas_at(tx, now + DAY)}
        assert [each.number for each in list_sets(tx)] == [1, 2]
    assert (first["valid_from"], first["valid_to"], second["valid_to"]) == (now, now + DAY, None)
    assert second["geometry"].equals(community.geometry)
    assert (before[community.id], after[community.id]) == (1, 2)


def test_open_issues_move_with_the_boundary_and_closed_ones_keep_their_link(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    published(store, system, now, street_with_two_communities(5))
    linkers = Linkers()
    with store.begin(system, now, write=True) as tx:
        linker = records.current_linker(tx, linkers)
        still_open = issues.report(tx, {"category": "manhole", "geometry": point(6, 5)}, linker).record
        closed = issues.report(tx, {"category": "manhole", "geometry": point(6, 6)}, linker).record
        tx.change(ISSUES, closed.id, 1, {"closed_at": now, "status": "closed"})
        parcel = records.create(tx, PARCELS, sample("parcels", geometry=square(5.5, 5)), linker).record
    _, relinked = published(store, system, now + DAY, street_with_two_communities(7))
    with store.begin(system, now + DAY) as tx:
        links = {
            identifier: {link["level"]: link["area_code"] for link in rows if link["main"]}
            for identifier, rows in links_of(tx, ISSUES, [still_open.id, closed.id]).items()
        }
        assert links[still_open.id]["community"] == "HT-01"
        assert links[closed.id]["community"] == "HT-02"
        assert events_of(tx, ISSUES, still_open.id)[-1]["verb"] == "relinked"
        assert [record.id for record in tx.changed_since(ISSUES, 1)] == [still_open.id]
        (main,) = [
            link
            for link in links_of(tx, PARCELS, [parcel.id])[parcel.id]
            if link["level"] == "community" and link["main"]
        ]
        assert (main["area_code"], main["edition_set"]) == ("HT-01", 2)
        assert main["share"] == pytest.approx(1)
    assert relinked.moved == 2


def test_an_issue_outside_every_area_finds_one_that_grows_to_it(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    linkers = Linkers()
    published(store, system, now, [area("HT", "street", square(0, 0, 10))])
    with store.begin(system, now, write=True) as tx:
        linker = records.current_linker(tx, linkers)
        far = issues.report(tx, {"category": "manhole", "geometry": point(50, 5)}, linker).record
        assert links_of(tx, ISSUES, [far.id])[far.id][0]["rule"] == "outside"
    published(store, system, now + DAY, [area("HT", "street", square(0, 0, 60))])
    with store.begin(system, now + DAY) as tx:
        assert links_of(tx, ISSUES, [far.id])[far.id][0]["rule"] == "contains"


def test_an_area_that_ends_hands_its_issues_to_nobody_or_the_nearest(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    published(store, system, now, street_with_two_communities(5))
    with store.begin(system, now, write=True) as tx:
        linker = records.current_linker(tx, Linkers())
        issue = issues.report(tx, {"category": "manhole", "geometry": point(5.5, 5)}, linker).record
    done, _ = published(store, system, now + DAY, [], ended=["HT-02"])
    assert done.ended == 1
    with store.begin(system, now + DAY) as tx:
        rules = {
            link["level"]: (link["rule"], link["area_code"])
            for link in links_of(tx, ISSUES, [issue.id])[issue.id]
        }
        assert rules["community"] == ("nearest", "HT-01")
        assert tx.count(AREAS, Query()) == 2


def test_wrong_publications_change_nothing(store: Store, system: Scope, now: dt.datetime) -> None:
    published(store, system, now, street_with_two_communities())
    twice = [area("A", "park", square()), area("A", "park", square(5))]
    with pytest.raises(InvalidValue, match="given twice"):
        published(store, system, now, twice)
    with pytest.raises(NotFound, match="NO"):
        published(store, system, now, [], ended=["NO"])
    with pytest.raises(InvalidGeometry):
        published(store, system, now, [area("B", "park", point())])
    with store.begin(system, now) as tx:
        assert current_set(tx) == 1
        assert tx.count(AREAS, Query()) == 3
