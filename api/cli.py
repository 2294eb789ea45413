"""The command `gridgov`: serve, init, seed, import, export, check and user. The second place that reads the clock.

Only names and arguments stand here; `commands()` loads what a command needs when it is run, so that --help answers
at once and imports neither numba nor geopandas.
"""

from __future__ import annotations

import datetime as dt
import getpass
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from api.console import err
from gridgov.errors import GridgovError
from gridgov.models.vocabulary import ROLES

HELP = "gridgov: the one map a development zone shares: land, plants, grids, and the issues linked to them."

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
users = typer.Typer(help="Accounts: add, list, disable, and set a password.", no_args_is_help=True)
app.add_typer(users, name="user")
jobs = typer.Typer(help="Work outside requests: list, show, cancel.", no_args_is_help=True)
app.add_typer(jobs, name="jobs")
files = typer.Typer(help="Photos as files: sweep, own.", no_args_is_help=True)
app.add_typer(files, name="files")
programs = typer.Typer(help="Tokens of programs: add, list, revoke.", no_args_is_help=True)
app.add_typer(programs, name="token")

AsJson = Annotated[bool, typer.Option("--json", help="Print data as JSON instead of words.")]
InZone = Annotated[str, typer.Option("--zone", help="The zone meant; not needed when the store has one.")]
OfService = Annotated[bool, typer.Option("--service", help="The service's own recurrent work, of no zone.")]
TakeOver = Annotated[
    bool, typer.Option("--take-over-files", help="The photos there belonged to a store that is gone.")
]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read it from standard input.")]


def utc_now() -> dt.datetime:
    """The clock of the command line."""
    return dt.datetime.now(dt.UTC)


def commands(module: str = "api.commands") -> ModuleType:
    """What the commands do, loaded when one is run."""
    return importlib.import_module(module)


def main() -> None:
    """Run a command; a mistake of the user's ends with one clear line and exit code 1 (2 for wrong arguments)."""
    try:
        app()
    except GridgovError as error:
        err.print(f"gridgov: {error.message}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)


@app.command()
def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="Demonstration: make and fill an empty store.")
    ] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on (GRIDGOV_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (GRIDGOV_PORT).")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that answer requests (GRIDGOV_WORKERS).")
    ] = None,
) -> None:
    """Serve the map. Refuses a database of a newer gridgov; needs GRIDGOV_SECRET outside --demo."""
    commands("api.serving").run_serve(utc_now, demo, host, port, workers)


