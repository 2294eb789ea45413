"""What `gridgov worker`, `gridgov jobs` and `gridgov import --background` do; api/cli.py has their names."""

from __future__ import annotations

import datetime as dt
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import typer
from rich.table import Table
from rich.text import Text

from api import journal
from api.commands import check_folder, opened, pick_zone
from api.console import err, out, print_json, say
from api.exchanging import Bar, print_report, progress_bar
from api.jobs import shown
from gridgov.access import Scope
from gridgov.blobs import BlobStore, open_blobs
from gridgov.errors import InvalidValue
from gridgov.exchange.reading import check_path
from gridgov.jobs import Means, Runner
from gridgov.models.identifiers import new_identifier
from gridgov.settings import Settings, read_settings, require_secret
from gridgov.store import Store
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import Job, State
from gridgov.tasks import imports, make_runner

Clock = Callable[[], dt.datetime]

_LOOK_S: Final = 0.5
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def run_worker(clock: Clock, once: bool, threads: int | None) -> None:
    """Run due jobs until told to stop, at once as many as `threads`, else the settings, say; see `gridgov worker`."""
    settings = read_settings()
    require_secret(settings)  # a worker is a part of the service, and set up like it
    journal.configure(settings)
    with opened(settings) as store:
        store.check()
        store.watching.slow_ms = settings.slow_query_ms
        runner = make_runner(Means(store, open_blobs(settings, settings.database_url), settings, clock))
        with _told_to_stop(runner, settings) as told:
            if once:
                _run_due(runner, told)
                return
            number = threads or max(1, settings.job_threads)
            runner.start(number)
            say(f"gridgov works on jobs of {store.url} in {number} thread(s); stop it with Ctrl-C.")
            while not told.wait(_LOOK_S):  # a signal that another thread of ours got wakes no endless wait
                pass
            runner.stop(settings.stop_seconds)


def _run_due(runner: Runner, told: threading.Event) -> None:
    runner.enqueue_recurrent()
    done = 0
    while not told.is_set() and runner.run_due_once():
        done += 1
    say(f"{done} job(s) were due.")


