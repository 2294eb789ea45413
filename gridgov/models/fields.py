"""What a record is made of: `Field`, `RecordKind` and `Record`; the tables themselves stand in the sibling modules.

One table of fields feeds the database schema, the JSON of the API, the import's column mapping, exports, popups
and the glossary, so a field is named, typed, bounded and labelled in exactly one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class FieldType(StrEnum):
    """How a value is stored and checked. All have None for unknown unless the field is required."""

    TEXT = "text"
    CODE = "code"  # text that may look like a number; leading zeros count
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "instant"  # aware UTC datetime, milliseconds
    DAY = "day"  # datetime.date
    CHOICE = "choice"  # one term of a vocabulary
    LIST = "list"  # JSON array of plain values
    OBJECT = "object"  # JSON object
    REFERENCE = "reference"  # id of a record of `refers_to`


class Audience(StrEnum):
    """Who may read a field: everybody who may read the record, or staff only."""

    PUBLIC = "public"
    STAFF = "staff"


class GeometryType(StrEnum):
    """What a record kind's geometry may be, in lon-lat degrees (EPSG:4326)."""

    POINT = "point"
    POLYGON = "polygon"  # Polygon or MultiPolygon
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of a vocabulary: the stored English code and what people read."""

    code: str
    zh: str
    en: str


class Vocabulary:
    """An ordered, closed list of terms. Iterates over the codes in order."""

    def __init__(self, name: str, *terms: tuple[str, str, str]) -> None:
        self.name = name
        self.terms = tuple(Term(*term) for term in terms)
        self._by_code = {term.code: term for term in self.terms}
        self._by_label = {
            label: term.code for term in self.terms for label in (term.code, term.zh, term.en.lower())
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_code)

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def label(self, code: str | None, language: str = "zh") -> str:
        """The label of `code` in "zh" or "en"; "" for None; the code itself when it is not in the list."""
        if code is None:
            return ""
        term = self._by_code.get(code)
        return code if term is None else (term.en if language == "en" else term.zh)

    def find(self, text: str) -> str | None:
        """The code for a code, Chinese label or English label as people type it; None when unknown."""
        word = text.strip()
        return self._by_label.get(word) or self._by_label.get(word.lower())


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record kind.

    unit: "m²", "m", "kVA" …; "" when it has none. minimum/maximum bound numbers (inclusive), max_length bounds text
    in characters. system: written by gridgov, never by a client. aliases: further column names an import accepts.
    """

    name: str
    type: FieldType
    zh: str
    en: str
    unit: str = ""
    vocabulary: Vocabulary | None = None
    refers_to: str | None = None
    required: bool = False
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = 200
    audience: Audience = Audience.PUBLIC
    system: bool = False
    aliases: tuple[str, ...] = ()

    def label(self, language: str = "zh") -> str:
        """The field's name for people, in "zh" or "en"."""
        return self.en if language == "en" else self.zh


@dataclass(frozen=True)
class RecordKind:
    """One kind of record: its name (plural, also route and table), fields, geometry and labels.

    live: for a kind with published/expiring visibility, the pair of instant fields that bound it for the public.
    """

    name: str
    zh: str
    en: str
    fields: tuple[Field, ...]
    geometry: GeometryType | None = None
    geometry_required: bool = True
    code_unique: bool = True
    live: tuple[str, str] | None = None
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        every = (*ENVELOPE, *self.fields)
        object.__setattr__(self, "by_name", MappingProxyType({each.name: each for each in every}))

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """Envelope and own fields, in order."""
        return (*ENVELOPE, *self.fields)

    @property
    def writable(self) -> tuple[Field, ...]:
        """Fields a client may set (id only at creation)."""
        return tuple(each for each in self.all_fields if not each.system)


class Record(Mapping[str, Any]):
    """One stored record, read-only: a mapping from field name to value plus `geometry` (shapely, lon-lat) when kept.

    `record["code"]` raises KeyError for a field that the actor's scope does not show.
    """

    __slots__ = ("_values", "kind")

    def __init__(self, kind: RecordKind, values: Mapping[str, Any]) -> None:
        self.kind = kind
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Record({self.kind.name}, id={self._values.get('id')}, code={self._values.get('code')})"

    @property
    def id(self) -> str:
        """The record's UUID, lower-case text."""
        return str(self._values["id"])

    @property
    def geometry(self) -> Any:
        """The shapely geometry in lon-lat degrees; None when the record has none."""
        return self._values.get("geometry")


ENVELOPE = (
    Field("id", FieldType.CODE, "标识", "identifier", max_length=36),
    Field("zone", FieldType.CODE, "片区", "zone", system=True, max_length=64),
    Field(
        "code",
        FieldType.CODE,
        "编号",
        "code",
        required=True,
        max_length=64,
        aliases=("代码", "编码", "number", "adcode", "行政区划代码"),
    ),
    Field("version", FieldType.INTEGER, "版本", "version", system=True),
    Field("revision", FieldType.INTEGER, "修订号", "revision", system=True),
    Field("valid_from", FieldType.INSTANT, "生效时间", "valid from", system=True),
    Field("valid_to", FieldType.INSTANT, "失效时间", "valid to", system=True),
    Field("created_at", FieldType.INSTANT, "登记时间", "created at", system=True),
    Field("created_by", FieldType.CODE, "登记人", "created by", system=True, audience=Audience.STAFF),
    Field("changed_at", FieldType.INSTANT, "更新时间", "changed at", system=True),
    Field("changed_by", FieldType.CODE, "更新人", "changed by", system=True, audience=Audience.STAFF),
    Field("payload_hash", FieldType.CODE, "内容摘要", "payload hash", system=True, audience=Audience.STAFF),
)
