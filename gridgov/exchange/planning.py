"""Plan an import: read a file, decide its coordinate system, check everything; nothing is written."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast, get_args

import numpy as np
import shapely
from numpy.typing import NDArray

from gridgov.errors import InvalidValue
from gridgov.exchange.checking import check_values
from gridgov.exchange.coordinates import CrsDecision, decide_crs
from gridgov.exchange.existing import Existing
from gridgov.exchange.mapping import ColumnMatch, map_columns
from gridgov.exchange.places import check_places
from gridgov.exchange.problems import ProblemList
from gridgov.exchange.progress import Progress, Silent
from gridgov.exchange.reading import file_hash, read_source
from gridgov.exchange.relations import (
    check_claimed_areas,
    check_codes,
    check_land_codes,
    check_neighbours,
    resolve_references,
)
from gridgov.exchange.report import Counts, Report
from gridgov.exchange.source import SourceTable
from gridgov.geo.crs import CoordinateSystem, parse_crs
from gridgov.geo.transform import AxisOrder, Geometries
from gridgov.geo.words import Words
from gridgov.models import AREAS, RecordKind
from gridgov.models.identifiers import new_identifier
from gridgov.settings import Settings

Action = Literal["create", "change", "unchanged", "reject"]

_STAGES = 7
_NO_PLACES = Words("此类记录没有图形，文件中的图形未读取", "records of this kind have no geometry; left out")


@dataclass(frozen=True, slots=True)
class Options:
    """What a person decided about an import.

    coordinate_system wins over what the file says. axis_order: for files that have the northing or latitude
    first.
    columns: column → field, "" leaves a column out. constants: field → value for rows that have none of their
    own.
    scheme: of land-use codes without one. layer: of a file with several.
    """

    coordinate_system: CoordinateSystem | None = None
    axis_order: AxisOrder | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    scheme: str | None = None
    layer: str = ""

    @classmethod
    def from_words(
        cls,
        *,
        crs: str = "",
        axes: str = "",
        mapping: Iterable[str] = (),
        scheme: str = "",
        layer: str = "",
        constants: Mapping[str, Any] = MappingProxyType({}),
    ) -> Options:
        """Options from what a person typed. mapping: COLUMN=field; an empty field leaves the column out.

        Raises InvalidValue that shows how a word must look, UnknownCoordinateSystem, UnsupportedDatum.
        """
        columns: dict[str, str] = {}
        for pair in mapping:
            column, sign, target = pair.partition("=")
            if not sign or not column:
                raise InvalidValue(f"The mapping is {pair!r:.60}, but must be COLUMN=field.", field="map")
            columns[column] = target
        orders = get_args(AxisOrder)
        if axes and axes not in orders:
            raise InvalidValue(
                f"The axes are {axes!r:.40}, but must be one of {', '.join(orders)}.", field="axes"
            )
        system = parse_crs(crs[:200]) if crs else None
        order = cast("AxisOrder", axes) if axes else None
        return cls(system, order, columns, dict(constants), scheme or None, layer)

    def hash(self, kind: RecordKind) -> str:
        """SHA-256 of the options: the same file with other options is another import."""
        crs = None if self.coordinate_system is None else self.coordinate_system.key
        said = [
            kind.name, crs, self.axis_order, sorted(self.columns.items()), sorted(self.constants.items()),
            self.scheme, self.layer,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said, ensure_ascii=False, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked import, ready to load.

    values: field → list, one entry per row of the file. geometries: storable, lon-lat, None for rejected rows
    or kinds without. actions: what happens to each row. ids: the stored record's id, a new one, or "" to let
    the store make it. versions: of the stored record, 0 for a new one. blocked: the file as a whole has an
    error, so no row can be loaded.
    """

    kind: RecordKind
    report: Report
    options_hash: str
    values: Mapping[str, list[Any]]
    geometries: Geometries
    actions: NDArray[np.str_]
    ids: list[str]
    versions: list[int]
    blocked: bool

    def rows(self, action: Action) -> Iterator[tuple[int, dict[str, Any]]]:
        """Position and values of the rows with this action, `geometry` and `id` among the values.

        New rows may leave `id` to the store. They get the defaults of their kind; changed rows only what the
        file says: an empty cell erases nothing.
        """
        names = list(self.values)
        columns = [self.values[name] for name in names]
        defaults = {
            each.name: each.default for each in self.kind.fields if each.default is not None
        } if action == "create" else {}  # fmt: skip
        for position in np.flatnonzero(self.actions == action).tolist():
            row: dict[str, Any] = {name: copy.copy(value) for name, value in defaults.items()}
            row.update(
                (name, column[position])
                for name, column in zip(names, columns, strict=True)
                if column[position] is not None
            )
            if self.kind.geometry is not None and self.geometries[position] is not None:
                row["geometry"] = self.geometries[position]
            if self.ids[position]:
                row["id"] = self.ids[position]
            yield position, row


