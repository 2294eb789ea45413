"""What an import found and did: counts, coordinate system, mapping and problems; as JSON and as GeoJSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from gridgov.exchange.coordinates import CrsDecision
from gridgov.exchange.mapping import ColumnMatch
from gridgov.exchange.problems import Problem
from gridgov.geo.words import Words

Outcome = Literal["planned", "dry_run", "loaded", "rejected", "unchanged"]

_OUTCOMES = {
    "planned": Words("已检查，未写入", "checked, nothing written"),
    "dry_run": Words("试运行，未写入", "dry run, nothing written"),
    "loaded": Words("已导入", "loaded"),
    "rejected": Words("有错误，未写入", "errors, nothing written"),
    "unchanged": Words("与上次导入相同，未写入", "the same as before, nothing written"),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of the file by what happens to them; rows = created + changed + unchanged + rejected."""

    rows: int
    created: int
    changed: int
    unchanged: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a plan or a run.

    counts: what the run did, or would do. severities: how many problems of each there are, in all;
    by_kind: the same by kind of problem. problems: at most 1,000 of each kind. decision: None for a kind
    without places or a table without any.
    """

    kind: str
    file_name: str
    file_hash: str
    format: str
    layer: str
    encoding: str
    encoding_evidence: Words
    outcome: Outcome
    counts: Counts
    decision: CrsDecision | None
    mapping: Sequence[ColumnMatch]
    severities: dict[str, int]
    by_kind: dict[str, int]
    problems: Sequence[Problem]

    @property
    def outcome_words(self) -> Words:
        """The outcome for people."""
        return _OUTCOMES[self.outcome]

    def ended(self, outcome: Outcome, counts: Counts | None = None) -> Report:
        """The same report with another outcome and, when given, what really happened."""
        return replace(self, outcome=outcome, counts=counts or self.counts)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "kind": self.kind,
            "file": self.file_name,
            "file_hash": self.file_hash,
            "format": self.format,
            "layer": self.layer,
            "encoding": {
                "name": self.encoding, "zh": self.encoding_evidence.zh, "en": self.encoding_evidence.en,
            },
            "outcome": self.outcome,
            "outcome_zh": self.outcome_words.zh,
            "outcome_en": self.outcome_words.en,
            "counts": asdict(self.counts),
            "coordinate_system": None if self.decision is None else self.decision.as_dict(),
            "mapping": [match.as_dict() for match in self.mapping],
            "severities": self.severities,
            "problem_counts": self.by_kind,
            "problems": [problem.as_dict() for problem in self.problems],
        }  # fmt: skip

    def faulty_places(self) -> dict[str, Any]:
        """The problems that have a place, as a GeoJSON FeatureCollection of points (RFC 7946)."""
        return {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [problem.lon, problem.lat]},
                    "properties": {
                        name: value for name, value in problem.as_dict().items() if name not in {"lon", "lat"}
                    },
                }
                for problem in self.problems
                if problem.lon is not None and problem.lat is not None
            ],
        }
