"""Photos of records: add, list, open and erase them, and sweep away files that nobody names any more.

The bytes lie in a blob store under the SHA-256 of their content, the rows in the store. Blobs are put before their row
commits, so a crash leaves a file without a row, which the sweep takes. Should the sweep or an erasure take equal bytes
in between, they are put again after the commit (`secure`), or when the photo is sent again: nothing is asked of a place
for files that may be slow while all writers wait.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, BinaryIO, Final

from gridgov.access import ACTIONS, Role, Scope
from gridgov.blobs import PHOTOS, BlobStore, Stored, photo_key
from gridgov.errors import (
    AlreadyEnded,
    ContentDiffers,
    IdentifierTaken,
    NotAllowed,
    NotFound,
    TooLarge,
)
from gridgov.images import Limits, Photo, read_photo
from gridgov.models import ISSUES, RecordKind
from gridgov.models.checking import checked_identifier
from gridgov.models.identifiers import new_identifier
from gridgov.ownership import MARK, claim, require_own
from gridgov.settings import Settings
from gridgov.store import Store, Tx
from gridgov.store.queries import attachments as rows
from gridgov.store.queries.audit import record_audit
from gridgov.store.queries.events import events_of

REPORTER_MAY_ADD: Final = dt.timedelta(hours=1)
REPORTER_MOST: Final = 5
ORPHAN_AGE: Final = dt.timedelta(hours=24)
# kind → action whose roles may; of other kinds those who may write it.
_ADDING: Final = MappingProxyType({"issues": "issues:move"})
_ERASING: Final = MappingProxyType({"issues": "issues:change"})
_AT_ONCE: Final = 50
_DROPS_AT_ONCE: Final = 5  # all writers wait meanwhile
_ADDED: Final = "attachment_added"
_NAME_MAX: Final = 120
_PIECE: Final = 1024**2


@dataclass(frozen=True, slots=True)
class Sent:
    """A photo as it was sent, ready to be attached. digest: SHA-256 of the bytes as sent, which tells repeats."""

    photo: Photo
    digest: str
    file_name: str | None


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took, or with a dry run would take: photos and thumbnails, their bytes.

    tidied: leftovers of files that never arrived whole.
    """

    photos: int
    bytes: int
    tidied: int


def limits_of(settings: Settings) -> Limits:
    """The bounds of photos that the settings name."""
    return Limits(
        settings.attachment_max_bytes,
        settings.attachment_max_pixels,
        settings.attachment_side,
        settings.thumbnail_side,
    )


def digest_of(source: BinaryIO) -> str:
    """SHA-256 of a file from its beginning, in hexadecimal; it stands at its beginning afterwards."""
    digest = hashlib.sha256()
    source.seek(0)
    while piece := source.read(_PIECE):
        digest.update(piece)
    source.seek(0)
    return digest.hexdigest()


def prepare(source: BinaryIO, file_name: str | None, limits: Limits, blobs: BlobStore) -> Sent:
    """Read a photo and put it and its thumbnail where photos lie. No transaction is open meanwhile: it takes a while.

    Raises what gridgov.images.read_photo raises, and StoreFull, StoreReadOnly, StoreUnavailable of the blobs.
    """
    digest = digest_of(source)
    sent = Sent(read_photo(source, limits), digest, _plain_name(file_name))
    for content in (sent.photo.content, sent.photo.thumbnail):
        blobs.put(photo_key(_hash(content)), io.BytesIO(content))
    return sent


def may_add(tx: Tx, kind: RecordKind, record_id: str, most: int, *, hold: bool = False) -> None:
    """Whoever sees a record and may write its kind, or made it, may add a photo; and a reporter to their own issue.

    A grid worker may add to the issues they see. The public may add at most five photos to an issue that came from
    their device, for an hour. hold: before the writing transaction ends the record cannot, nor another photo be added.
    Raises NotFound (out of sight, or not theirs), AlreadyEnded, NotAllowed, TooLarge beyond `most` photos.
    """
    record_id = checked_identifier(record_id)
    public = tx.scope.role is Role.PUBLIC
    record, own = _in_sight(tx, kind, record_id, hold=hold)
    if public and record["created_at"] <= tx.now - REPORTER_MAY_ADD:
        raise _unseen(kind, record_id)
    if record["valid_to"] is not None:
        raise AlreadyEnded(f"This record of {kind.en} has ended; it takes no photos.", id=record_id)
    action = _ADDING.get(kind.name, f"{kind.name}:write")
    if not (own or tx.scope.role in ACTIONS[action]):
        raise NotAllowed(f"The role {tx.scope.role} may not add photos to {kind.en}.", action=action)
    bound = min(most, REPORTER_MOST) if public else most
    if rows.count_attachments(tx, kind, record_id) >= bound:
        raise TooLarge(f"A record takes at most {bound} photos here; erase one first.", limit=bound)


def may_send(tx: Tx, kind: RecordKind, record_id: str) -> None:
    """The first and cheap part of `may_add`, before the photo arrives: strangers need not send it.

    Raises NotFound (out of sight, or not theirs).
    """
    _in_sight(tx, kind, checked_identifier(record_id), hold=False)


