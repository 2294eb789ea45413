"""What the commands do. api/cli.py has their names and arguments and loads this module only when one is run."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from api.console import err, out, print_json, say
from api.exchanging import print_proposals, print_report, progress_bar, write_places
from api.passwords import add_account, hash_password
from gridgov.access import Actor, Scope
from gridgov.errors import CoordinateSystemNeeded, ImportRejected, NotFound
from gridgov.exchange.export import export
from gridgov.exchange.planning import Options
from gridgov.exchange.reading import check_path
from gridgov.geo import Language
from gridgov.importing import import_file, layer_target
from gridgov.models import AREAS, DEPARTMENTS
from gridgov.seeding import read_json, seed, seed_zone
from gridgov.serving.linking import Linkers
from gridgov.settings import Settings, read_settings
from gridgov.store import Filter, Query, Store, open_store
from gridgov.store.queries import accounts
from gridgov.store.queries.audit import record_audit
from gridgov.store.queries.zones import Zone, list_zones, make_zone, open_issues

Clock = Callable[[], dt.datetime]

_LANGUAGES: dict[str, Language] = {"zh": "zh", "en": "en"}


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


def pick_zone(store: Store, given: str, settings: Settings, now: dt.datetime) -> str:
    """The zone meant: given, the default, or the only one. Raises NotFound that lists what there is."""
    store.check()
    with store.begin(Scope.system(""), now) as tx:
        known = [zone.zone for zone in list_zones(tx)]
    wanted = given or settings.default_zone or (known[0] if len(known) == 1 else "")
    if wanted not in known:
        there = ", ".join(known) or "none yet; `gridgov init --zone` or `gridgov seed` makes one"
        raise NotFound(f"Name the zone with --zone; there is {there}.", zone=wanted)
    return wanted


def run_init(clock: Clock, zone: str, name: str, name_en: str, division: str, as_json: bool) -> None:
    """Make or upgrade the store; see `gridgov init`."""
    settings = read_settings()
    with opened(settings) as store:
        applied = store.migrate(clock())
        made = False
        if zone:
            told = Zone(zone, name or zone, name_en or None, division or None, opened_issues=False)
            with store.begin(Scope.operator(zone), clock(), write=True) as tx:
                made = make_zone(tx, told)
                if made:
                    record_audit(tx, "zones:add", zone)
        if as_json:
            print_json({"store": store.url, "applied": applied, "zone_made": made})
        else:
            say(f"The store {store.url} is ready; {len(applied)} migration(s) applied.")


def run_seed(clock: Clock, as_json: bool) -> None:
    """Load the demonstration zone; see `gridgov seed`."""
    settings = read_settings()
    with opened(settings) as store:
        store.check()
        counts = seed_store(store, clock(), quiet=as_json, accounts_too=settings.demo)
    if as_json:
        print_json(counts)


def seed_store(store: Store, now: dt.datetime, *, quiet: bool, accounts_too: bool) -> dict[str, int]:
    """Load the demonstration zone where it is missing, with its accounts if asked; returns what was loaded."""

    def step(name: str) -> None:
        if not quiet and sys.stderr.isatty():
            err.print(f"loading {name} …", style="dim")

    counts = seed(store, now, step)
    if accounts_too:
        with store.begin(Scope.system(seed_zone().zone), now, write=True) as tx:
            for account in read_json("accounts.json"):
                if accounts.find_user(tx, account["login"]) is None:
                    told = (account["label_zh"], account["areas"], account["department"])
                    add_account(tx, account["login"], account["password"], account["role"], *told)
    if not quiet and any(counts.values()):
        say("Loaded the demonstration zone: " + ", ".join(f"{counts[name]} {name}" for name in counts) + ".")
    return counts


def run_zone(clock: Clock, zone: str, issues: str, as_json: bool) -> None:
    """List zones, or open and close the issues of one; see `gridgov zone`."""
    settings = read_settings()
    with opened(settings) as store:
        store.check()
        if issues:
            chosen = pick_zone(store, zone, settings, clock())
            with store.begin(Scope.operator(chosen), clock(), write=True) as tx:
                open_issues(tx, opened=issues == "open")
                record_audit(tx, "zones:open" if issues == "open" else "zones:close", chosen)
        with store.begin(Scope.system(""), clock()) as tx:
            found = [each for each in list_zones(tx) if zone in ("", each.zone)]
    if as_json:
        print_json([asdict(each) for each in found])
        return
    for each in found:
        say(f"{each.zone}  {each.name_zh}  issues {'open to the public' if each.opened_issues else 'closed'}")


def run_import(
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
    """Check a file and load it; see `gridgov import`."""
    settings = read_settings()
    check_folder(places)
    kind, constants = layer_target(layer)
    options = Options.from_words(
        crs=crs, axes=axes, mapping=columns, scheme=scheme, layer=source_layer, constants=constants
    )
    with opened(settings) as store, progress_bar() as bar:
        scope = Scope.operator(pick_zone(store, zone, settings, clock()))
        try:
            report = import_file(
                store,
                scope,
                clock,
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
            _print_refusal(error, as_json=as_json)
            raise
    if places is not None:
        write_places(report, places)
    if as_json:
        print_json(report.as_dict())
    else:
        print_report(report.as_dict(), out)
    if report.severities["error"] and dry_run:
        raise typer.Exit(1)


def _print_refusal(error: ImportRejected | CoordinateSystemNeeded, *, as_json: bool) -> None:
    if as_json:
        print_json({"error": error.message, **error.details})
    elif isinstance(error, ImportRejected):
        print_report(error.details["report"], out)
    else:
        print_proposals(error, out)


def check_folder(file: Path | None) -> None:
    """Raises NotFound before any work is done when the folder to write into is not there."""
    if file is not None and not file.resolve().parent.is_dir():
        raise NotFound(
            f"There is no folder {file.resolve().parent.name} to write {file.name} into; make it first."
        )


def run_export(
    clock: Clock, file: Path, layer: str, form: str, language: str, public: bool, zone: str, as_json: bool
) -> None:
    """Write records to a file; see `gridgov export`."""
    settings = read_settings()
    check_folder(file)
    kind, constants = layer_target(layer)
    if language not in {"", *_LANGUAGES}:
        raise typer.BadParameter("use zh or en", param_hint="--language")
    query = Query(filters=tuple(Filter(name, "eq", value) for name, value in constants.items()))
    with opened(settings) as store:
        if file.exists():
            check_path(file, settings)  # never write over the open store
        key = pick_zone(store, zone, settings, clock())
        scope = Scope.of(Actor.public(), key) if public else Scope.system(key)
        with store.begin(scope, clock()) as tx:
            chosen = form or file.suffix.lstrip(".").lower()
            count = export(tx, kind, chosen, file, query, _LANGUAGES.get(language))
        with store.begin(Scope.operator(key), clock(), write=True) as tx:
            details = {"format": chosen, "records": count, "public": public}
            record_audit(tx, "export:run", layer, details=details)
    if as_json:
        print_json({"file": str(file), "kind": kind.name, "records": count})
    else:
        say(f"Wrote {count} {kind.en} to {file}.")


def run_user_add(
    clock: Clock,
    login: str,
    role: str,
    name: str,
    areas: Sequence[str],
    department: str | None,
    password: str,
    zone: str,
) -> None:
    """Add an account; see `gridgov user add`."""
    settings = read_settings()
    with opened(settings) as store:
        chosen = pick_zone(store, zone, settings, clock())
        with store.begin(Scope.operator(chosen), clock(), write=True) as tx:
            named = [(AREAS, code) for code in areas] + ([(DEPARTMENTS, department)] if department else [])
            for kind, code in named:
                if tx.find(kind, code) is None:
                    raise NotFound(f"There is no record with the code {code} among the {kind.en}.", code=code)
            made = add_account(tx, login, password, role, name or login, areas, department)
            record_audit(tx, "users:add", made, details={"role": role})
    say(f"Added {login} ({role}).")


def run_user_list(clock: Clock, zone: str, as_json: bool) -> None:
    """List the accounts; see `gridgov user list`."""
    settings = read_settings()
    with opened(settings) as store:
        chosen = pick_zone(store, zone, settings, clock())
        with store.begin(Scope.system(chosen), clock()) as tx:
            found = accounts.list_users(tx)
    if as_json:
        print_json(found)
        return
    table = Table("login", "role", "name", "areas", "department", "disabled", box=None)
    for each in found:
        disabled = each["disabled_at"].isoformat() if each["disabled_at"] else ""
        where = (", ".join(each["area_codes"]), each["department_code"] or "")
        table.add_row(*map(Text, (each["login"], each["role"], each["display_name"], *where, disabled)))
    out.print(table)


def run_user_disable(clock: Clock, login: str, zone: str) -> None:
    """Disable an account; see `gridgov user disable`."""
    _change_user(clock, login, zone, {"disabled_at": clock()})
    say(f"Disabled {login}; its sessions have ended.")


def run_user_password(clock: Clock, login: str, password: str, zone: str) -> None:
    """Set a password; see `gridgov user password`."""
    _change_user(clock, login, zone, {"password_hash": hash_password(password)})
    say(f"The password of {login} is set; its sessions have ended.")


def _change_user(clock: Clock, login: str, zone: str, values: dict[str, Any]) -> None:
    settings = read_settings()
    with opened(settings) as store:
        chosen = pick_zone(store, zone, settings, clock())
        with store.begin(Scope.operator(chosen), clock(), write=True) as tx:
            user = accounts.find_user(tx, login)
            if user is None:
                raise NotFound(f"There is no account “{login}”.", login=login)
            accounts.change_user(tx, user["id"], values)
            accounts.revoke_sessions(tx, user_id=user["id"])
            told = {"password_hash": "password", "disabled_at": "disabled"}
            record_audit(
                tx, "users:change", user["id"], details={"fields": sorted(told[name] for name in values)}
            )
