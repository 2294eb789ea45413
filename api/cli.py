"""The command `gridgov`: serve, init, seed, import, export, check and user. The second place that reads the clock."""

from __future__ import annotations

import datetime as dt
import getpass
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from api.app import create_app
from api.checking import findings, healthy
from api.exchanging import print_proposals, print_report, progress_bar, read_options, write_places
from api.passwords import add_account, hash_password
from gridgov.access import Actor, Scope
from gridgov.errors import CoordinateSystemNeeded, GridgovError, ImportRejected, NotFound
from gridgov.exchange.export import export
from gridgov.exchange.reading import check_path
from gridgov.geo import Language
from gridgov.importing import import_file, layer_target
from gridgov.models import KINDS
from gridgov.models.vocabulary import ROLES
from gridgov.seeding import read_json, seed, seed_zone
from gridgov.serving.linking import Linkers
from gridgov.settings import Settings, read_settings, require_secret
from gridgov.store import Filter, Query, Store, open_store
from gridgov.store.queries import accounts
from gridgov.store.queries.zones import Zone, list_zones, make_zone

HELP = "gridgov: the one map a development zone shares: land, plants, grids, and the issues linked to them."

_PIPE_WIDTH = 160  # a file or a pipe has no width of its own

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
users = typer.Typer(help="Accounts: add, list, disable, and set a password.", no_args_is_help=True)
app.add_typer(users, name="user")
out = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True)

_LANGUAGES: dict[str, Language] = {"zh": "zh", "en": "en"}

AsJson = Annotated[bool, typer.Option("--json", help="Print data as JSON instead of words.")]
InZone = Annotated[str, typer.Option("--zone", help="The zone meant; not needed when the store has one.")]


def utc_now() -> dt.datetime:
    """The clock of the command line."""
    return dt.datetime.now(dt.UTC)