def _in_sight(tx: Tx, kind: RecordKind, record_id: str, *, hold: bool) -> tuple[dict[str, Any], bool]:
    """A record that the scope sees, or that the public reported itself; and whether its actor made it."""
    public = tx.scope.role is Role.PUBLIC
    if not public:
        tx.get(kind, record_id)
    record = rows.find_record(tx, kind, record_id, hold=hold)
    own = record is not None and record["created_by"] == tx.scope.actor != ""
    if record is None or (public and not (kind is ISSUES and own)):
        raise _unseen(kind, record_id)
    return record, own


def _unseen(kind: RecordKind, record_id: str) -> NotFound:
    return NotFound(f"There is no record {record_id} among the {kind.en} you can see.", id=record_id)


def repeated(tx: Tx, kind: RecordKind, record_id: str, identifier: str, digest: str) -> dict[str, Any] | None:
    """The row of a photo that the same actor sent before under the same id; None when the id is free.

    Raises IdentifierTaken for another's id, ContentDiffers for other bytes, another record, or an erased photo.
    """
    row = rows.find_attachment(tx, identifier)
    if row is None:
        return None
    if row["created_by"] != tx.scope.actor:
        raise IdentifierTaken(f"The id {identifier} is taken; make a new one.", id=identifier)
    same = (row["record_kind"], row["record_id"], row["payload_hash"]) == (kind.name, record_id, digest)
    if not same:
        raise ContentDiffers(
            f"The id {identifier} was sent before with another photo, or that one was erased; make a new id.",
            id=identifier,
        )
    return row


def attach(
    tx: Tx,
    kind: RecordKind,
    record_id: str,
    sent: Sent,
    most: int,
    identifier: str | None = None,
) -> tuple[dict[str, Any], bool]:
    """Add a prepared photo to a record; gives its row, and False when the same was sent before.

    The record keeps its version and its revision: a photo is no change that a reader's edit could overwrite, and no
    map shows it. Its history gets an event with the photo's id, also when the same was sent before and a kill between
    the two files of an embedded store left the row without it. After the commit follows `secure`.
    Raises what `may_add` and `repeated` raise.
    """
    record_id = checked_identifier(record_id)
    identifier = new_identifier(tx.now) if identifier is None else checked_identifier(identifier)
    if known := repeated(tx, kind, record_id, identifier, sent.digest):
        if not is_told(tx, kind, known):
            _tell(tx, kind, known)
        return known, False
    may_add(tx, kind, record_id, most, hold=True)
    photo = sent.photo
    row = {
        "id": identifier,
        "record_kind": kind.name,
        "record_id": record_id,
        "media_type": photo.media_type,
        "hash": _hash(photo.content),
        "thumbnail_hash": _hash(photo.thumbnail),
        "size_bytes": len(photo.content),
        "width": photo.width,
        "height": photo.height,
        "file_name": sent.file_name,
        "taken_at": photo.at,
        "taken_lon": photo.lon,
        "taken_lat": photo.lat,
        "payload_hash": sent.digest,
    }
    added = rows.add_attachment(tx, row)
    if added is None:  # the same id arrived at the same moment
        return repeated(tx, kind, record_id, identifier, sent.digest) or row, False
    _tell(tx, kind, added)
    return added, True


def _tell(tx: Tx, kind: RecordKind, row: Mapping[str, Any]) -> None:
    tx.record_event(kind, row["record_id"], _ADDED, {"attachment": row["id"]})


def is_told(tx: Tx, kind: RecordKind, row: Mapping[str, Any]) -> bool:
    """Whether the history of its record says that a photo was added."""
    told = (each for each in events_of(tx, kind, row["record_id"]) if each["verb"] == _ADDED)
    return any(each["changes"] == {"attachment": row["id"]} for each in told)


def is_kept(blobs: BlobStore, row: Mapping[str, Any]) -> bool:
    """Whether a photo's files are there. Raises what the blobs raise."""
    return all(blobs.holds(photo_key(row[name])) for name in ("hash", "thumbnail_hash"))


def secure(store: Store, blobs: BlobStore, sent: Sent, now: dt.datetime) -> None:
    """After a photo's row has committed: put again what a sweep or an erasure took between its put and its row.

    Both hold the rows while they look and drop, so they came wholly before the row, or left its files. Should the row
    have been erased meanwhile, the files go again. Raises what the blobs and the store raise; the photo sent again does
    the same.
    """
    contents = {_hash(content): content for content in (sent.photo.content, sent.photo.thumbnail)}
    missing = [digest for digest in contents if not blobs.holds(photo_key(digest))]
    for digest in missing:
        blobs.put(photo_key(digest), io.BytesIO(contents[digest]))
    if missing:
        drop_unnamed(store, blobs, missing, now)


def photos_of(tx: Tx, kind: RecordKind, record_id: str) -> list[dict[str, Any]]:
    """The rows of a record's photos, oldest first. Raises NotFound unless the scope sees the record in full."""
    _see(tx, kind, record_id)
    return rows.attachments_of(tx, kind, checked_identifier(record_id))


