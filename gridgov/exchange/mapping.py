"""Which column of a file is which field of a record kind, by name in Chinese or English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from gridgov.errors import UnknownField
from gridgov.geo import mu_to_square_metres
from gridgov.models import Field, FieldType, RecordKind

How = Literal["given", "name", "label", "alias", "unit", "cut"]

# Columns that are no fields, but say what a land-use code means: field of the code → evidence column.
LAND_NAMES = MappingProxyType({"land_code": "land_name", "planned_code": "planned_name"})

# Short names by which Chinese survey and planning tables (Shapefile: ten bytes) call their columns.
_SURVEY_NAMES = MappingProxyType(
    {
        "code": ("dkbh", "zdbh", "bh", "bsm", "objectcode", "id_code"),
        "name_zh": ("mc", "dkmc", "xmmc", "zdmc"),
        "land_code": ("ydxzdm", "dlbm", "yddm", "ydyhdm", "xzyddm"),
        "planned_code": ("ghyddm", "ghydxzdm", "ghdm"),
        "land_name": ("ydxz", "dlmc", "ydyhmc", "地类名称", "用地性质", "用地名称", "用地性质名称", "地类"),
        "planned_name": ("ghydxz", "ghydmc", "规划用地性质", "规划用地名称", "规划用途"),
        "area_claimed_m2": ("zdmj", "dkmj", "ydmj", "mj"),
        "address": ("zl", "tdzl"),
        "right_holder": ("qlr", "syqr"),
        "cadastral_unit": ("bdcdyh",),
        "notes": ("bz",),
    }
)

# Units as people write them (compatibility characters folded: ㎡ and m² are m2) → the unit of a field,
# and how many of it one of them is.
_UNITS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "m2": ("m²", 1.0), "平方米": ("m²", 1.0), "平米": ("m²", 1.0), "sqm": ("m²", 1.0),
        "万平方米": ("m²", 10_000.0), "万m2": ("m²", 10_000.0), "公顷": ("m²", 10_000.0),
        "ha": ("m²", 10_000.0),
        "hm2": ("m²", 10_000.0), "平方公里": ("m²", 1_000_000.0), "km2": ("m²", 1_000_000.0),
        "亩": ("mu", 1.0), "mu": ("mu", 1.0), "米": ("m", 1.0), "m": ("m", 1.0), "厘米": ("m", 0.01),
        "cm": ("m", 0.01), "毫米": ("m", 0.001), "mm": ("m", 0.001), "吨": ("t", 1.0), "t": ("t", 1.0),
        "kva": ("kVA", 1.0), "千伏安": ("kVA", 1.0), "kn/m2": ("kN/m²", 1.0),
        "元/平方米/月": ("yuan/m²/month", 1.0), "元/m2/月": ("yuan/m²/month", 1.0),
        "元/m2·月": ("yuan/m²/month", 1.0),
    }
)  # fmt: skip
_BRACKETED = re.compile(r"^(.+?)[(\[]([^()\[\]]+)[)\]]$")
_RANK: Mapping[How, int] = {"given": 0, "name": 1, "label": 2, "alias": 3, "unit": 4, "cut": 5}
_SHORTEST_CUT = 3  # characters that a cut name must keep to be recognised


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """One column and the field it fills. field None: not loaded. how: by what it was recognised.

    factor: the file's number times this is the field's (公顷 into m²: 10,000). taken_by: the column that
    fills the same field and was the better match, when that is why this one is left out.
    """

    column: str
    field: str | None
    how: How | None = None
    factor: float = 1.0
    taken_by: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"column": self.column, "field": self.field, "how": self.how, "factor": self.factor}


def map_columns(
    columns: Sequence[str],
    kind: RecordKind,
    given: Mapping[str, str] | None = None,
    *,
    cut_names: bool = False,
) -> tuple[ColumnMatch, ...]:
    """A match for every column, in the file's order.

    given: column → field as a person decided; "" leaves the column out. cut_names: names may have been cut
    off (Shapefile), so their beginnings are compared too. A field is filled by one column: the better match
    wins, the first of equals. Raises UnknownField for a given column or field that does not exist.
    """
    given = given or {}
    _check_given(columns, kind, given)
    names = _known_names(kind)
    found = [
        ColumnMatch(column, given[column] or None, "given")
        if column in given
        else _match(column, kind, names, cut_names=cut_names)
        for column in columns
    ]
    return tuple(_without_rivals(found))


def _check_given(columns: Sequence[str], kind: RecordKind, given: Mapping[str, str]) -> None:
    fields = {field.name for field in kind.writable} | set(LAND_NAMES.values())
    for column, field in given.items():
        if column not in columns:
            message = f"There is no column {column!r} to map; the file has {', '.join(columns) or 'none'}."
            raise UnknownField(message, field=column)
        if field and field not in fields:
            known = ", ".join(sorted(fields))
            raise UnknownField(
                f"{kind.en} have no field {field!r} to map {column!r} to; they have {known}.", field=field
            )


def _known_names(kind: RecordKind) -> dict[str, tuple[str, How]]:
    """Every folded name a column may have → field and how it is known; the first claim to a name stands."""
    names: dict[str, tuple[str, How]] = {}
    fields = [field for field in kind.writable if field.name != "id"]  # a file's id is its own row number
    for field in fields:
        names.setdefault(_fold(field.name), (field.name, "name"))
    for field in fields:
        for label in (field.zh, field.en):
            names.setdefault(_fold(label), (field.name, "label"))
        for alias in (*field.aliases, *_SURVEY_NAMES.get(field.name, ()), *_reference_names(field)):
            names.setdefault(_fold(alias), (field.name, "alias"))
    for code, evidence in LAND_NAMES.items():
        if code in kind.by_name:
            for alias in (evidence, *_SURVEY_NAMES[evidence]):
                names.setdefault(_fold(alias), (evidence, "alias"))
    return names


def _reference_names(field: Field) -> tuple[str, ...]:
    """A reference is filled by the code of its target: 所在厂房 also as 厂房编号, plant_code."""
    if field.type is not FieldType.REFERENCE:
        return ()
    plain = field.zh.removeprefix("所在").removeprefix("所属")
    stem = field.name.removesuffix("_id")
    return (f"{field.zh}编号", f"{field.zh}代码", plain, f"{plain}编号", f"{plain}代码", f"{stem}_code")


def _match(
    column: str, kind: RecordKind, names: Mapping[str, tuple[str, How]], *, cut_names: bool
) -> ColumnMatch:
    folded = _fold(column)
    if folded in names:
        field, how = names[folded]
        return ColumnMatch(column, field, how)
    with_unit = _match_with_unit(column, kind, names)
    if with_unit is not None:
        return with_unit
    if cut_names and len(folded) >= _SHORTEST_CUT:
        fields = {field for name, (field, _) in names.items() if name.startswith(folded)}
        if len(fields) == 1:
            return ColumnMatch(column, fields.pop(), "cut")
    return ColumnMatch(column, None)


def _match_with_unit(
    column: str, kind: RecordKind, names: Mapping[str, tuple[str, How]]
) -> ColumnMatch | None:
    """净高(m), 面积（公顷）: the name before the bracket, and the unit turned into the field's."""
    bracketed = _BRACKETED.match(unicodedata.normalize("NFKC", column).strip())
    if bracketed is None:
        return None
    unit = _UNITS.get(bracketed.group(2).strip().lower())
    claimed = names.get(_fold(bracketed.group(1)))
    if unit is None or claimed is None or claimed[0] not in kind.by_name:
        return None
    field = kind.by_name[claimed[0]]
    if field.unit == unit[0]:
        return ColumnMatch(column, field.name, "unit", unit[1])
    sibling = kind.by_name.get(field.name.rsplit("_", 1)[0] + "_" + unit[0].replace("²", "2"))
    if sibling is not None:
        return ColumnMatch(column, sibling.name, "unit", unit[1])
    if (field.unit, unit[0]) == ("m²", "mu"):
        return ColumnMatch(column, field.name, "unit", float(mu_to_square_metres(1)))
    return None


def _without_rivals(matches: Sequence[ColumnMatch]) -> list[ColumnMatch]:
    winners: dict[str, ColumnMatch] = {}
    for match in sorted(matches, key=lambda each: _RANK[each.how] if each.how else 0):
        if match.field is not None:
            winners.setdefault(match.field, match)
    return [
        match
        if match.field is None or winners[match.field] is match
        else ColumnMatch(match.column, None, taken_by=winners[match.field].column)
        for match in matches
    ]


def _fold(name: str) -> str:
    """A name without what writers vary: width, case, blanks, underscores, hyphens, colons."""
    return re.sub(r"[\s_\-:.]", "", unicodedata.normalize("NFKC", name)).lower()
