"""Load a checked import in the caller's transaction: all of it, or nothing, or all but the faulty rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from gridgov.areas import Published
from gridgov.errors import ImportRejected
from gridgov.exchange.planning import Plan
from gridgov.exchange.progress import Progress, Silent
from gridgov.exchange.report import Counts, Report
from gridgov.models import AREAS
from gridgov.models.identifiers import new_identifier
from gridgov.records import change, load_many
from gridgov.serving.linking import Linker
from gridgov.store import Tx
from gridgov.store.queries.audit import record_audit
from gridgov.store.queries.imports import last_import, record_import

# Publishes boundaries as one edition set and links anew what they touch: gridgov.relink.publish_and_relink.
# It is handed in because relinking and files stand on one line.
Publish = Callable[[Tx, str, Sequence[Mapping[str, Any]]], tuple[Published, Any]]

_BATCH = 20_000


def run_import(
    tx: Tx,
    plan: Plan,
    linker: Linker,
    publish: Publish,
    *,
    skip_bad: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Write what a plan found sound; returns its report with what was done.

    skip_bad: leave faulty rows out instead of refusing the file; an error of the file as a whole refuses it
    all the same. dry_run: write nothing. The file of the last import into the kind, with the same options,
    changes nothing.
    Everything happens in `tx`, so a caller whose block raises has loaded nothing.
    Raises ImportRejected (its details hold the report), VersionMismatch or DuplicateCode when the records
    were changed after the plan was made.
    """
    report = plan.report
    if dry_run:
        return report.ended("dry_run")
    refuse_faulty(plan, skip_bad=skip_bad)
    if _was_the_last(tx, plan):
        rows, rejected = report.counts.rows, report.counts.rejected
        return report.ended("unchanged", Counts(rows, 0, 0, rows - rejected, rejected))
    watch = progress or Silent()
    watch.start(report.counts.created + report.counts.changed, "loading")
    if plan.kind is AREAS:
        _publish_areas(tx, plan, publish)
        watch.advance(report.counts.created + report.counts.changed)
    else:
        _create(tx, plan, linker, watch)
        _change(tx, plan, linker, watch)
    decision = report.decision
    record_import(
        tx,
        plan.kind,
        {
            "file_name": report.file_name,
            "file_hash": report.file_hash,
            "options_hash": plan.options_hash,
            "coordinate_system": decision.crs.key if decision else "",
            "created": report.counts.created,
            "changed": report.counts.changed,
            "unchanged": report.counts.unchanged,
            "skipped": report.counts.rejected,
        },
    )
    told = {name: getattr(report.counts, name) for name in ("created", "changed", "unchanged", "rejected")}
    record_audit(tx, "import:run", plan.kind.name, details={"file_hash": report.file_hash, **told})
    return report.ended("loaded")


def refuse_faulty(plan: Plan, *, skip_bad: bool) -> None:
    """Raises ImportRejected, whose details hold the report, for a plan with errors that may not be skipped."""
    if plan.report.severities["error"] and (plan.blocked or not skip_bad):
        raise _rejected(plan)


def _was_the_last(tx: Tx, plan: Plan) -> bool:
    last = last_import(tx, plan.kind)
    return (
        last is not None
        and last["file_hash"] == plan.report.file_hash
        and last["options_hash"] == plan.options_hash
    )


def _rejected(plan: Plan) -> ImportRejected:
    report = plan.report.ended("rejected")
    errors, rows = report.severities["error"], report.counts.rejected
    remedy = (
        "Mend the file or give the options that the report names."
        if plan.blocked
        else "Mend them, or leave these rows out with --skip-bad."
    )
    message = f"{report.file_name} has {errors:,} errors in {rows:,} rows; nothing was loaded. {remedy}"
    return ImportRejected(message, report=report.as_dict())


def _publish_areas(tx: Tx, plan: Plan, publish: Publish) -> None:
    """New and changed areas become one edition set; what the file does not say stays as it is stored."""
    boundaries = [row for _, row in plan.rows("create")]
    for position, row in plan.rows("change"):
        stored = tx.get(AREAS, plan.ids[position])
        kept = {
            field.name: stored[field.name]
            for field in AREAS.writable
            if field.name in stored and stored[field.name] is not None
        }
        boundaries.append({**kept, "geometry": stored.geometry, **row})
    if boundaries:
        publish(tx, plan.report.file_name, boundaries)


def _create(tx: Tx, plan: Plan, linker: Linker, watch: Progress) -> None:
    for batch in _batches(row for _, row in plan.rows("create")):
        for row in batch:
            row.setdefault("id", new_identifier(tx.now))
        watch.advance(load_many(tx, plan.kind, batch, linker))


def _change(tx: Tx, plan: Plan, linker: Linker, watch: Progress) -> None:
    for position, row in plan.rows("change"):
        identifier = row.pop("id")
        change(tx, plan.kind, identifier, plan.versions[position], row, linker)
        watch.advance()


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch
