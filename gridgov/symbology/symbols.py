"""Symbols per layer and class value, and the legends made from them.

Widths and spacings are CSS pixels (0.26 mm in QGIS). Land-use colours are not here: they belong to the
codes and are given by the caller, so this table and the code tables never import one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from gridgov.models import Vocabulary, vocabulary
from gridgov.symbology.tokens import COLOURS, MAP_COLOURS


@dataclass(frozen=True, slots=True)
class Hatch:
    """Parallel lines over a fill. angle: degrees from horizontal, counter-clockwise; cross: both ways."""

    angle: int
    spacing: float
    width: float
    colour: str
    cross: bool = False


@dataclass(frozen=True, slots=True)
class Symbol:
    """How one feature is drawn. fill "" is none; stroke "" is none; dash in pixels, () is a solid line."""

    fill: str = ""
    fill_opacity: float = 1.0
    stroke: str = ""
    width: float = 1.0
    dash: tuple[float, ...] = ()
    hatch: Hatch | None = None


@dataclass(frozen=True)
class LayerStyle:
    """The style of one layer. attribute: the field that classes it, or "".

    classes: value → symbol, in the order of the legend.
    """

    name: str
    default: Symbol
    shape: str = "fill"  # fill, line or marker
    attribute: str = ""
    words: Vocabulary | None = None
    classes: Mapping[str, Symbol] = field(default_factory=dict)

    def symbol(self, value: object = None) -> Symbol:
        """The symbol of a class value; the default one for None or a value without a class."""
        return self.classes.get(value, self.default) if isinstance(value, str) else self.default


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One row of a legend."""

    value: str
    label: str
    symbol: Symbol


_INK, _SOFT_INK, _ACCENT = COLOURS["ink-700"], COLOURS["ink-500"], COLOURS["accent"]

# Stages before the land is in reserve are thin grey lines, stages in reserve accent lines that close up with
# readiness, stages after the sale say by warn and ok whether the buyer builds.
_STAGE_HATCHES = MappingProxyType(
    {
        "proposed": Hatch(0, 10, 0.8, _SOFT_INK),
        "submitted": Hatch(0, 7, 0.8, _SOFT_INK),
        "approved": Hatch(0, 5, 0.8, _SOFT_INK),
        "compensation": Hatch(90, 6, 0.8, _SOFT_INK),
        "reserved": Hatch(45, 11, 1.3, _ACCENT),
        "preparing": Hatch(45, 7, 1.3, _ACCENT),
        "clear": Hatch(45, 4.5, 1.3, _ACCENT),
        "listed": Hatch(45, 7, 1.3, _ACCENT, cross=True),
        "sold": Hatch(90, 9, 1.0, COLOURS["ok"]),
        "not_started": Hatch(135, 6, 1.2, COLOURS["warn"]),
        "building": Hatch(135, 9, 1.0, COLOURS["ok"]),
        "completed": None,
        "recovered": Hatch(135, 6, 1.2, COLOURS["danger"], cross=True),
    }
)

_PARCEL = Symbol(MAP_COLOURS["land-unknown"], 0.7, COLOURS["surface"], 1.0)
_LET = Symbol(MAP_COLOURS["let"], 1.0, MAP_COLOURS["let-line"], 0.8)
_VACANT_HATCH = Hatch(45, 5, 1.2, _ACCENT)

PARK_TINTS = tuple(MAP_COLOURS[f"park-{number}"] for number in range(1, 9))


def park_tint(index: int) -> str:
    """The fill of the park at `index` in the order of codes; the tints repeat after the last."""
    return PARK_TINTS[index % len(PARK_TINTS)]


def land_symbol(stage: str | None, colour: str | None) -> Symbol:
    """A parcel: the official colour of its land use (None: unknown) below, its stage as hatch above."""
    return replace(LAYER_STYLES["parcels"].symbol(stage), fill=colour or MAP_COLOURS["land-unknown"])


