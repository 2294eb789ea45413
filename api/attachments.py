"""Photos of records over HTTP: add one, list them, fetch the picture or its thumbnail, erase one."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData, UploadFile

from api import hot, schemas
from api.answers import answer
from api.deps import DEVICE_HEADER, Call, ScopedCall
from api.querying import known_parameters
from gridgov import attachments
from gridgov.access import Role
from gridgov.blobs import photo_key
from gridgov.errors import InvalidValue, NotFound, NotSignedIn, StoreProblem, TooManyAttempts
from gridgov.models import KINDS, RecordKind
from gridgov.models.checking import checked_identifier
from gridgov.store.queries import accounts

LOG = logging.getLogger("gridgov.api")
router = APIRouter(tags=["photos"])

_PATH: Final = "/api/{kind}/{identifier}/attachments"
_SHOWN: Final = ("id", "media_type", "size_bytes", "width", "height", "created_at")
_FOR_STAFF: Final = ("file_name", "taken_at", "taken_lon", "taken_lat", "created_by")
_ENDINGS: Final = {"image/jpeg": "jpg", "image/webp": "webp"}
HOUR: Final = dt.timedelta(hours=1)
# Reading a photo is work, and storage may be slow: neither may take the threads of everything else.
_ADDING: Final = hot.Room("photos that are being sent", waiting=20, patience_s=20)
_FETCHING: Final = hot.Room("photos that are being fetched", waiting=100, patience_s=10)
# A photo opened in a tab of its own runs nothing and loads nothing.
_POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
)


def check_sender(request: Request, kind: str, identifier: str, call: ScopedCall) -> None:
    """Runs before the body is read: a stranger need not send megabytes.

    Raises NotSignedIn, NotFound, TooManyAttempts.
    """
    if call.actor.role is Role.PUBLIC and not request.headers.get(DEVICE_HEADER):
        raise NotSignedIn("Sign in, or send X-Device-Token of the device that reported the issue.")
    with call.read() as tx:
        attachments.may_send(tx, _kind(kind), identifier)
        for key in _counters(request, call):
            sent, until = accounts.attempts(tx, key, HOUR)
            _check_count(call, sent + 1, until)


def _counters(request: Request, call: Call) -> tuple[str, ...]:
    """The counters of a stranger's photos: one of the address, one of the device; none of whoever is signed in."""
    if call.actor.role is not Role.PUBLIC:
        return ()
    service, zone = call.service, call.zone.zone
    marks = (("address", call.client.address), ("device", request.headers.get(DEVICE_HEADER, "")))
    return tuple("photo/" + service.mark(zone, *each) for each in marks)


def _check_count(call: Call, number: int, until: dt.datetime) -> None:
    limit = call.service.settings.public_reports_per_hour * attachments.REPORTER_MOST
    if number > limit:
        raise TooManyAttempts(
            f"At most {limit} photos an hour can be sent without signing in; try again later or sign in.",
            retry_after=call.seconds_until(until),
        )


@router.post(_PATH, dependencies=[Depends(check_sender)], response_class=Response, **schemas.adding_photo())
@hot.apart(_ADDING)
def add_photo(
    request: Request,
    kind: str,
    identifier: str,
    call: ScopedCall,
    form: Annotated[FormData, Depends(hot.upload_form)],
) -> Response:
    """Add a photo to a record: 201 when it is new, 200 when the same was sent before under the same id."""
    known_parameters(request.query_params.multi_items(), ())
    row, added = _add(request, call, (_kind(kind), checked_identifier(identifier)), form)
    item = _item(call, row)
    headers = {"Location": item["content"]} if added else {}
    return answer(request, item, 201 if added else 200, headers)


def _add(
    request: Request, call: Call, where: tuple[RecordKind, str], form: FormData
) -> tuple[dict[str, Any], bool]:
    """What is cheap to refuse is refused before the photo is read; all of it is asked again when it is kept.

    Each photo that is read counts for a stranger, whatever becomes of it. One that was sent before is answered at once
    when nothing of it is missing.
    """
    upload, own = _sent(form)
    service, most = call.service, call.service.settings.attachments_per_record
    digest = attachments.digest_of(upload.file)
    with call.read() as tx:
        known = None if own is None else attachments.repeated(tx, *where, own, digest)
        told = known is not None and attachments.is_told(tx, where[0], known)
        if known is None:
            attachments.may_add(tx, *where, most)
    if known is not None and told and attachments.is_kept(service.blobs, known):
        return known, False
    if counters := _counters(request, call):
        with call.write() as tx:
            for key in counters:
                _check_count(call, *accounts.count_attempt(tx, key, HOUR))
    limits = attachments.limits_of(service.settings)
    sent = attachments.prepare(upload.file, upload.filename, limits, service.blobs)
    with call.write() as tx:
        row, added = attachments.attach(tx, *where, sent, most, own)
    attachments.secure(service.store, service.blobs, sent, call.now)
    return row, added


