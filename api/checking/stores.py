"""The store: there, reachable, new enough, fit for this program, and its files for nobody else to read."""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from api.checking.finding import Finding, bad, good, warning
from api.checking.machine import existing, owner, shut, writable
from gridgov.blobs import open_blobs
from gridgov.errors import GridgovError, SchemaAltered, SchemaMissing, SchemaTooNew
from gridgov.ownership import owner_of, owns
from gridgov.settings import Settings
from gridgov.store import open_store
from gridgov.store.facts import PostgisFacts, Unreachable, postgis_facts, sqlite_fault, sqlite_files

NEEDED_POSTGRESQL, NEEDED_POSTGIS = 15, (3, 3)
FIRST_YEAR = 2024  # this program did not exist before
SECONDS_NOTICED, SECONDS_BAD = 2, 60


def store(settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    """Look at the store of the settings without making or changing it; later steps only where the earlier are good."""
    yield year(now)
    files = sqlite_files(settings.database_url)
    if files is None:
        found = postgis_facts(settings.database_url, settings.store_wait_seconds)
        yield from _database(found, settings, now)
    else:
        yield from _embedded(*files, settings, now)


def year(now: dt.datetime) -> Finding:
    """Whether this machine's clock can be right at all."""
    if not FIRST_YEAR <= now.year < FIRST_YEAR + 50:
        remedy = "Set the clock and keep it right by a time service (timedatectl set-ntp true)."
        return bad("clock", f"{now:%Y-%m-%d %H:%M} UTC", remedy)
    return good("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def _embedded(path: Path, private: Path, settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    closed = shut(path)
    if closed is not None:
        remedy = f"Run this check as the service's user; {closed} belongs to {owner(closed)}."
        yield bad("store", f"user {os.geteuid()} may not enter {closed}", remedy)
        return
    locked = list(_locked(path, private))
    yield from locked
    if not path.exists():
        yield bad("store", f"{path} is not there", "Make it: `gridgov init --zone KEY --name 名称`.")
        return
    yield from _modes(path, private)
    yield _file_times(path, private, now)
    if locked:  # a file that cannot be written to is not opened: SQLite would say something else about it
        return
    broken = [(each, fault) for each in (path, private) if each.exists() and (fault := sqlite_fault(each))]
    for each, fault in broken:
        remedy = f"Put the last backup in its place, and keep {each.name} to look at."
        yield bad("store", f"{each}: {fault}", remedy)
    if not broken:
        yield _migrations(settings)


def _locked(path: Path, private: Path) -> Iterator[Finding]:
    folder = existing(path.parent)
    if not writable(path.parent):
        remedy = f"Give {folder} to the service's user (chown); look whether the disk is mounted read-only."
        yield bad("store folder", f"{folder} cannot be written to", remedy)
    for each in (path, private):
        if each.exists() and not os.access(each, os.W_OK):
            remedy = (
                f"Give {each} to the service's user (chown), chmod 600 it, and run this check as that user."
            )
            yield bad("store files", f"{each} cannot be written to", remedy)


def _modes(path: Path, private: Path) -> Iterator[Finding]:
    """The private file holds password hashes and phone numbers: for its owner only."""
    for file, verdict in ((private, bad), (path, warning)):
        if not file.exists():
            continue
        state = file.stat()
        if state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            told = f"{file} has mode {stat.S_IMODE(state.st_mode):o}: others on this machine can open it"
            yield verdict("file modes", told, f"chmod 600 {file}")
        elif state.st_uid != os.geteuid():
            told = f"{file} belongs to user {state.st_uid}, this check runs as {os.geteuid()}"
            yield warning(
                "file modes", told, "Run this check as the service's user, or what it finds may not hold."
            )
        else:
            yield good("file modes", f"{file.name} is for its owner only")


def _file_times(path: Path, private: Path, now: dt.datetime) -> Finding:
    written = max(each.stat().st_mtime for each in (path, private) if each.exists())
    ahead = written - now.timestamp()
    if ahead > SECONDS_BAD:
        remedy = "Set the clock right before anything is written: sessions, deadlines and history follow it."
        return bad("clock and store", f"the store was written {ahead / 60:.0f} min in the future", remedy)
    return good("clock and store", "the store is older than now")


def _database(found: PostgisFacts | Unreachable, settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    if isinstance(found, Unreachable):
        yield bad("store", found.why, found.remedy)
        return
    yield _server(found)
    extension = _extension(found)
    yield extension
    yield _rights(found)
    yield _clocks(found, now)
    if found.postgis:
        yield _migrations(settings)


def _server(found: PostgisFacts) -> Finding:
    told = f"PostgreSQL {found.server[0]}.{found.server[1]}, {found.encoding}"
    if found.server[0] < NEEDED_POSTGRESQL:
        return bad("database", told, f"Use PostgreSQL {NEEDED_POSTGRESQL} or newer.")
    if found.encoding != "UTF8":
        remedy = f"Make the database anew with UTF8: createdb -E UTF8 -T template0 {found.database}"
        return bad("database", told, remedy)
    return good("database", told)


def _extension(found: PostgisFacts) -> Finding:
    if found.postgis:
        numbers = tuple(int(part) for part in found.postgis.split(".")[:2] if part.isdigit())
        if numbers < NEEDED_POSTGIS:
            remedy = "Install a newer PostGIS on the server, then: ALTER EXTENSION postgis UPDATE"
            return bad("PostGIS", found.postgis, remedy)
        return good("PostGIS", found.postgis)
    if not found.offered:
        remedy = f"Install it on the database server: apt-get install postgresql-{found.server[0]}-postgis-3"
        return bad("PostGIS", "not installed on the server", remedy)
    by_hand = f"psql -d {found.database} -c 'CREATE EXTENSION postgis' as a superuser of the server"
    if found.may_extend:
        return bad(
            "PostGIS", f"{found.offered} is there, not created", f"`gridgov init` creates it, or {by_hand}."
        )
    return bad(
        "PostGIS", f"{found.offered} is there, not created", f"{found.role} may not create it; run {by_hand}."
    )


def _rights(found: PostgisFacts) -> Finding:
    if found.read_only:
        remedy = "Name the primary server in GRIDGOV_DATABASE_URL, or let the role write."
        return bad("rights", "the database only reads: a standby, or a role set to read only", remedy)
    if not found.may_create:
        remedy = f"On the server: GRANT CREATE ON SCHEMA public TO {found.role}; migrations need it."
        return bad("rights", f"{found.role} may not make tables", remedy)
    return good("rights", f"{found.role} may make tables and write")


def _clocks(found: PostgisFacts, now: dt.datetime) -> Finding:
    apart = abs((found.now - now).total_seconds())
    told = f"{apart:.0f} s apart"
    remedy = "Let both machines keep time by a time service (timedatectl set-ntp true)."
    if apart > SECONDS_BAD:
        return bad("clock and store", told, remedy)
    return (
        warning("clock and store", told, remedy) if apart > SECONDS_NOTICED else good("clock and store", told)
    )


def _migrations(settings: Settings) -> Finding:
    opened = open_store(settings.database_url, pool_size=1, wait_seconds=settings.store_wait_seconds)
    try:
        opened.check()
    except SchemaMissing as error:
        return bad("migrations", error.message, "Back up, then run `gridgov init`.")
    except SchemaTooNew as error:
        return bad(
            "migrations", error.message, "Install the gridgov that made it, or restore its last backup."
        )
    except SchemaAltered as error:
        return bad("migrations", error.message, "Install gridgov again: a file of its schema was edited.")
    except GridgovError as error:
        return bad("store", error.message, "Mend the store, then ask again.")
    finally:
        opened.close()
    return good("migrations", "all applied")


def ownership(settings: Settings, now: dt.datetime) -> Finding:
    """Whether the place of photos is marked as another store's. For a store and a place that were found good."""
    opened = open_store(settings.database_url, pool_size=1, wait_seconds=settings.store_wait_seconds)
    try:
        blobs = open_blobs(settings, settings.database_url)
        foreign = owner_of(blobs) is not None and not owns(opened, blobs, now)
    except GridgovError as error:
        return bad("owner of photos", error.message, "Mend the place of photos, then ask again.")
    finally:
        opened.close()
    if not foreign:
        return good("owner of photos", "this store, or nobody yet")
    remedy = (
        "Give this store a place of its own by GRIDGOV_ATTACHMENTS_URL; if it replaces that store for good, "
        "`gridgov files own` takes them. Nothing there is dropped until then."
    )
    return bad("owner of photos", f"the files in {blobs.url} belong to another store", remedy)