def legend(name: str, language: str = "zh", used: Iterable[str] | None = None) -> list[LegendEntry]:
    """The classes of layer `name` with their labels, in order; only the values in `used` when it is given.

    Empty for a layer without classes. Raises KeyError for an unknown layer.
    """
    style = LAYER_STYLES[name]
    wanted = set(style.classes) if used is None else set(used)
    words = style.words
    return [
        LegendEntry(value, words.label(value, language) if words else value, symbol)
        for value, symbol in style.classes.items()
        if value in wanted
    ]


def _areas() -> Iterable[LayerStyle]:
    line = COLOURS["line-strong"]
    yield LayerStyle("districts", Symbol("", 0, COLOURS["line-strong"], 1.0, (8, 4)))
    yield LayerStyle("zone", Symbol("", 0, _INK, 2.5, (12, 4, 2, 4)))
    yield LayerStyle("parks", Symbol(COLOURS["accent-soft"], 0.55, _INK, 2.0))
    yield LayerStyle("streets", Symbol("", 0, _INK, 2.2))
    yield LayerStyle("towns", Symbol("", 0, _INK, 2.2))
    yield LayerStyle("communities", Symbol(COLOURS["surface"], 0.2, COLOURS["ink-500"], 1.4))
    yield LayerStyle("villages", Symbol(COLOURS["surface"], 0.2, COLOURS["ink-500"], 1.4))
    yield LayerStyle("grids", Symbol("", 0, COLOURS["ink-500"], 1.0, (5, 3)))
    yield LayerStyle("micro_grids", Symbol("", 0, line, 0.7, (2, 3)))
    yield LayerStyle("estates", Symbol(MAP_COLOURS["estate"], 0.6, MAP_COLOURS["estate-line"], 1.4))


_FACILITY_LINE = Symbol("", 0, MAP_COLOURS["road"], 4.0)
_FACILITIES = {
    "water": Symbol(MAP_COLOURS["water"], 1.0, MAP_COLOURS["water-line"], 0.8),
    "green": Symbol(MAP_COLOURS["green"], 1.0, MAP_COLOURS["green-line"], 0.6),
    "pocket_park": Symbol(MAP_COLOURS["green"], 1.0, MAP_COLOURS["green-line"], 0.8),
    "road": _FACILITY_LINE,
}

LAYER_STYLES: Mapping[str, LayerStyle] = MappingProxyType(
    {
        style.name: style
        for style in (
            *_areas(),
            LayerStyle("buildings", Symbol(MAP_COLOURS["building"], 1.0, MAP_COLOURS["building-line"], 0.6)),
            LayerStyle(
                "parcels",
                _PARCEL,
                attribute="stage",
                words=vocabulary.PARCEL_STAGES,
                classes={stage: replace(_PARCEL, hatch=hatch) for stage, hatch in _STAGE_HATCHES.items()},
            ),
            LayerStyle(
                "plants",
                replace(_LET, fill=COLOURS["surface"], dash=(3, 2)),
                attribute="vacancy",
                words=vocabulary.VACANCIES,
                classes={
                    "vacant": Symbol(COLOURS["accent-soft"], 1.0, _ACCENT, 1.6),
                    "part_vacant": Symbol(COLOURS["surface"], 1.0, _ACCENT, 1.2, hatch=_VACANT_HATCH),
                    "planned": Symbol(COLOURS["ok-soft"], 1.0, COLOURS["ok"], 1.4),
                    "let": _LET,
                    "own_use": replace(_LET, fill=MAP_COLOURS["own-use"]),
                    "unknown": replace(_LET, fill=COLOURS["surface"], dash=(3, 2)),
                },
            ),
            LayerStyle("listings", Symbol(COLOURS["surface"], 1.0, _ACCENT, 1.5), shape="marker"),
            LayerStyle(
                "facilities",
                Symbol(COLOURS["surface"], 1.0, _SOFT_INK, 1.2),
                shape="marker",
                attribute="kind",
                words=vocabulary.FACILITY_KINDS,
                classes=_FACILITIES,
            ),
            LayerStyle("issues", Symbol(COLOURS["ok"], 1.0, COLOURS["surface"], 1.5), shape="marker"),
        )
    }
)
