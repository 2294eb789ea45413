"""What an import may find wrong: one table of problem kinds, and the list that collects them for a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gridgov.geo.predicates import interior_point
from gridgov.geo.words import Language, Words

Severity = Literal["error", "warning", "info"]

MOST_LISTED = 1_000  # problems of one kind that a report lists one by one; all are counted


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of problem: how bad, what it is called, and what to do about it."""

    name: str
    severity: Severity
    title: Words
    remedy: Words


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem at one place.

    row: the row's number as a person counts it; None when the file as a whole is meant. reference: the row's
    code.
    field: the field or column. value: what was found, as text. lon, lat: a place in degrees, None where there
    is none.
    """

    kind: str
    severity: Severity
    row: int | None
    reference: str | None
    field: str | None
    value: str | None
    lon: float | None
    lat: float | None
    remedy_zh: str
    remedy_en: str

    def title(self, language: Language = "zh") -> str:
        """The kind's name for people."""
        return PROBLEM_KINDS[self.kind].title.say(language)

    def remedy(self, language: Language = "zh") -> str:
        """What was done or what to do."""
        return self.remedy_en if language == "en" else self.remedy_zh

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, with the titles."""
        return {**asdict(self), "title_zh": self.title("zh"), "title_en": self.title("en")}


# kind, severity, title and remedy in Chinese and English. {…} is filled in where the problem is found.
_TABLE: tuple[tuple[str, Severity, str, str, str, str], ...] = (
    # the file as a whole
    ("other_coordinate_system", "error", "坐标系与内容不符", "another coordinate system than declared",
     "{evidence}；请按来源用 --crs {crs} 指定坐标系，确认无误时用 --crs {declared}",
     "{evidence}; name the system with --crs {crs}, or confirm the declared one with --crs {declared}"),
    ("column_missing", "error", "缺少必填列", "required column missing",
     "补上该列，或用 --map 列名={required} 指定", "add the column, or name it with --map COLUMN={required}"),
    ("unknown_column", "info", "未识别的列", "unknown column",
     "该列不导入；如需导入，用 --map {column}=字段 指定", "left out; to load it, give --map {column}=FIELD"),
    ("column_taken", "info", "字段已由其他列提供", "field already filled by another column",
     "该列不导入；列 {other} 已对应 {filled}", "left out; the column {other} already fills {filled}"),
    ("names_cut", "info", "列名被截断", "column name cut off",
     "按截断前的名称 {field_name} 识别；请核对",
     "recognised as {field_name} by its first characters; check it"),
    ("number_as_code", "warning", "编号列存为数值", "codes stored as numbers",
     "已转为文本；前导零若有已丢失，请核对并将该列设为文本",
     "turned into text; leading zeros, if any, are lost. Check, and format the column as text"),
    ("note", "info", "说明", "remark", "{text}", "{text}"),
    # places
    ("empty", "error", "没有图形", "no geometry", "请补画或删除该行", "draw it or remove the row"),
    ("not_finite", "error", "坐标非有限数", "coordinate not finite", "改正坐标", "correct the coordinate"),
    ("out_of_range", "error", "坐标超出范围", "coordinate out of range",
     "核对坐标系和坐标", "check the coordinate system and the coordinates"),
    ("flipped_axes", "error", "坐标轴颠倒", "axes exchanged",
     "交换两列坐标，或用 --axes {order} 导入", "exchange the two coordinates, or import with --axes {order}"),
    ("outside_zone", "warning", "在开发区范围之外", "outside the zone",
     "距范围 {distance} 米；核对位置", "{distance} m from the zone; check the place"),
    ("far_outside_zone", "error", "远离开发区", "far outside the zone",
     "距范围 {distance} 千米；核对坐标系和带号",
     "{distance} km from the zone; check the system and its zone number"),
    ("self_crossing", "warning", "边界自相交", "border crosses itself", "已修复", "repaired"),
    ("unclosed", "warning", "边界未闭合", "border not closed", "已闭合", "repaired by closing it"),
    ("unclosed_rejected", "error", "边界未闭合", "border not closed", "请闭合", "close it"),
    ("collapsed", "error", "图形没有面积", "shape without area", "请重画", "draw it again"),
    ("wrong_type", "error", "图形类型不符", "wrong geometry type", "请改为所需类型",
     "draw it as the type needed"),
    ("line_as_polygon", "warning", "闭合线转为面", "closed line taken as polygon", "已转换", "converted"),
    ("mixed", "warning", "混合图形", "mixed geometry", "只保留所需部分",
     "only the parts of the right type kept"),
    ("three_dimensional", "info", "带高程", "three-dimensional", "已去掉高程",
     "repaired by dropping the height"),
    ("too_many_vertices", "error", "顶点过多", "too many vertices", "化简或拆分", "simplify or split it"),
    ("unreadable_geometry", "error", "几何数据无法读取", "unreadable geometry",
     "坐标无法读取（可能含 NaN 或无穷大）；请改正后重新导出",
     "its coordinates cannot be read, NaN or infinite ones perhaps; mend and export it again"),
    ("overlap", "warning", "与相邻图形重叠", "overlaps a neighbour",
     "与 {other} 重叠 {area} ㎡，宽 {width} 米；请对齐边界",
     "{area} m², {width} m wide, shared with {other}; bring the borders together"),
    ("gap", "warning", "与相邻图形之间有缝隙", "gap to a neighbour",
     "与 {other} 之间缝隙 {area} ㎡，宽 {width} 米；请对齐边界",
     "{area} m², {width} m wide, between it and {other}; bring the borders together"),
    # values
    ("missing_value", "error", "缺少必填值", "required value missing", "请填写", "fill it in"),
    ("wrong_value", "error", "值不合规", "value not allowed", "{text}", "{text}"),
    ("duplicate_reference", "error", "编号重复", "duplicate code",
     "与第 {rows} 行重复；每个编号只能出现一次", "also in row {rows}; each code may stand once"),
    ("unknown_reference", "error", "所引用的记录不存在", "referenced record not found",
     "先导入所引用的{target}，或改正编号", "import the {target} first, or correct the code"),
    ("unknown_land_code", "error", "用地代码不存在", "unknown land-use code", "{text}", "{text}"),
    ("land_code_lost_zero", "error", "用地代码丢失前导零", "land-use code lost its zero", "{text}", "{text}"),
    ("land_code_without_scheme", "error", "用地代码未说明分类标准", "land-use code without scheme",
     "{text}", "{text}"),
    ("land_code_other_name", "warning", "用地代码与名称不符", "land-use code and name disagree",
     "{text}", "{text}"),
    ("claimed_area_differs", "warning", "证载面积与图形面积相差超过 1%", "claimed area off by more than 1 %",
     "图形椭球面积 {geodesic} ㎡，相差 {difference}；核对图形或证载面积",
     "the shape has {geodesic} m² on the ellipsoid, {difference} off; check the shape or the paper"),
    ("text_cut", "warning", "文本被截断", "text cut off",
     "源格式截断了文本；请从原始数据补全", "the file's format cut the text; complete it from the original"),
)  # fmt: skip

PROBLEM_KINDS = MappingProxyType(
    {
        name: ProblemKind(name, severity, Words(zh, en), Words(remedy_zh, remedy_en))
        for name, severity, zh, en, remedy_zh, remedy_en in _TABLE
    }
)


class ProblemList:
    """The problems of one import. Rows are given by position; `rows` and `references` name them for people.

    Keeps at most `MOST_LISTED` of a kind, counts all, and remembers which rows may not be loaded.
    """

    def __init__(self, rows: NDArray[np.int64]) -> None:
        self._rows = rows
        self._listed: list[Problem] = []
        self._positions: list[int | None] = []
        self.references: list[str | None] = [None] * len(rows)
        self.counts: Counter[str] = Counter()
        self.bad = np.zeros(len(rows), dtype=np.bool_)  # rows with an error
        self.blocked = False  # an error of the file as a whole: skipping rows does not help

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._listed)

    def add(
        self,
        kind: str,
        position: int | None = None,
        *,
        field: str | None = None,
        value: object = None,
        place: tuple[float | None, float | None] = (None, None),
        how: Words | None = None,
        **facts: object,
    ) -> None:
        """Report one problem: at a row's position, or of the file as a whole (None).

        how: the remedy in place of the table's. facts: fill the {…} of its remedy; a fact given as Words
        fills in each language.
        """
        made = PROBLEM_KINDS[kind]
        self.counts[kind] += 1
        if made.severity == "error":
            if position is None:
                self.blocked = True
            else:
                self.bad[position] = True
        if self.counts[kind] > MOST_LISTED:
            return
        remedy = how or made.remedy
        self._positions.append(position)
        self._listed.append(
            Problem(
                kind=kind,
                severity=made.severity,
                row=None if position is None else int(self._rows[position]),
                reference=None if position is None else self.references[position],
                field=field,
                value=None if value is None else f"{value!s:.200}",
                lon=_finite(place[0]),
                lat=_finite(place[1]),
                remedy_zh=_filled(remedy.zh, facts, "zh") if how is None else remedy.zh,
                remedy_en=_filled(remedy.en, facts, "en") if how is None else remedy.en,
            )
        )

    def add_rows(self, kind: str, positions: Iterable[int], **facts: Any) -> None:
        """Report the same kind for several rows."""
        for position in positions:
            self.add(kind, int(position), **facts)

    def add_unlisted(self, kind: str, positions: NDArray[np.intp]) -> None:
        """Count further rows of a kind whose list is full already."""
        if len(positions):
            self.counts[kind] += len(positions)
        if PROBLEM_KINDS[kind].severity == "error":
            self.bad[positions] = True

    def row_words(self, position: int) -> Words:
        """A row without a code, for people."""
        return Words(f"第 {self._rows[position]} 行", f"row {self._rows[position]}")

    def count(self, severity: Severity) -> int:
        """How many problems of a severity there are, listed or not."""
        return sum(number for kind, number in self.counts.items() if PROBLEM_KINDS[kind].severity == severity)

    def fill_places(self, geometries: Any) -> None:
        """Give every problem of a row that has no place of its own the place of the row's geometry."""
        for index, (problem, position) in enumerate(zip(self._listed, self._positions, strict=True)):
            if problem.lon is None and position is not None and geometries[position] is not None:
                lon, lat = interior_point(geometries[position])[0].tolist()
                self._listed[index] = replace(problem, lon=lon, lat=lat)

    def ordered(self) -> list[Problem]:
        """Errors before warnings before infos; within them the file's own, then by row."""
        rank = {"error": 0, "warning": 1, "info": 2}
        return sorted(self._listed, key=lambda each: (rank[each.severity], each.row or 0))


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None


def _filled(template: str, facts: dict[str, object], language: Language) -> str:
    said = {name: fact.say(language) if isinstance(fact, Words) else fact for name, fact in facts.items()}
    return template.format(**said)