@app.command()
def init(
    zone: Annotated[str, typer.Option("--zone", help="Also make this zone, e.g. pds-gaoxin.")] = "",
    name: Annotated[str, typer.Option("--name", help="The zone's Chinese name.")] = "",
    name_en: Annotated[str, typer.Option("--name-en", help="The zone's English name.")] = "",
    division: Annotated[str, typer.Option("--division", help="The zone's division code.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make the store, or bring it up to date; safe to repeat."""
    commands("api.safekeeping").remind_before_upgrade(utc_now, as_json)
    commands().run_init(utc_now, zone, name, name_en, division, as_json)


@app.command()
def seed(as_json: AsJson = False) -> None:
    """Load the demonstration zone (synthetic data) once; its accounts only where GRIDGOV_DEMO is set."""
    commands().run_seed(utc_now, as_json)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Say in words what is wrong with this installation and how to mend it; exit code 1 when something is."""
    commands("api.checking").run_check(utc_now, as_json)


@app.command("zone")
def zone_command(
    zone: Annotated[str, typer.Argument(help="Key of the zone; none lists the zones.")] = "",
    issues: Annotated[
        str, typer.Option("--issues", help="open: the public sees issues, reduced; or closed.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List the zones, or say whether the public sees a zone's issues (category, state, day and block only)."""
    if issues not in ("", "open", "closed") or (issues and not zone):
        raise typer.BadParameter("name a zone and say open or closed", param_hint="--issues")
    commands().run_zone(utc_now, zone, issues, as_json)


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="GeoJSON, GeoPackage, Shapefile, File Geodatabase, DXF, XLSX …")
    ],
    layer: Annotated[
        str, typer.Option("--layer", help="What it holds: parcels, plants, units, parks, grids …")
    ],
    crs: Annotated[
        str, typer.Option("--crs", help="EPSG code, gcj02 or bd09; wins over what the file says.")
    ] = "",
    axes: Annotated[
        str,
        typer.Option(
            "--axes", help="east-north, north-east, lon-lat or lat-lon, where the file does not tell."
        ),
    ] = "",
    columns: Annotated[list[str] | None, typer.Option("--map", help="COLUMN=FIELD; repeatable.")] = None,
    scheme: Annotated[str, typer.Option("--scheme", help="Scheme of land-use codes, e.g. ydyh-2023.")] = "",
    source_layer: Annotated[
        str, typer.Option("--source-layer", help="Layer of a file that has several.")
    ] = "",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Load the sound rows, leave the faulty.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and report; change nothing.")] = False,
    places: Annotated[
        Path | None, typer.Option("--places", help="Write the faulty places as GeoJSON.")
    ] = None,
    background: Annotated[
        bool,
        typer.Option("--background", help="Let a worker do it, and follow it; Ctrl-C leaves it running."),
    ] = False,
    zone: InZone = "",
    as_json: AsJson = False,
) -> None:
    """Check a file and load it: all of it in one transaction, or nothing. Exit code 1 when it was rejected."""
    options = (crs, axes, columns or [], scheme, source_layer, skip_bad, dry_run, places, zone, as_json)
    run = commands("api.working").run_import_later if background else commands().run_import
    run(utc_now, file, layer, *options)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; the ending tells the format.")],
    layer: Annotated[str, typer.Option("--layer", help="What to write: parcels, plants, parks, grids …")],
    form: Annotated[str, typer.Option("--format", help="geojson, csv or gpkg; default by the ending.")] = "",
    language: Annotated[
        str, typer.Option("--language", help="zh or en labels; default the stored names.")
    ] = "",
    public: Annotated[bool, typer.Option("--public", help="Only what the public may see.")] = False,
    zone: InZone = "",
    as_json: AsJson = False,
) -> None:
    """Write one kind of record as GeoJSON, CSV or GeoPackage; a file is replaced only by a complete one."""
    commands().run_export(utc_now, file, layer, form, language, public, zone, as_json)


@users.command("add")
def user_add(
    login: str,
    role: Annotated[str, typer.Option(help="grid_worker, staff or admin.")],
    name: Annotated[str, typer.Option(help="Name shown to colleagues.")] = "",
    area: Annotated[
        list[str] | None, typer.Option(help="Code of an area of the account; repeatable.")
    ] = None,
    department: Annotated[str | None, typer.Option(help="Code of the account's department.")] = None,
    password_stdin: FromStdin = False,
    zone: InZone = "",
) -> None:
    """Add an account; the password is asked for, never given on the command line."""
    if role not in ROLES or role in ("public", "system"):
        raise typer.BadParameter("use grid_worker, staff or admin", param_hint="--role")
    commands().run_user_add(
        utc_now, login, role, name, area or [], department, _password(password_stdin), zone
    )


@users.command("list")
def user_list(zone: InZone = "", as_json: AsJson = False) -> None:
    """List the accounts of a zone."""
    commands().run_user_list(utc_now, zone, as_json)


@users.command("disable")
def user_disable(login: str, zone: InZone = "") -> None:
    """Disable an account and end its sessions; its history stays."""
    commands().run_user_disable(utc_now, login, zone)


@users.command("password")
def user_password(login: str, password_stdin: FromStdin = False, zone: InZone = "") -> None:
    """Set an account's password and end its sessions."""
    commands().run_user_password(utc_now, login, _password(password_stdin), zone)


