"""Import one file from beginning to end: plan it against the store, then load it in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shapely

from gridgov.access import Scope
from gridgov.errors import NotFound
from gridgov.exchange.existing import read_existing, read_references
from gridgov.exchange.loading import refuse_faulty, run_import
from gridgov.exchange.planning import Options, Plan, plan_import
from gridgov.exchange.progress import Progress
from gridgov.exchange.report import Report
from gridgov.layers import LAYERS
from gridgov.models import AREAS, KINDS, RecordKind
from gridgov.records import current_linker
from gridgov.relink import publish_and_relink
from gridgov.serving.linking import Linker, Linkers
from gridgov.settings import Settings
from gridgov.store import Filter, Query, Store, Tx
from gridgov.store.queries.editions import replace_boundaries


def import_file(
    store: Store,
    scope: Scope,
    clock: Callable[[], dt.datetime],
    path: Path,
    kind: RecordKind,
    *,
    settings: Settings,
    linkers: Linkers,
    options: Options | None = None,
    skip_bad: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    also: Callable[[Tx, Report], None] | None = None,
) -> Report:
    """Check and load a file; the report says what was found and done. dry_run: nothing is written.

    The file is read and checked while others go on writing; the writing transaction is taken only for the load. If
    records it was checked against changed meanwhile, it is checked once more with the store held.
    clock: gives aware UTC. It is read again for the load: the check may have taken minutes, and what others published
    meanwhile must not come into force after what replaces it.
    also: what else belongs into the transaction of the load, as its last part; not called in a dry run.
    Raises what plan_import and run_import raise.
    """
    linker = Linker.build(scope.zone, 0, ())
    with store.begin(scope, clock()) as tx:
        seen = _revisions(tx, kind)
        plan = _plan(tx, path, kind, settings=settings, options=options, progress=progress)
        if dry_run:
            return run_import(tx, plan, linker, publish_and_relink, dry_run=True)
    refuse_faulty(plan, skip_bad=skip_bad)
    with store.begin(scope, clock(), write=True) as tx:
        if kind is AREAS:
            replace_boundaries(tx)
        linker = current_linker(tx, linkers)
        tx.reserve(kind)
        seen[kind.name] += 1  # our own
        if _revisions(tx, kind) != seen:
            plan = _plan(tx, path, kind, settings=settings, options=options, progress=progress)
        report = run_import(tx, plan, linker, publish_and_relink, skip_bad=skip_bad, progress=progress)
        if also is not None:
            also(tx, report)
        return report


def _plan(
    tx: Tx,
    path: Path,
    kind: RecordKind,
    *,
    settings: Settings,
    options: Options | None,
    progress: Progress | None,
) -> Plan:
    return plan_import(
        path,
        kind,
        settings=settings,
        now=tx.now,
        options=options,
        zone_boundary=zone_boundary(tx),
        existing=read_existing(tx, kind),
        references=read_references(tx, kind),
        progress=progress,
    )


def _revisions(tx: Tx, kind: RecordKind) -> dict[str, int]:
    """The revisions of everything a plan depends on: the kind, what it refers to, and the zone's boundary."""
    names = {kind.name, AREAS.name} | {field.refers_to for field in kind.fields if field.refers_to}
    return {name: tx.revision(KINDS[name]) for name in sorted(names)}


def zone_boundary(tx: Tx) -> Any:
    """The zone's polygon in lon-lat degrees, the union of its areas of kind zone; None when there is none yet."""
    found = tx.list(AREAS, Query(filters=(Filter("kind", "eq", "zone"),), limit=50)).records
    return shapely.union_all([area.geometry for area in found]) if found else None


def layer_target(name: str) -> tuple[RecordKind, dict[str, Any]]:
    """The record kind and the constants a layer's name stands for: "parcels", or "parks" for areas of kind park.

    Raises NotFound that lists the names.
    """
    if name in KINDS:
        return KINDS[name], {}
    layer = LAYERS.get(name)
    if layer is None:
        raise NotFound(
            f"There is no layer “{name}”; the layers are {', '.join({**KINDS, **LAYERS})}.", layer=name
        )
    return KINDS[layer.kind], dict([layer.where]) if layer.where else {}
