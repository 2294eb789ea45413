"""What a view is made of, before folium sees it: layers, labels, tags, marks and the panel beside the map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gridgov.symbology import Symbol
from maps.features import Cut, Feature


@dataclass(frozen=True, slots=True)
class Label:
    """Words on the map. rank: the lowest is placed first; not shown below min_zoom; tone: CSS class."""

    lon: float
    lat: float
    text: str
    rank: int = 50
    min_zoom: int = 0
    tone: str = "place"


@dataclass(frozen=True, slots=True)
class Tag:
    """A small sign that opens a card: an offer, a facility. Shrinks to a dot where there is no room."""

    key: str
    lon: float
    lat: float
    text: str
    card: str
    rank: int = 30
    tone: str = "offer"
    title: str = ""


@dataclass(frozen=True, slots=True)
class Pin:
    """An issue: state decides shape and colour; accuracy_m > 0 draws a dashed circle when it is selected."""

    key: str
    lon: float
    lat: float
    state: str
    card: str
    accuracy_m: float = 0.0


@dataclass
class MapLayer:
    """One entry of the layer control. symbols: feature key → symbol (else `symbol`); live: clickable."""

    name: str
    title: str
    symbol: Symbol = field(default_factory=Symbol)
    features: list[Feature] = field(default_factory=list)
    symbols: dict[str, Symbol] = field(default_factory=dict)
    labels: list[Label] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)
    show: bool = True
    live: bool = True
    style_class: str = ""

    def symbol_of(self, key: str) -> Symbol:
        """The symbol of one feature."""
        return self.symbols.get(key, self.symbol)

    @property
    def empty(self) -> bool:
        """Whether nothing of this layer would be drawn."""
        return not (self.features or self.tags or self.pins)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the panel. go: lon, lat, zoom to where a click leads, opening `key`; None: no click."""

    title: str
    detail: str = ""
    value: str = ""
    picture: str = ""
    key: str = ""
    go: tuple[float, float, int] | None = None


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A heading with its rows; note: a line under the heading."""

    heading: str
    rows: tuple[Row, ...]
    note: str = ""


@dataclass
class Picture:
    """One whole view.

    figures: (number, words) on top of the panel; legends: heading → rows of (picture as HTML, label);
    legend_symbols: symbols that only a legend shows, so that their hatches are in the page too.
    """

    name: str
    zone_name: str
    figures: list[tuple[str, str]]
    layers: list[MapLayer]
    groups: list[RowGroup]
    legends: Mapping[str, list[tuple[str, str]]]
    cuts: list[Cut]
    data_date: str
    synthetic: bool
    bounds: tuple[float, float, float, float] | None
    legend_symbols: list[Symbol] = field(default_factory=list)