@programs.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="What the program is called, e.g. weather-feed.")],
    role: Annotated[str, typer.Option(help="grid_worker, staff or admin.")],
    area: Annotated[
        list[str] | None, typer.Option(help="Code of an area of the program; repeatable.")
    ] = None,
    days: Annotated[
        int, typer.Option(help="It ends after this many days; 0 for no end.", min=0, max=3650)
    ] = 365,
    zone: InZone = "",
    as_json: AsJson = False,
) -> None:
    """Make a token for a program and print it, this once. Sent as `Authorization: Bearer gg_…`."""
    commands("api.administering").run_token_add(utc_now, name, role, area or [], days, zone, as_json)


@programs.command("list")
def token_list(zone: InZone = "", as_json: AsJson = False) -> None:
    """List the tokens of a zone, ended and revoked ones too."""
    commands("api.administering").run_token_list(utc_now, zone, as_json)


@programs.command("revoke")
def token_revoke(name: str, zone: InZone = "") -> None:
    """Revoke a token for good; safe to repeat."""
    commands("api.administering").run_token_revoke(utc_now, name, zone)


@app.command()
def audit(
    since: Annotated[
        str, typer.Option(help="A day or an instant, e.g. 2026-11-20 or 2026-11-20T08:00+08:00.")
    ] = "",
    zone: InZone = "",
    as_json: AsJson = False,
) -> None:
    """Print who did what to the service, oldest first: sign-ins, accounts, tokens, imports and exports."""
    commands("api.administering").run_audit(utc_now, since, zone, as_json)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The archive to make, e.g. gridgov-2026-11-20.zip.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Look over an archive that is there; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Back everything up into one archive while the service runs: store, photos, settings without secrets."""
    commands("api.safekeeping").run_backup(utc_now, file, verify, as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="An archive that `gridgov backup` made.")],
    take_over: TakeOver = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into the store of the settings, which must be empty as its place of photos; ends all sessions."""
    commands("api.safekeeping").run_restore(utc_now, file, take_over, as_json)


@app.command()
def transfer(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Store to read: sqlite:///PATH …")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Empty store to fill: postgresql://…")],
    from_files: Annotated[str, typer.Option(help="Where FROM's photos lie, when not beside it.")] = "",
    to_files: Annotated[str, typer.Option(help="Where TO's photos shall lie, when not beside it.")] = "",
    take_over: TakeOver = False,
    as_json: AsJson = False,
) -> None:
    """Copy everything of one store into another of any kind, and compare both; FROM stays as it is."""
    commands("api.safekeeping").run_transfer(
        utc_now, source, target, from_files, to_files, take_over, as_json
    )


@app.command()
def worker(
    once: Annotated[bool, typer.Option("--once", help="Run what is due now, then end.")] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, max=16, help="Jobs run at once (GRIDGOV_JOB_THREADS, at least 1).")
    ] = None,
) -> None:
    """Run jobs beside or instead of `serve`; any number of workers may. Hands its job back when it is stopped."""
    commands("api.working").run_worker(utc_now, once, threads)


@jobs.command("list")
def jobs_list(
    state: Annotated[str, typer.Option(help="waiting, running, done, failed or cancelled.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    service: OfService = False,
    zone: InZone = "",
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    commands("api.working").run_jobs_list(utc_now, state, service, limit, zone, as_json)


@jobs.command("show")
def jobs_show(job: str, service: OfService = False, zone: InZone = "", as_json: AsJson = False) -> None:
    """Show how far a job is, or what came of it."""
    commands("api.working").run_jobs_show(utc_now, job, service, zone, as_json)


@jobs.command("cancel")
def jobs_cancel(job: str, service: OfService = False, zone: InZone = "") -> None:
    """Cancel a job that waits; ask one that runs to stop."""
    commands("api.working").run_jobs_cancel(utc_now, job, service, zone)


@files.command("sweep")
def files_sweep(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove photo files that no record names any more, once they are a day old."""
    commands("api.filing").run_sweep(utc_now, dry_run, as_json)


@files.command("own")
def files_own() -> None:
    """Make the photo files the store's own, taking them from any other store; only the owner removes files."""
    commands("api.filing").run_own(utc_now)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        raise typer.BadParameter("the two passwords differ")
    return first