def photo_of(tx: Tx, kind: RecordKind, record_id: str, identifier: str) -> dict[str, Any]:
    """The row of one photo. Raises NotFound: no such record in full sight, no such photo of it, or erased."""
    _see(tx, kind, record_id)
    row = rows.find_attachment(tx, checked_identifier(identifier))
    if row is None or (row["record_kind"], row["record_id"]) != (kind.name, checked_identifier(record_id)):
        row = None
    if row is None or row["erased_at"] is not None:
        raise NotFound("This record has no such photo.", id=identifier[:60])
    return row


def _see(tx: Tx, kind: RecordKind, record_id: str) -> None:
    """Raises NotFound unless the scope sees the record in full: an opened issue shows no photos."""
    if kind is ISSUES and tx.scope.role is Role.PUBLIC:
        raise NotFound(f"There is no record {record_id[:60]} among the {kind.en} whose photos you can see.")
    tx.get(kind, record_id)


def erase(
    tx: Tx, kind: RecordKind, record_id: str, identifier: str, address: str | None = None
) -> tuple[str, ...]:
    """Erase a photo for good: its row stays, empty, with the time; history and audit log say so.

    address: the keyed hash of where the wish came from, for the audit log. Returns the hashes whose bytes may go now,
    for `drop_unnamed` after the commit. Raises NotFound (also the second time), NotAllowed for a role that may not
    write the kind.
    """
    action = _ERASING.get(kind.name, f"{kind.name}:write")
    row = photo_of(tx, kind, record_id, identifier)
    if tx.scope.role not in ACTIONS[action]:
        raise NotAllowed(f"The role {tx.scope.role} may not erase photos of {kind.en}.", action=action)
    rows.blank_attachment(tx, row["id"])
    tx.record_event(kind, row["record_id"], "attachment_erased", {"attachment": row["id"]})
    details = {"kind": kind.name, "record": row["record_id"]}
    record_audit(tx, "attachments:erase", row["id"], address=address, details=details)
    return row["hash"], row["thumbnail_hash"]


def _nothing() -> None:
    """Nobody asks whether to go on."""


def drop_unnamed(store: Store, blobs: BlobStore, hashes: Iterable[str], now: dt.datetime) -> frozenset[str]:
    """Drop the blobs of those hashes that no row of any zone names; returns the hashes dropped.

    Nobody can add a photo between the look and the drop. Writers wait meanwhile, so only a few are dropped at once, and
    a place for files that is away is found out before they wait. Where the place belongs to another store nothing is
    dropped: it may name the same bytes. Raises what the store and the blobs raise.
    """
    if not claim(store, blobs, now):
        return frozenset()
    wanted, dropped = sorted(frozenset(hashes)), set[str]()
    for start in range(0, len(wanted), _DROPS_AT_ONCE):
        part = wanted[start : start + _DROPS_AT_ONCE]
        blobs.holds(photo_key(part[0]))
        with store.begin(Scope.system(""), now, write=True) as tx:
            rows.hold_attachments(tx)
            free = frozenset(part) - rows.named_hashes(tx, part)
            for each in sorted(free):
                blobs.drop(photo_key(each))
        dropped |= free
    return frozenset(dropped)


def sweep(
    store: Store,
    blobs: BlobStore,
    now: dt.datetime,
    *,
    older: dt.timedelta = ORPHAN_AGE,
    dry_run: bool = False,
    between: Callable[[], object] = _nothing,
) -> Swept:
    """Drop the photos of all zones that nobody names any more; safe beside uploads under way, and to repeat.

    Photos and thumbnails without a row that were put longer ago than `older`, and leftovers of files that never arrived
    whole. Uploads are the business of their jobs. between: called before each part; what it raises ends the sweep,
    which is then done up to there. Raises ForeignFiles where the place belongs to another store, and what the store and
    the blobs raise.
    """
    require_own(store, blobs, now)
    photos = size = 0
    old = (each for each in blobs.each(PHOTOS) if each.key != MARK and each.put_at < now - older)
    while part := {_name(each): each for each in islice(old, _AT_ONCE)}:
        between()
        free = _unnamed(store, part, now)
        if free and not dry_run:
            free = drop_unnamed(store, blobs, free, now)
        photos, size = photos + len(free), size + sum(part[name].size for name in free)
    tidied = 0 if dry_run else blobs.tidy(now - older)
    return Swept(photos, size, tidied)


def _name(blob: Stored) -> str:
    return PurePosixPath(blob.key).name


def _unnamed(store: Store, names: Iterable[str], now: dt.datetime) -> frozenset[str]:
    wanted = frozenset(names)
    with store.begin(Scope.system(""), now) as tx:
        return wanted - rows.named_hashes(tx, wanted)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _plain_name(name: str | None) -> str | None:
    """The last part of a file's name without control characters; None for none."""
    last = re.split(r"[/\\]", name or "")[-1]
    plain = re.sub(r"[\x00-\x1f\x7f]", "", last).strip()[-_NAME_MAX:]
    return plain.encode(errors="replace").decode() or None
