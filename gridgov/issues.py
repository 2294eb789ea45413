"""Issues: report one with its links and number, and move its pin. The life cycle comes on top of this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from gridgov import records
from gridgov.models import ISSUES, Field, FieldType, Record
from gridgov.models.checking import checked
from gridgov.models.identifiers import new_identifier
from gridgov.serving.linking import Linker
from gridgov.store import Tx, Write
from gridgov.store.queries.contacts import add_contact, add_text
from gridgov.store.queries.counters import code_taken, next_number

CHINA = ZoneInfo("Asia/Shanghai")
_WORDS = Field("text", FieldType.TEXT, "反映内容", "what was reported", max_length=4_000)
_NAME = Field("name", FieldType.TEXT, "称呼", "name", max_length=60)
_PHONE = Field("phone", FieldType.TEXT, "电话", "phone", max_length=40)


@dataclass(frozen=True, slots=True)
class Report:
    """What a reporter sends beside the issue's fields; all of it is personal data and erasable.

    text: their words. name, phone: how to reach them.
    """

    text: str | None = None
    name: str | None = None
    phone: str | None = None


def report(tx: Tx, values: Mapping[str, Any], linker: Linker, told: Report | None = None) -> Write:
    """Report an issue: numbered, linked to its areas, words and contact kept apart. Idempotent by client id.

    values: fields of an issue with `geometry` (a lon-lat point). Raises what gridgov.records.create raises.
    """
    told = told or Report()
    payload = {"values": dict(values), "told": [told.text, told.name, told.phone]}
    words, name, phone = checked(_WORDS, told.text), checked(_NAME, told.name), checked(_PHONE, told.phone)
    ready = {"reported_at": tx.now, **{field: value for field, value in values.items() if value is not None}}
    if "code" not in ready:
        # A repeated report takes no new number; should two copies race, one number stays unused.
        repeated = "id" in ready and tx.holds(ISSUES, str(ready["id"]))
        ready["code"] = "-" if repeated else new_code(tx)
    tx.reserve(ISSUES)
    contact = new_identifier(tx.now) if name or phone else None
    write = records.create(tx, ISSUES, ready, linker, payload, own={"contact_id": contact})
    if write.created and contact is not None:
        add_contact(tx, contact, name, phone)
    if write.created and words:
        add_text(tx, ISSUES, write.record.id, words)
    return write


def new_code(tx: Tx) -> str:
    """The next ledger number of the day in China: WT-20261120-0001."""
    day = tx.now.astimezone(CHINA).strftime("%Y%m%d")
    while True:  # an import or an officer may have taken a number by hand; the counter goes past it
        code = f"WT-{day}-{next_number(tx, f'issues/{day}'):04d}"
        if not code_taken(tx, ISSUES, code):
            return code


def move(
    tx: Tx,
    identifier: str,
    version: int,
    geometry: Any,
    linker: Linker,
    position_source: str = "hand",
    accuracy_m: float | None = None,
) -> Record:
    """Move an issue's pin and link it anew; a pin moved by hand keeps no GPS accuracy."""
    accuracy = None if position_source == "hand" else accuracy_m
    values = {"geometry": geometry, "position_source": position_source, "accuracy_m": accuracy}
    return records.change(tx, ISSUES, identifier, version, values, linker)


def change(tx: Tx, identifier: str, version: int, values: Mapping[str, Any], linker: Linker) -> Record:
    """Change an issue's plain fields, or its pin together with them."""
    return records.change(tx, ISSUES, identifier, version, values, linker)