def plan_import(
    path: Path,
    kind: RecordKind,
    *,
    settings: Settings,
    now: dt.datetime,
    options: Options | None = None,
    zone_boundary: Any = None,
    existing: Existing | None = None,
    references: Mapping[str, Mapping[str, str]] | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Check a file against a kind of record.

    zone_boundary: the zone's polygon (lon-lat); None leaves places unchecked, as does a file of districts or
    zones. existing: the living records of the kind. now: aware UTC, in the ids of new records. references: kind
    name → code → id, of the kinds this one refers to. Nothing wrong with rows raises: it is in the plan's report.
    Raises CoordinateSystemNeeded, UnsupportedDatum, UnknownField (mapping), and what `reading.read_source` raises.
    """
    options, existing, watch = options or Options(), existing or Existing(), progress or Silent()
    watch.start(_STAGES, "checking")
    source = read_source(path, settings, options.layer)
    problems = ProblemList(source.rows)
    matches = map_columns(list(source.columns), kind, options.columns, cut_names=source.cut_names)
    watch.advance()
    values = check_values(source, kind, matches, options.constants, existing, problems)
    watch.advance()
    boundary = None if _lies_above_zone(kind, values) else zone_boundary
    decision, stored = _places(source, kind, options, boundary, settings, problems)
    watch.advance(2)
    own_ids = _identifiers(kind, values, existing, len(source), now)
    by_code = {
        code: own for code, own in zip(values.get("code", ()), own_ids, strict=False) if code is not None
    }
    check_codes(values, source.rows.tolist(), problems)
    resolve_references(kind, values, references or {}, by_code, problems)
    check_land_codes(values, options.scheme, problems)
    check_claimed_areas(values, stored, problems)
    watch.advance()
    check_neighbours(kind, values, stored, existing, problems)
    watch.advance()
    actions, versions = _actions(kind, values, stored, existing, problems)
    problems.fill_places(stored)
    watch.advance()
    report = _report(path, kind, source, matches, decision, actions, problems)
    return Plan(
        kind, report, options.hash(kind), values, stored, actions, own_ids, versions, problems.blocked
    )  # fmt: skip


def _lies_above_zone(kind: RecordKind, values: Mapping[str, list[Any]]) -> bool:
    """Whether a file holds the zone itself or districts around it, which need not lie within its boundary."""
    return kind is AREAS and set(values.get("kind", ())) <= {"zone", "district", None}


def _places(
    source: SourceTable,
    kind: RecordKind,
    options: Options,
    boundary: Any,
    settings: Settings,
    problems: ProblemList,
) -> tuple[CrsDecision | None, Geometries]:
    nowhere = np.full(len(source), None, dtype=object)
    if kind.geometry is None:
        if source.geometries is not None:
            problems.add("note", text=_NO_PLACES)
        return None, nowhere
    if source.geometries is None or shapely.is_missing(source.geometries).all():
        unreadable = {finding.row: finding.how for finding in source.findings}
        for position, how in unreadable.items():
            problems.add("unreadable_geometry", position, field="geometry", how=how)
        if kind.geometry_required:
            absent = [position for position in range(len(source)) if position not in unreadable]
            problems.add_rows("empty", absent, field="geometry")
        return None, nowhere
    decision = decide_crs(source, options.coordinate_system, options.axis_order, boundary, problems)
    return decision, check_places(source, decision, kind, boundary, settings, problems)


def _identifiers(
    kind: RecordKind, values: Mapping[str, list[Any]], existing: Existing, count: int, now: dt.datetime
) -> list[str]:
    """The id of each row: the stored record's with the same code, else a new one.

    New ids are made here only for kinds whose rows refer to each other; "" leaves it to the store.
    """
    codes = values.get("code") or [None] * count
    known = dict(zip(existing.codes, existing.columns.get("id", ()), strict=True))
    if any(field.refers_to == kind.name for field in kind.fields):
        return [known.get(code) or new_identifier(now) for code in codes]
    return [known.get(code, "") for code in codes]


def _actions(
    kind: RecordKind,
    values: Mapping[str, list[Any]],
    stored: Geometries,
    existing: Existing,
    problems: ProblemList,
) -> tuple[NDArray[np.str_], list[int]]:
    """What happens to each row, and the version of the stored record with its code."""
    count = len(stored)
    position_of = existing.positions()
    there = np.array(
        [position_of.get(code, -1) for code in values.get("code") or [None] * count], dtype=np.int64
    )
    same = there >= 0
    rows = np.flatnonzero(same)
    if len(rows):
        for name, column in values.items():
            before = existing.columns.get(name)
            if before is not None:
                for row in rows.tolist():
                    if column[row] is not None and column[row] != before[there[row]]:
                        same[row] = False
        if kind.geometry is not None:
            new, old = stored[rows], existing.geometries[there[rows]]
            differs = ~shapely.is_missing(new) & ~shapely.equals_exact(new, old, normalize=True)
            same[rows[differs]] = False
    actions = np.full(count, "create", dtype="<U9")
    actions[rows] = "change"
    actions[same] = "unchanged"
    actions[problems.bad | problems.blocked] = "reject"
    versions = existing.columns.get("version", ())
    return actions, [int(versions[index]) if index >= 0 else 0 for index in there.tolist()]


def _report(
    path: Path,
    kind: RecordKind,
    source: SourceTable,
    matches: tuple[ColumnMatch, ...],
    decision: CrsDecision | None,
    actions: NDArray[np.str_],
    problems: ProblemList,
) -> Report:
    counts = Counts(
        rows=len(source),
        created=int(np.sum(actions == "create")),
        changed=int(np.sum(actions == "change")),
        unchanged=int(np.sum(actions == "unchanged")),
        rejected=int(np.sum(actions == "reject")),
    )
    return Report(
        kind=kind.name,
        file_name=path.name,
        file_hash=file_hash(path),
        format=source.format,
        layer=source.layer,
        encoding=source.encoding,
        encoding_evidence=source.encoding_evidence,
        outcome="planned",
        counts=counts,
        decision=decision,
        mapping=matches,
        severities={
            "error": problems.count("error"),
            "warning": problems.count("warning"),
            "info": problems.count("info"),
        },
        by_kind=dict(problems.counts),
        problems=problems.ordered(),
    )
