"""What must hold of the store whatever was killed: each rule gives what it found wrong, and nothing when all is well.

The rules compare the store with the journals of the clients, and the store's parts with each other.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import shapely
from sqlalchemy import Connection, select

from gridgov.access import Scope
from gridgov.blobs import BlobStore, photo_key
from gridgov.models import AREAS, ISSUES, PARCELS, RecordKind
from gridgov.records import find_links, load_areas
from gridgov.serving.linking import Linker
from gridgov.store import Store, Tx
from gridgov.store.queries.connection import inside
from gridgov.store.queries.editions import current_set, list_sets
from gridgov.store.schema import area_editions, events, links, parcel_editions
from gridgov.store.schema_private import attachments, contacts, original_texts
from tests.soak.indexes import damaged_indexes
from tests.soak.journal import Content, Expectations, Expected
from tests.soak.writers import parcel_shape
from tests.soak.zone import COLUMNS, ROWS, TILE, WEST, ZONE, shift_of, title_of

KINDS = (ISSUES, PARCELS, AREAS)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. rule: lost, doubled, or the name of the rule."""

    rule: str
    words: str


@dataclass(frozen=True)
class Look:
    """One consistent look at the store, with what the journals expect. rows: kind → id → its columns."""

    tx: Tx
    connection: Connection
    expected: Expectations
    rows: Mapping[str, Mapping[str, dict[str, Any]]]
    blobs: BlobStore

    def all(self, statement: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        return [dict(row) for row in self.connection.execute(statement).mappings()]


def examine(store: Store, expected: Expectations, blobs: BlobStore, now: dt.datetime) -> list[Finding]:
    """Everything that is wrong with the store; nobody writes meanwhile."""
    store.check()
    with store.begin(Scope.system(ZONE), now) as tx:
        rows = {kind.name: _rows(tx, kind) for kind in KINDS}
        look = Look(tx, inside(tx).connection, expected, rows, blobs)
        return [finding for rule in RULES for finding in rule(look)]


def _rows(tx: Tx, kind: RecordKind) -> dict[str, dict[str, Any]]:
    loaded = tx.every(kind, ended=True)
    columns = {**loaded.columns, "geometry": list(loaded.geometries)} if len(loaded) else {}
    names = list(columns)
    return {
        row["id"]: row
        for row in (dict(zip(names, r, strict=True)) for r in zip(*columns.values(), strict=True))
    }


def acknowledged_writes_are_there_once(look: Look) -> Iterator[Finding]:
    """The stored version is the acknowledged one, or that of the write whose answer was lost; its content too."""
    for kind in (ISSUES, PARCELS):
        rows, wanted = look.rows[kind.name], look.expected.of(kind.name)
        for identifier, expected in wanted.items():
            row = rows.get(identifier)
            if row is None:
                if expected.version:
                    yield Finding("lost", f"{kind.name} {identifier} version {expected.version} is not there")
                continue
            yield from _compared(look, kind, row, expected)
        for identifier in rows.keys() - wanted.keys():
            yield Finding("doubled", f"{kind.name} {identifier} was never sent")


def _compared(look: Look, kind: RecordKind, row: dict[str, Any], expected: Expected) -> Iterator[Finding]:
    version, name = row["version"], f"{kind.name} {row['id']}"
    possible = {expected.version: expected.content} if expected.version else {}
    if expected.sent is not None:
        possible[expected.sent[0]] = expected.sent[1]
    if version not in possible:
        rule = "lost" if version < expected.version else "doubled"
        yield Finding(rule, f"{name} is at version {version}, acknowledged was {expected.version}")
        return
    wrong = _wrong_content(kind, row, possible[version])
    if wrong:
        yield Finding("lost", f"{name} version {version} differs: {wrong}")
    if expected.code and row["code"] != expected.code:
        yield Finding("lost", f"{name} was acknowledged as {expected.code} and is {row['code']} now")
    if row["revision"] < expected.revision:
        words = f"{name} is at revision {row['revision']}, acknowledged was {expected.revision}"
        yield Finding("revisions", words)


def _wrong_content(kind: RecordKind, row: dict[str, Any], content: Content) -> str:
    if (row["valid_to"] is not None) != content["ended"]:
        return f"ended is {row['valid_to']}"
    if kind is ISSUES:
        place = (round(row["geometry"].x, 7), round(row["geometry"].y, 7))
        if place != (content["lon"], content["lat"]):
            return f"it lies at {place}"
        return "" if row["category"] == content["category"] else f"its category is {row['category']}"
    wanted = shapely.geometry.shape(parcel_shape(row["id"], content["side"]))
    if not row["geometry"].equals(wanted):
        return f"its boundary is {row['geometry'].wkt}"
    return "" if row["code"] == content["code"] else f"its code is {row['code']}"


def personal_words_are_there_once(look: Look) -> Iterator[Finding]:
    """Every issue has the contact and the words that came with it, once.

    Two files are not committed at one instant on SQLite: a kill between them may leave a contact or words without their
    issue, never an issue without them.
    """
    two_files = look.connection.dialect.name == "sqlite"
    people = {row["id"]: row for row in look.all(select(contacts))}
    words: dict[str, list[str]] = {}
    for row in look.all(select(original_texts)):
        words.setdefault(row["record_id"], []).append(row["text"])
    for identifier, expected in look.expected.of("issues").items():
        issue = look.rows["issues"].get(identifier)
        content = expected.content or (expected.sent[1] if expected.sent else {})
        if issue is None:
            if words.get(identifier) and not two_files:
                yield Finding("halves", f"the words of issue {identifier} are there without it")
            continue
        person = people.get(issue["contact_id"], {})
        if (person.get("name"), person.get("phone")) != (content["name"], content["phone"]):
            yield Finding("lost", f"the contact of issue {identifier} is {person or 'not there'}")
        if words.get(identifier) != [content["text"]]:
            rule = "doubled" if len(words.get(identifier, ())) > 1 else "lost"
            yield Finding(
                rule, f"the words of issue {identifier} are there {len(words.get(identifier, ()))} times"
            )
    used = {row["contact_id"] for row in look.rows["issues"].values()}
    unused = len(people.keys() - used)
    if unused and not two_files:
        yield Finding("halves", f"{unused} contacts belong to no issue")


def photos_are_there_once(look: Look) -> Iterator[Finding]:
    """An acknowledged photo has its row at its issue, one event, and both its files.

    A file without a row is only in the way.
    """
    rows = {row["id"]: row for row in look.all(select(attachments))}
    wanted = look.expected.of("attachments")
    added = select(events.c.changes).where(events.c.verb == "attachment_added")
    told = Counter(row["changes"]["attachment"] for row in look.all(added))
    for identifier, expected in wanted.items():
        row = rows.get(identifier)
        if row is None:
            if expected.version:
                yield Finding("lost", f"photo {identifier} is not there")
            continue
        content = expected.content or (expected.sent[1] if expected.sent else {})
        if (row["record_kind"], row["record_id"]) != ("issues", content["record"]):
            place = f"{row['record_kind']} {row['record_id']}"
            yield Finding("lost", f"photo {identifier} of issue {content['record']} is at {place}")
        # A kill between the two files of the embedded store may leave a photo's row without its event, until the photo
        # is sent again: one that was acknowledged has it.
        halved = look.connection.dialect.name == "sqlite" and not expected.version
        if told[identifier] > 1 or (not told[identifier] and not halved):
            yield Finding("events", f"photo {identifier} was added {told[identifier]} times by its events")
        for digest in (row["hash"], row["thumbnail_hash"]):
            if not _is_whole(look.blobs, digest):
                yield Finding("lost", f"the file {digest} of photo {identifier} is not there or damaged")
    for identifier in rows.keys() - wanted.keys():
        yield Finding("doubled", f"photo {identifier} was never sent")


def _is_whole(blobs: BlobStore, digest: str) -> bool:
    if not blobs.holds(photo_key(digest)):
        return False
    with blobs.open(photo_key(digest)) as file:
        return hashlib.sha256(file.read()).hexdigest() == digest


def every_version_has_its_event(look: Look) -> Iterator[Finding]:
    """One event for each version of a record from 1, in their order, and none for a version that is not there."""
    statement = select(events.c.record_kind, events.c.record_id, events.c.version).where(
        events.c.version.is_not(None)
    )
    told: dict[tuple[str, str], list[int]] = {}
    for row in look.all(statement.order_by(events.c.fid)):
        told.setdefault((row["record_kind"], row["record_id"]), []).append(row["version"])
    for kind, rows in look.rows.items():
        for identifier, row in rows.items():
            found = told.pop((kind, identifier), [])
            if found != list(range(1, row["version"] + 1)):
                yield Finding(
                    "events", f"{kind} {identifier} at version {row['version']} has the events {found}"
                )
    for kind, identifier in told:
        yield Finding("events", f"there are events of {kind} {identifier}, which is not there")


def revisions_never_go_back(look: Look) -> Iterator[Finding]:
    """The revision of a kind is not below any that an answer named, nor below that of any of its rows."""
    seen = {**look.expected.revisions}
    seen["areas"] = seen.pop("publications", 0)
    for kind in KINDS:
        revision = look.tx.revision(kind)
        highest = max((row["revision"] for row in look.rows[kind.name].values()), default=0)
        if revision < max(highest, seen.get(kind.name, 0)):
            yield Finding(
                "revisions",
                f"{kind.name} are at revision {revision}, rows at {highest}, answers at {seen.get(kind.name)}",
            )


def no_edition_is_half(look: Look) -> Iterator[Finding]:
    """Sets are numbered without a gap, acknowledged ones are there once, and each has all its editions."""
    sets = list_sets(look.tx)
    numbers = [each.number for each in sets]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Finding("editions", f"the edition sets are numbered {numbers}")
    titles = Counter(each.title for each in sets)
    for title, expected in look.expected.of("publications").items():
        if titles[title] > 1 or (expected.version and not titles[title]):
            rule = "doubled" if titles[title] else "lost"
            yield Finding(rule, f"the publication “{title}” is there {titles[title]} times")
    wanted = COLUMNS * ROWS + 1
    editions: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
    for row in look.all(select(area_editions)):
        editions.setdefault(row["edition_set"], []).append(row)
    for number, rows in editions.items():
        wests = (round((shapely.bounds(row["geometry"])[0] - WEST) * 1e7) for row in rows)
        shifts = {west % round(TILE * 1e7) for west in wests}
        if len(rows) != wanted or shifts != {round(shift_of(number) * 1e7)}:
            words = f"set {number} has {len(rows)} of {wanted} editions, moved by {sorted(shifts)}"
            yield Finding("half edition", words)


def areas_are_their_newest_edition(look: Look) -> Iterator[Finding]:
    """A living area has the boundary of its only open edition, and that of the set in force; an ended one has none."""
    open_editions: dict[str, list[dict[str, Any]]] = {}
    for row in look.all(select(area_editions).where(area_editions.c.valid_to.is_(None))):
        open_editions.setdefault(row["area_id"], []).append(row)
    number = current_set(look.tx)
    living = [row for row in look.rows["areas"].values() if row["valid_to"] is None]
    for row in look.rows["areas"].values():
        found = open_editions.get(row["id"], [])
        if row["valid_to"] is not None:
            if found:
                yield Finding("half edition", f"area {row['code']} ended and has an open edition")
        elif len(found) != 1 or not found[0]["geometry"].equals_exact(row["geometry"], 0.0):
            yield Finding("half edition", f"area {row['code']} differs from its {len(found)} open editions")
        elif found[0]["edition_set"] != number or row["edition_set"] != number:
            yield Finding("half edition", f"area {row['code']} is not of set {number}, which is in force")
    names = {f"PK-{column}-{row}" for column in range(COLUMNS) for row in range(ROWS)} | {f"XQ-{number}"}
    if number and {row["code"] for row in living} != names:
        yield Finding("half edition", f"the living areas are {sorted(row['code'] for row in living)}")
    if number and title_of(number) not in {each.title for each in list_sets(look.tx)}:
        yield Finding("half edition", f"set {number} is not publication {number}")


def area_editions_follow_one_another(look: Look) -> Iterator[Finding]:
    """An edition is in force from the instant of its set until that of the next, which redraws or ends every area."""
    instants: dict[int, dt.datetime] = {each.number: each.published_at for each in list_sets(look.tx)}
    for row in look.all(select(area_editions)):
        number = row["edition_set"]
        wanted = (instants.get(number), instants.get(number + 1))
        if (row["valid_from"], row["valid_to"]) != wanted:
            words = f"area {row['area_id']} of set {number} is in force from {row['valid_from']} to {row['valid_to']}"
            yield Finding("editions", f"{words}, its set from {wanted[0]} to {wanted[1]}")


def open_records_are_linked_to_the_areas_in_force(look: Look) -> Iterator[Finding]:
    """The stored links are those that the link index of the living areas gives.

    Lying outside everything is one and the same with and without a row that says so.
    """
    linker = Linker.build(ZONE, current_set(look.tx), load_areas(look.tx))
    stored: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for row in look.all(select(links).where(links.c.area_id.is_not(None))):
        one = (row["level"], row["area_id"], row["rule"])
        stored.setdefault((row["record_kind"], row["record_id"]), []).append(one)
    for kind in (ISSUES, PARCELS):
        open_rows = [row for row in look.rows[kind.name].values() if row["valid_to"] is None]
        shapes = [row["geometry"] for row in open_rows]
        found = find_links(shapes, [row.get("accuracy_m") for row in open_rows], linker)
        for row, wanted in zip(open_rows, found, strict=True):
            names = sorted(
                (link.level, link.area_id, link.rule) for link in wanted if link.area_id is not None
            )
            there = sorted(stored.get((kind.name, row["id"]), []))
            if there != names:
                yield Finding("links", f"{kind.name} {row['code']} is linked to {there}, not {names}")


def parcels_keep_their_editions(look: Look) -> Iterator[Finding]:
    """A parcel has one edition for each boundary it had, numbered from 1; the last is its own."""
    kept = _parcel_editions(look)
    for identifier, row in look.rows["parcels"].items():
        found = kept.get(identifier, [])
        drawn = row["version"] - (row["valid_to"] is not None)
        numbers = [each["number"] for each in found]
        still_open = [each for each in found if each["valid_to"] is None]
        if numbers != list(range(1, drawn + 1)) or len(still_open) != 1:
            yield Finding(
                "editions", f"parcel {row['code']} at version {row['version']} has editions {numbers}"
            )
        elif not still_open[0]["geometry"].equals_exact(row["geometry"], 0.0):
            yield Finding("editions", f"parcel {row['code']} differs from its newest edition")


def superseded_parcels_are_kept_as_drawn(look: Look) -> Iterator[Finding]:
    """A superseded edition has the boundary that was acknowledged for its version, and ends where the next begins."""
    parcels = look.expected.of("parcels")
    for identifier, found in _parcel_editions(look).items():
        past = parcels[identifier].past if identifier in parcels else {}
        for row, following in pairwise(found):
            name = f"edition {row['number']} of parcel {identifier}"
            if row["valid_to"] != following["valid_from"]:
                words = f"{name} ends at {row['valid_to']}, the next begins at {following['valid_from']}"
                yield Finding("editions", words)
            drawn = past.get(
                row["number"]
            )  # a redraw is a version and an edition; the end of a parcel comes last
            wanted = shapely.geometry.shape(parcel_shape(identifier, drawn["side"])) if drawn else None
            if wanted is None or not row["geometry"].equals(wanted):
                yield Finding("editions", f"{name} is {row['geometry'].wkt}, drawn was {wanted}")


def _parcel_editions(look: Look) -> dict[str, list[dict[str, Any]]]:
    """Id of the parcel → its editions in their order."""
    kept: dict[str, list[dict[str, Any]]] = {}
    for row in look.all(select(parcel_editions).order_by(parcel_editions.c.fid)):
        kept.setdefault(row["parcel_id"], []).append(row)
    return kept


def files_and_indexes_are_sound(look: Look) -> Iterator[Finding]:
    """The database's own checks, and every index agrees with its table."""
    for words in damaged_indexes(look.connection):
        yield Finding("files", words)


RULES: tuple[Callable[[Look], Iterator[Finding]], ...] = (
    acknowledged_writes_are_there_once,
    personal_words_are_there_once,
    photos_are_there_once,
    every_version_has_its_event,
    revisions_never_go_back,
    no_edition_is_half,
    areas_are_their_newest_edition,
    area_editions_follow_one_another,
    open_records_are_linked_to_the_areas_in_force,
    parcels_keep_their_editions,
    superseded_parcels_are_kept_as_drawn,
    files_and_indexes_are_sound,
)