def main() -> None:
    """Run a command; a mistake of the user's ends with one clear line and exit code 1 (2 for wrong arguments)."""
    try:
        app()
    except GridgovError as error:
        err.print(f"gridgov: {error.message}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The store of the settings, closed at the end."""
    store = open_store(
        settings.database_url, pool_size=settings.store_pool_size, wait_seconds=settings.store_wait_seconds
    )
    try:
        yield store
    finally:
        store.close()


def pick_zone(store: Store, given: str, settings: Settings) -> str:
    """The zone meant: given, the default, or the only one. Raises NotFound that lists what there is."""
    with store.begin(Scope.system(""), utc_now()) as tx:
        known = [zone.zone for zone in list_zones(tx)]
    wanted = given or settings.default_zone or (known[0] if len(known) == 1 else "")
    if wanted not in known:
        there = ", ".join(known) or "none yet; `gridgov init --zone` or `gridgov seed` makes one"
        raise NotFound(f"Name the zone with --zone; there is {there}.", zone=wanted)
    return wanted


def print_json(value: Any) -> None:
    """JSON on standard output, times as ISO text."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")


@app.command()
def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="Demonstration: make and fill the store when empty.")
    ] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on (GRIDGOV_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (GRIDGOV_PORT).")] = None,
) -> None:
    """Serve the map. Refuses a database of a newer gridgov; needs GRIDGOV_SECRET outside --demo."""
    settings = read_settings(host=host, port=port, demo=demo or None)
    require_secret(settings)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    with opened(settings) as store:
        if settings.demo:
            store.migrate(utc_now())
            _seed(store, quiet=False)
        store.check()
        application = create_app(settings, store)
        _greet(settings)
        uvicorn.run(
            application,
            host=settings.host,
            port=settings.port,
            log_level=settings.log_level,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )


def _greet(settings: Settings) -> None:
    out.print(f"gridgov listens on http://{settings.host}:{settings.port}", highlight=False)
    if settings.demo:
        out.print("Demonstration accounts (never use them for real data):", highlight=False)
        for account in read_json("accounts.json"):
            line = f"  {account['login']:<12} {account['password']:<22} {account['label_zh']} / {account['label_en']}"
            out.print(line, highlight=False, markup=False)


@app.command()
def init(
    zone: Annotated[str, typer.Option("--zone", help="Also make this zone, e.g. pds-gaoxin.")] = "",
    name: Annotated[str, typer.Option("--name", help="The zone's Chinese name.")] = "",
    name_en: Annotated[str, typer.Option("--name-en", help="The zone's English name.")] = "",
    division: Annotated[str, typer.Option("--division", help="The zone's division code.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make the store, or bring it up to date; safe to repeat."""
    settings = read_settings()
    with opened(settings) as store:
        applied = store.migrate(utc_now())
        made = False
        if zone:
            with store.begin(Scope.system(zone), utc_now(), write=True) as tx:
                made = make_zone(
                    tx, Zone(zone, name or zone, name_en or None, division or None, opened_issues=False)
                )
        if as_json:
            print_json({"store": store.url, "applied": applied, "zone_made": made})
            return
        out.print(f"The store {store.url} is ready; {len(applied)} migration(s) applied.", highlight=False)


@app.command("seed")
def seed_command(as_json: AsJson = False) -> None:
    """Load the demonstration zone (synthetic data) with its accounts' records; does nothing when it is there."""
    settings = read_settings()
    with opened(settings) as store:
        store.check()
        counts = _seed(store, quiet=as_json, accounts_too=settings.demo)
    if as_json:
        print_json(counts)


def _seed(store: Store, *, quiet: bool, accounts_too: bool = True) -> dict[str, int]:
    def step(name: str) -> None:
        if not quiet and sys.stderr.isatty():
            err.print(f"loading {name} …", style="dim")

    counts = seed(store, utc_now(), step)
    if accounts_too:
        with store.begin(Scope.system(seed_zone().zone), utc_now(), write=True) as tx:
            for account in read_json("accounts.json"):
                if accounts.find_user(tx, account["login"]) is None:
                    add_account(
                        tx,
                        account["login"],
                        account["password"],
                        account["role"],
                        account["label_zh"],
                        account["areas"],
                        account["department"],
                    )
    if not quiet and any(counts.values()):
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        out.print(f"Loaded the demonstration zone: {told}.", highlight=False)
    return counts


@app.command()
def check(as_json: AsJson = False) -> None:
    """Say in words what is wrong with this installation and how to mend it; exit code 1 when something is."""
    settings = read_settings()
    with opened(settings) as store:
        found = findings(settings, store)
    if as_json:
        print_json([each.as_dict() for each in found])
    else:
        table = Table("", "what", "found", "what to do", box=None)
        for each in found:
            table.add_row("✓" if each.good else "✗", each.what, each.found, each.remedy)
        out.print(table)
    if not healthy(found):
        raise typer.Exit(1)


@app.command("import")
def import_command(
    file: Annotated[
        Path, typer.Argument(help="GeoJSON, GeoPackage, Shapefile, File Geodatabase, DXF, XLSX …")
    ],
    layer: Annotated[
        str, typer.Option("--layer", help="What it holds: parcels, plants, units, parks, grids …")
    ],
    crs: Annotated[
        str, typer.Option("--crs", help="EPSG code, gcj02 or bd09; wins over what the file says.")
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
    zone: InZone = "",
    as_json: AsJson = False,
) -> None:
    """Check a file and load it: all of it in one transaction, or nothing. Exit code 1 when it was rejected."""
    settings = read_settings()
    kind, constants = layer_target(layer)
    options = read_options(crs, columns or [], scheme, source_layer, constants)
    with opened(settings) as store, progress_bar() as bar:
        store.check()
        scope = Scope.system(pick_zone(store, zone, settings))
        try:
            report = import_file(
                store,
                scope,
                utc_now(),
                file,
                kind,
                settings=settings,
                linkers=Linkers(),
                options=options,
                skip_bad=skip_bad,
                dry_run=dry_run,
                progress=bar,
            )
        except (ImportRejected, CoordinateSystemNeeded) as error:
            if as_json:
                print_json({"error": error.message, **error.details})
            elif isinstance(error, ImportRejected):
                print_report(error.details["report"], out)
            else:
                print_proposals(error, out)
            raise
    if places is not None:
        write_places(report, places)
    if as_json:
        print_json(report.as_dict())
    else:
        print_report(report.as_dict(), out)
    if report.severities["error"] and dry_run:
        raise typer.Exit(1)


@app.command("export")
def export_command(
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
    settings = read_settings()
    kind, constants = layer_target(layer)
    chosen = form or file.suffix.lstrip(".").lower()
    if language not in ("", "zh", "en"):
        raise typer.BadParameter("use zh or en", param_hint="--language")
    query = Query(filters=tuple(Filter(name, "eq", value) for name, value in constants.items()))
    with opened(settings) as store:
        store.check()
        if file.exists():
            check_path(file, settings)  # never write over the open store
        key = pick_zone(store, zone, settings)
        scope = Scope.of(Actor.public(), key) if public else Scope.system(key)
        with store.begin(scope, utc_now()) as tx:
            count = export(tx, kind, chosen, file, query, _LANGUAGES.get(language))
    if as_json:
        print_json({"file": str(file), "kind": kind.name, "records": count})
    else:
        out.print(f"Wrote {count} {kind.en} to {file}.", highlight=False, markup=False)


@users.command("add")
def user_add(
    login: str,
    role: Annotated[str, typer.Option(help="grid_worker, staff or admin.")],
    name: Annotated[str, typer.Option(help="Name shown to colleagues.")] = "",
    area: Annotated[
        list[str] | None, typer.Option(help="Code of an area the account is for; repeatable.")
    ] = None,
    department: Annotated[str | None, typer.Option(help="Code of the account's department.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read it from standard input.")
    ] = False,
    zone: InZone = "",
) -> None:
    """Add an account; the password is asked for, never given on the command line."""
    settings = read_settings()
    if role not in ROLES or role in ("public", "system"):
        raise typer.BadParameter("use grid_worker, staff or admin", param_hint="--role")
    with opened(settings) as store:
        chosen = pick_zone(store, zone, settings)
        with store.begin(Scope.system(chosen), utc_now(), write=True) as tx:
            for code in area or ():
                if tx.find(KINDS["areas"], code) is None:
                    raise NotFound(f"There is no area with the code {code}.", code=code)
            add_account(tx, login, _password(password_stdin), role, name or login, area or [], department)
    out.print(f"Added {login} ({role}).", highlight=False)


@users.command("list")
def user_list(zone: InZone = "", as_json: AsJson = False) -> None:
    """List the accounts of a zone."""
    settings = read_settings()
    with opened(settings) as store:
        chosen = pick_zone(store, zone, settings)
        with store.begin(Scope.system(chosen), utc_now()) as tx:
            found = accounts.list_users(tx)
    if as_json:
        print_json(found)
        return
    table = Table("login", "role", "name", "areas", "department", "disabled", box=None)
    for each in found:
        disabled = each["disabled_at"].isoformat() if each["disabled_at"] else ""
        areas = ", ".join(each["area_codes"])
        table.add_row(
            each["login"], each["role"], each["display_name"], areas, each["department_code"] or "", disabled
        )
    out.print(table)


@users.command("disable")
def user_disable(login: str, zone: InZone = "") -> None:
    """Disable an account and end its sessions; its history stays."""
    _change_user(login, zone, {"disabled_at": utc_now()})
    out.print(f"Disabled {login}; its sessions have ended.", highlight=False)


@users.command("password")
def user_password(
    login: str,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read it from standard input.")
    ] = False,
    zone: InZone = "",
) -> None:
    """Set an account's password and end its sessions."""
    from_person = _password(password_stdin)
    _change_user(login, zone, {"password_hash": hash_password(from_person)})
    out.print(f"The password of {login} is set; its sessions have ended.", highlight=False)


def _change_user(login: str, zone: str, values: dict[str, Any]) -> None:
    settings = read_settings()
    with opened(settings) as store:
        chosen = pick_zone(store, zone, settings)
        with store.begin(Scope.system(chosen), utc_now(), write=True) as tx:
            user = accounts.find_user(tx, login)
            if user is None:
                raise NotFound(f"There is no account “{login}”.", login=login)
            accounts.change_user(tx, user["id"], values)
            accounts.revoke_sessions(tx, user_id=user["id"])


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        raise typer.BadParameter("the two passwords differ")
    return first