def _sent(form: FormData) -> tuple[UploadFile, str | None]:
    """The file of the part “file” and the id of the part “id”, None without one. Raises InvalidValue."""
    upload, own = form.get("file"), form.get("id")
    unknown = sorted(name for name in form if name not in ("file", "id"))
    if unknown or not isinstance(upload, UploadFile):
        raise InvalidValue("Send one photo in the part “file”, and its id in the part “id”.", field="file")
    if own is not None and not isinstance(own, str):
        raise InvalidValue("The part “id” must be text: a UUID.", field="id")
    return upload, None if own is None else checked_identifier(own)


@router.get(_PATH, response_class=Response, **schemas.simple("Photos"))
def list_photos(request: Request, kind: str, identifier: str, call: ScopedCall) -> Response:
    """The photos of a record that the caller sees in full, oldest first."""
    known_parameters(request.query_params.multi_items(), ())
    with call.read() as tx:
        found = attachments.photos_of(tx, _kind(kind), identifier)
    return answer(request, {"items": [_item(call, row) for row in found]})


@router.get(f"{_PATH}/{{attachment}}", response_class=Response, **schemas.photo())
@hot.apart(_FETCHING)
def read_photo(request: Request, kind: str, identifier: str, attachment: str, call: ScopedCall) -> Response:
    """The picture itself."""
    return _picture(request, call, _kind(kind), (identifier, attachment), "hash")


@router.get(f"{_PATH}/{{attachment}}/thumbnail", response_class=Response, **schemas.photo())
@hot.apart(_FETCHING)
def read_thumbnail(
    request: Request, kind: str, identifier: str, attachment: str, call: ScopedCall
) -> Response:
    """The picture, small."""
    return _picture(request, call, _kind(kind), (identifier, attachment), "thumbnail_hash")


@router.delete(f"{_PATH}/{{attachment}}", response_class=Response, **schemas.erasing_photo())
@hot.apart(_FETCHING)
def erase_photo(request: Request, kind: str, identifier: str, attachment: str, call: ScopedCall) -> Response:
    """Erase a photo for good; that there was one stays in the record's history."""
    known_parameters(request.query_params.multi_items(), ())
    with call.write() as tx:
        freed = attachments.erase(tx, _kind(kind), identifier, attachment, call.address_mark)
    service = call.service
    try:
        attachments.drop_unnamed(service.store, service.blobs, freed, call.now)
    except StoreProblem as error:  # nobody can reach the bytes any more; the next sweep takes them
        LOG.warning("the bytes of erased photo %s stay until the next sweep: %s", attachment, error.message)
    return Response(status_code=204)


def _picture(request: Request, call: Call, kind: RecordKind, named: tuple[str, str], column: str) -> Response:
    known_parameters(request.query_params.multi_items(), ())
    with call.read() as tx:
        row = attachments.photo_of(tx, kind, *named)
    digest, media_type = str(row[column]), row["media_type"]
    public = call.actor.role is Role.PUBLIC
    headers = {
        "ETag": f'"{digest}"',
        # Asked again each time: a record may leave the public's sight, and a photo may be erased.
        "Cache-Control": "no-cache" if public else "private, no-cache",
        "Vary": "Cookie, Authorization",
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Disposition": f'inline; filename="{row["id"]}.{_ENDINGS[media_type]}"',
    }
    if digest in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    try:
        with call.service.blobs.open(photo_key(digest)) as source:
            content = source.read()
    except NotFound as error:
        LOG.error("the file %s of photo %s is missing", photo_key(digest), row["id"])  # noqa: TRY400 (told, not traced)
        raise NotFound(
            "The file of this photo is missing; the operator can restore it.", id=row["id"]
        ) from error
    return Response(content, headers=headers, media_type=media_type)


def _kind(name: str) -> RecordKind:
    """Raises NotFound for what is no kind of record."""
    if name not in KINDS:
        raise NotFound(f"“{name[:40]}” is no kind of record; the kinds are {', '.join(KINDS)}.")
    return KINDS[name]


def _item(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    """A photo as JSON. Where and when it was taken, and under which name it came, is for staff."""
    staff = call.actor.role in (Role.STAFF, Role.ADMIN)
    base = f"{call.root}/api/{row['record_kind']}/{row['record_id']}/attachments/{row['id']}"
    return {
        **{name: row[name] for name in (*_SHOWN, *(_FOR_STAFF if staff else ()))},
        "content": base,
        "thumbnail": f"{base}/thumbnail",
    }
