"""The same symbols as QGIS styles (QML 3.x), for the `layer_styles` table of a GeoPackage.

A table of the store holds all rows of a kind, so areas are classed by their kind there; parcels get rules,
because land use (fill) and stage (hatch) are drawn at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as ET

from gridgov.models import KINDS, vocabulary
from gridgov.symbology.marks import ISSUE_MARKS
from gridgov.symbology.symbols import LAYER_STYLES, Hatch, LayerStyle, Symbol
from gridgov.symbology.tokens import COLOURS

_MILLIMETRES = 25.4 / 96  # of one CSS pixel
_HEADER = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_AREA_LAYERS = {
    "district": "districts", "zone": "zone", "park": "parks", "street": "streets", "town": "towns",
    "community": "communities", "village": "villages", "grid": "grids", "micro_grid": "micro_grids",
    "estate": "estates",
}  # fmt: skip
_ISSUES = (("closed", "closed"), ("reported", "on_time"))  # a file has no clock: open or closed only


def qgis_style(table: str, land_colours: Mapping[str, str] | None = None) -> str:
    """QML for the GeoPackage table of a record kind; "" for a kind without geometry.

    land_colours: land-use code → "#rrggbb" for parcels (None: only the stages are drawn).
    Raises KeyError for a table that is no record kind.
    """
    kind = KINDS[table]
    if kind.geometry is None:
        return ""
    root = ET.Element("qgis", version="3.28.0", styleCategories="Symbology")
    match table:
        case "areas":
            words = vocabulary.AREA_KINDS
            classes = [(code, words.label(code), LAYER_STYLES[_AREA_LAYERS[code]].default) for code in words]
            _categories(root, "kind", "fill", classes, LAYER_STYLES["communities"].default)
        case "parcels":
            _parcel_rules(root, land_colours or {})
        case "issues":
            marks = [
                (value, ISSUE_MARKS[state].zh, Symbol(ISSUE_MARKS[state].colour)) for value, state in _ISSUES
            ]
            _categories(root, "status", "marker", marks, LAYER_STYLES["issues"].default)
        case "facilities":
            _facility_rules(root)
        case _:
            _by_style(root, LAYER_STYLES[table])
    ET.indent(root)
    return _HEADER + ET.tostring(root, encoding="unicode") + "\n"


def _by_style(root: ET.Element, style: LayerStyle) -> None:
    if style.attribute:
        classes = [
            (value, style.words.label(value) if style.words else value, symbol)
            for value, symbol in style.classes.items()
        ]
        _categories(root, style.attribute, style.shape, classes, style.default)
        return
    renderer = ET.SubElement(root, "renderer-v2", type="singleSymbol", symbollevels="0", forceraster="0")
    _symbol(ET.SubElement(renderer, "symbols"), "0", style.shape, style.default)


def _categories(
    root: ET.Element, attribute: str, shape: str, classes: Iterable[tuple[str, str, Symbol]], default: Symbol
) -> None:
    """A categorised renderer; the last category (empty value) draws all other values."""
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=attribute, symbollevels="0")
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for index, (value, label, symbol) in enumerate((*classes, ("", "其他", default))):
        ET.SubElement(categories, "category", value=value, label=label, symbol=str(index), render="true")
        _symbol(symbols, str(index), shape, symbol)


def _parcel_rules(root: ET.Element, land_colours: Mapping[str, str]) -> None:
    """Rules: one fill per land-use code below, one hatch per stage above."""
    style = LAYER_STYLES["parcels"]
    rules = [
        (f"\"land_code\" = '{code}'", code, Symbol(colour, 0.7, COLOURS["surface"], 1.0))
        for code, colour in land_colours.items()
    ]
    rules += [
        (f"\"stage\" = '{stage}'", vocabulary.PARCEL_STAGES.label(stage),
         Symbol("", 0, COLOURS["line-strong"], 0.6, hatch=symbol.hatch))
        for stage, symbol in style.classes.items()
    ]  # fmt: skip
    _rules(root, "fill", rules, ("ELSE", "其他", style.default))


def _facility_rules(root: ET.Element) -> None:
    """Facilities hold points, lines and polygons: one rule for points, one per kind for the others."""
    style = LAYER_STYLES["facilities"]
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0", forceraster="0")
    rules = ET.SubElement(renderer, "rules", key="root")
    symbols = ET.SubElement(renderer, "symbols")
    entries = [("marker", "geometry_type($geometry) = 'Point'", "设施点", style.default)]
    for kind, symbol in style.classes.items():
        shape = "line" if not symbol.fill else "fill"
        entries.append((shape, f"\"kind\" = '{kind}'", vocabulary.FACILITY_KINDS.label(kind), symbol))
    for index, (shape, expression, label, symbol) in enumerate(entries):
        ET.SubElement(rules, "rule", key=f"r{index}", filter=expression, label=label, symbol=str(index))
        _symbol(symbols, str(index), shape, symbol)


def _rules(
    root: ET.Element, shape: str, rules: list[tuple[str, str, Symbol]], otherwise: tuple[str, str, Symbol]
) -> None:
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0", forceraster="0")
    tree = ET.SubElement(renderer, "rules", key="root")
    symbols = ET.SubElement(renderer, "symbols")
    for index, (expression, label, symbol) in enumerate((*rules, otherwise)):
        ET.SubElement(tree, "rule", key=f"r{index}", filter=expression, label=label, symbol=str(index))
        _symbol(symbols, str(index), shape, symbol)


def _symbol(parent: ET.Element, name: str, shape: str, symbol: Symbol) -> None:
    element = ET.SubElement(
        parent, "symbol", type=shape, name=name, alpha="1", clip_to_extent="1", force_rhr="0"
    )
    if shape == "line":
        _line(element, symbol.stroke, symbol.width)
        return
    simple = {
        "color": _rgba(symbol.fill, symbol.fill_opacity),
        "outline_color": _rgba(symbol.stroke, 1.0),
        "outline_style": _pen(symbol),
        "outline_width": f"{symbol.width * _MILLIMETRES:.2f}",
        "outline_width_unit": "MM",
    }
    if shape == "marker":
        _layer(element, "SimpleMarker", {**simple, "name": "circle", "size": "2.6", "size_unit": "MM"})
        return
    _layer(element, "SimpleFill", {**simple, "style": "solid" if symbol.fill else "no"})
    if symbol.hatch:
        _hatch(element, name, symbol.hatch, len(element))


def _hatch(element: ET.Element, name: str, hatch: Hatch, first: int) -> None:
    angles = (hatch.angle, hatch.angle + 90) if hatch.cross else (hatch.angle,)
    for position, angle in enumerate(angles, first):
        layer = _layer(
            element, "LinePatternFill",
            {"angle": str(angle), "distance": f"{hatch.spacing * _MILLIMETRES:.2f}", "distance_unit": "MM",
             "line_width": f"{hatch.width * _MILLIMETRES:.2f}", "color": _rgba(hatch.colour, 1.0)},
        )  # fmt: skip
        inner = ET.SubElement(layer, "symbol", type="line", name=f"@{name}@{position}", alpha="1")
        _line(inner, hatch.colour, hatch.width)


def _line(element: ET.Element, colour: str, width: float) -> None:
    _layer(
        element, "SimpleLine",
        {"line_color": _rgba(colour, 1.0), "line_width": f"{width * _MILLIMETRES:.2f}", "line_width_unit": "MM",
         "line_style": "solid", "capstyle": "round", "joinstyle": "round"},
    )  # fmt: skip


def _layer(element: ET.Element, kind: str, properties: Mapping[str, str]) -> ET.Element:
    layer = ET.SubElement(element, "layer", {"class": kind, "enabled": "1", "locked": "0", "pass": "0"})
    options = ET.SubElement(layer, "Option", type="Map")
    for name, value in properties.items():
        ET.SubElement(options, "Option", type="QString", name=name, value=value)
    return layer


def _pen(symbol: Symbol) -> str:
    if not symbol.stroke:
        return "no"
    return "dash" if symbol.dash else "solid"


def _rgba(colour: str, opacity: float) -> str:
    """A colour #rrggbb as QGIS writes it: r,g,b,a; a fully clear black for no colour."""
    if not colour:
        return "0,0,0,0"
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"{red},{green},{blue},{round(opacity * 255)}"
