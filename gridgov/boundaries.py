"""Areas one at a time: create, change, end. Each change of a boundary is a publication that links records anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gridgov.errors import (
    AlreadyEnded,
    ContentDiffers,
    DuplicateCode,
    IdentifierTaken,
    UnknownField,
    VersionMismatch,
)
from gridgov.models import AREAS, Record
from gridgov.models.checking import checked_values, payload_hash
from gridgov.relink import publish_and_relink
from gridgov.store import Tx, Write
from gridgov.store.queries.editions import replace_boundaries

_BOUNDARY: Final = ("geometry", "parent_id", "kind")


def create_area(tx: Tx, values: Mapping[str, Any], linker: None = None, payload: Any = None) -> Write:
    """Publish one new area; idempotent by client id. Raises ContentDiffers, IdentifierTaken, DuplicateCode."""
    del linker, payload  # the edition set makes its own index; the hash is that of the boundary
    replace_boundaries(tx)
    if "id" in values and tx.holds(AREAS, values["id"]):
        return Write(_same_again(tx, values), created=False)
    if isinstance(values.get("code"), str) and tx.find(AREAS, values["code"].strip()) is not None:
        raise DuplicateCode(f"The code {values['code']} is taken by a living area.", code=values["code"])
    publish_and_relink(tx, f"new area {values.get('code')}", [values])
    record = tx.find(AREAS, str(values["code"]).strip())
    assert record is not None  # noqa: S101 (published just now)
    return Write(record, created=True)


def _same_again(tx: Tx, values: Mapping[str, Any]) -> Record:
    record = tx.get(AREAS, values["id"])
    if record["created_by"] != tx.scope.actor:
        raise IdentifierTaken(f"The id {record.id} is taken; make a new one.", id=record.id)
    if record["payload_hash"] != payload_hash(values):
        raise ContentDiffers(
            f"The id {record.id} was sent before with other content. Send the same content, "
            "change the area with If-Match, or make a new id.",
            id=record.id,
        )
    return record


def change_area(
    tx: Tx, identifier: str, version: int, values: Mapping[str, Any], linker: None = None
) -> Record:
    """Change an area; a new boundary, parent or kind is published as an edition set of its own.

    Raises UnknownField for the code: links name it, so an area with another code is another area.
    """
    del linker
    replace_boundaries(tx)
    record = _living(tx, identifier, version)
    if values.get("code", record["code"]) != record["code"]:
        raise UnknownField("The code of an area never changes; end it and publish a new one.", field="code")
    plain = {name: value for name, value in values.items() if name not in _BOUNDARY}
    if set(values) & set(_BOUNDARY):
        kept = {
            field.name: record[field.name] for field in AREAS.writable if record.get(field.name) is not None
        }
        boundary = {**kept, "geometry": record.geometry, **{n: values[n] for n in _BOUNDARY if n in values}}
        publish_and_relink(tx, f"boundary of {record['code']}", [boundary])
        record = tx.get(AREAS, identifier)
    return _change_plain(tx, record, plain) if plain else record


def _change_plain(tx: Tx, record: Record, values: Mapping[str, Any]) -> Record:
    """Change an area's fields beside its boundary."""
    checked = checked_values(AREAS, values, partial=True)
    return tx.change(AREAS, record.id, record["version"], checked)


def end_area(tx: Tx, identifier: str, version: int) -> Record:
    """End an area by publication, so that its records are linked anew. Raises Conflict while areas lie below it."""
    replace_boundaries(tx)
    record = _living(tx, identifier, version)
    publish_and_relink(tx, f"end of {record['code']}", [], [record["code"]])
    return tx.get(AREAS, identifier)


def _living(tx: Tx, identifier: str, version: int) -> Record:
    record = tx.get(AREAS, identifier)
    if record["valid_to"] is not None:
        raise AlreadyEnded(f"The area {record['code']} has ended and cannot change.", id=identifier)
    if record["version"] != version:
        raise VersionMismatch(
            f"The area {record['code']} is at version {record['version']}, the change was made from {version}. "
            "Read it again and repeat the change.",
            version=record["version"],
        )
    return record