@contextmanager
def _told_to_stop(runner: Runner, settings: Settings) -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set; the job that runs then is handed back."""
    told = threading.Event()

    def stop(*_: Any) -> None:
        runner.ask_to_stop(settings.stop_seconds)
        told.set()

    former = {each: signal.signal(each, stop) for each in _SIGNALS}
    try:
        yield told
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


def run_jobs_list(clock: Clock, state: str, service: bool, limit: int, zone: str, as_json: bool) -> None:
    """List jobs, newest first; see `gridgov jobs list`."""
    if state and state not in set(State):
        raise typer.BadParameter(f"use one of {', '.join(State)}", param_hint="--state")
    with _in_zone(clock, zone, service=service) as (store, scope), store.begin(scope, clock()) as tx:
        found = jobs.list_jobs(tx, [State(state)] if state else [], limit=limit)
    if as_json:
        print_json([{**shown(job), "result": None} for job in found])
        return
    table = Table("id", "kind", "state", "done", "made", "about", "error", box=None)
    for job in found:
        made = job.created_at.isoformat(timespec="seconds")
        about = str(job.payload.get("file", ""))
        row = (job.id, job.kind, job.state.value, f"{job.progress:.0%}", made, about, job.error or "")
        table.add_row(*map(Text, row))
    out.print(table)


def run_jobs_show(clock: Clock, identifier: str, service: bool, zone: str, as_json: bool) -> None:
    """Show one job with its result; see `gridgov jobs show`."""
    with _in_zone(clock, zone, service=service) as (store, scope), store.begin(scope, clock()) as tx:
        job = jobs.read_job(tx, identifier)
    _print_job(job, as_json=as_json)


def run_jobs_cancel(clock: Clock, identifier: str, service: bool, zone: str) -> None:
    """Cancel a job; see `gridgov jobs cancel`."""
    with (
        _in_zone(clock, zone, service=service) as (store, scope),
        store.begin(scope, clock(), write=True) as tx,
    ):
        job = imports.cancel(tx, identifier)
    settings = read_settings()
    imports.let_go(open_blobs(settings, settings.database_url), job)
    cancelled = job.over
    say(f"Cancelled {job.id}." if cancelled else f"Asked {job.id} to stop; it does at its next step.")


@contextmanager
def _in_zone(clock: Clock, zone: str, *, service: bool) -> Iterator[tuple[Store, Scope]]:
    settings = read_settings()
    with opened(settings) as store:
        yield store, Scope.system("" if service else pick_zone(store, zone, settings, clock()))


def run_import_later(
    clock: Clock,
    file: Path,
    layer: str,
    crs: str,
    axes: str,
    columns: Sequence[str],
    scheme: str,
    source_layer: str,
    skip_bad: bool,
    dry_run: bool,
    places: Path | None,
    zone: str,
    as_json: bool,
) -> None:
    """Hand a file to a worker and follow what it does; see `gridgov import --background`."""
    settings = read_settings()
    check_folder(places)
    _check_file(file, settings)
    wanted = imports.Wanted(
        file.name, layer, crs, axes, tuple(columns), scheme, source_layer, skip_bad=skip_bad
    )
    wanted.target()
    with opened(settings) as store:
        scope = Scope.system(pick_zone(store, zone, settings, clock()))
        blobs = open_blobs(settings, settings.database_url)
        job = _hand_over(store, blobs, scope, clock, file, imports.CHECK if dry_run else imports.LOAD, wanted)
        err.print(f"job {job.id}", highlight=False)
        try:
            with progress_bar() as bar:
                job = _follow(store, scope, clock, job, bar)
        except KeyboardInterrupt:
            say(f"It goes on by itself; `gridgov jobs show {job.id}` tells how far it is.")
            return
    if places is not None and isinstance(job.result, dict) and "faulty_places" in job.result:
        places.write_text(json.dumps(job.result["faulty_places"], ensure_ascii=False), encoding="utf-8")
    _print_job(job, as_json=as_json)
    if job.state is not State.DONE or (dry_run and _errors(job)):
        raise typer.Exit(1)


def _check_file(file: Path, settings: Settings) -> None:
    check_path(file, settings)
    if file.is_dir() or file.suffix.lower() == ".shp":
        raise InvalidValue(
            f"{file.name} is one of several files that belong together; pack them into a zip to import them in the "
            "background."
        )


def _hand_over(
    store: Store,
    blobs: BlobStore,
    scope: Scope,
    clock: Clock,
    file: Path,
    kind: str,
    wanted: imports.Wanted,
) -> Job:
    identifier = new_identifier(clock())
    with file.open("rb") as content:
        blobs.put(imports.upload_key(identifier), content)
    with store.begin(scope, clock(), write=True) as tx:
        return imports.request(tx, kind, identifier, wanted)


def _follow(store: Store, scope: Scope, clock: Clock, job: Job, bar: Bar) -> Job:
    """Show a job's progress until it is over."""
    label, shown_share = "", 0
    while not job.over:
        now = job.step or ("waiting for a worker" if job.state is State.WAITING else "beginning")
        if now != label:
            label, shown_share = now, 0
            bar.start(100, label)
        share = round(100 * job.progress)
        bar.advance(share - shown_share)
        shown_share = share
        time.sleep(_LOOK_S)
        with store.begin(scope, clock()) as tx:
            job = jobs.read_job(tx, job.id)
    return job


def _errors(job: Job) -> int:
    found = job.result if isinstance(job.result, dict) else {}
    return int(found.get("severities", {}).get("error", 0))


def _print_job(job: Job, *, as_json: bool) -> None:
    if as_json:
        print_json(shown(job))
        return
    where = f", {job.step} {job.progress:.0%}" if job.state is State.RUNNING and job.step else ""
    say(f"{job.kind} {job.id}: {job.state.value}{where}, tried {job.attempts} time(s)")
    if job.error:
        say(job.error)
    result = job.result if isinstance(job.result, dict) else {}
    report = result if "mapping" in result else result.get("details", {}).get("report")
    if report is not None:
        print_report(report, out)
    elif "message" in result:
        say(result["message"])
