"""A short soak on each store; `make soak` runs the long one. And the soak finds faults that were put in on purpose."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak import run
from tests.soak.run import Outcome, Soak, durable_database, kill_service, stop_database
from tests.soak.serving import Database
from tests.throwaway_postgres import fresh_database

KILLS = 8
SEED = "ci"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A cluster of its own that flushes what it commits: the run's shared one does not, and others work in it."""
    made = durable_database()
    yield made
    made.remove()


def told(outcome: Outcome) -> list[str]:
    """What the soak found, in words that a failing test shows."""
    return [f"{finding.rule}: {finding.words}" for finding in outcome.findings[:20]]


@pytest.mark.slow
def test_a_killed_service_loses_nothing_on_sqlite(tmp_path: Path) -> None:
    soak = Soak("sqlite", f"sqlite:///{tmp_path / 'map.gpkg'}", tmp_path, SEED)
    outcome = soak.run(KILLS, kill_service)
    assert told(outcome) == []
    assert outcome.kills == KILLS
    assert outcome.acknowledged > KILLS


@pytest.mark.slow
@pytest.mark.postgis
def test_a_killed_service_or_a_stopped_database_loses_nothing_on_postgis(
    tmp_path: Path, database: Database
) -> None:
    soak = Soak("postgis", fresh_database(database.cluster.url), tmp_path, SEED)
    stop = stop_database(database)

    def one_or_the_other(soak: Soak) -> float:
        return (stop if soak.outcome.kills % 3 == 1 else kill_service)(soak)

    outcome = soak.run(KILLS, one_or_the_other)
    assert told(outcome) == []
    assert outcome.kills == KILLS
    assert outcome.acknowledged > KILLS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "rules"),
    [
        ("early", {"lost", "revisions"}),
        ("halves", {"half edition"}),
        ("twice", {"answer", "doubled"}),
    ],
)
def test_the_soak_finds_a_service_that_is_wrong(tmp_path: Path, fault: str, rules: set[str]) -> None:
    program = (sys.executable, "-m", "tests.soak.wrong", fault)
    soak = Soak("wrong", f"sqlite:///{tmp_path / 'map.gpkg'}", tmp_path, SEED, program=program)
    outcome = soak.run(12, kill_service)
    assert {finding.rule for finding in outcome.findings} & rules, told(outcome)


@pytest.mark.slow
def test_the_soak_finds_a_service_that_never_writes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_PATIENCE_SECONDS", 5.0)
    program = (sys.executable, "-m", "tests.soak.wrong", "never")
    outcome = Soak("wrong", f"sqlite:///{tmp_path / 'map.gpkg'}", tmp_path, SEED, program=program).run(
        1, kill_service
    )
    assert outcome.kills == 1
    assert {finding.rule for finding in outcome.findings} == {"recovery"}, told(outcome)
    assert "nothing acknowledged" in outcome.findings[0].words


@pytest.mark.slow
def test_fewer_kills_than_wanted_are_a_finding(tmp_path: Path) -> None:
    soak = Soak("late", f"sqlite:///{tmp_path / 'map.gpkg'}", tmp_path, SEED)
    outcome = soak.run(2, kill_service, until=0.0)
    assert told(outcome) == ["kills: there were 0 kills of the 2 that were wanted"]
