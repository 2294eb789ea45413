"""gridgov.symbology as CSS custom properties, Leaflet styles, SVG hatches and legends. Holds no colour."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from gridgov.symbology import COLOURS, MAP_COLOURS, SIZES, Mark, Symbol

_SHAPES = {
    "circle": '<circle cx="10" cy="10" r="7"/>',
    "triangle": '<path d="M10 2.5 18 17H2z"/>',
    "square": '<path d="M3.5 3.5h13v13h-13z"/>',
    "diamond": '<path d="M10 1.8 18.2 10 10 18.2 1.8 10z"/>',
    "ring": '<circle cx="10" cy="10" r="6"/>',
}


def tokens_css() -> str:
    """The stylesheet of all tokens: `:root { --ink-900: …; }`. Pages and views build on these names only."""
    pairs = {**COLOURS, **{f"map-{name}": colour for name, colour in MAP_COLOURS.items()}, **SIZES}
    lines = "".join(f"  --{name}: {value};\n" for name, value in pairs.items())
    return f":root {{\n{lines}}}\n"


def hatch_name(symbol: Symbol) -> str:
    """The id of the SVG pattern that draws fill and hatch of `symbol` at once."""
    hatch = symbol.hatch
    if hatch is None:
        return ""
    spacing = str(hatch.spacing).replace(".", "-")
    cross = "x" if hatch.cross else ""
    fill = (symbol.fill or "none").lstrip("#")
    colour, opacity = hatch.colour.lstrip("#"), round(symbol.fill_opacity * 100)
    return f"hatch-{hatch.angle}{cross}-{spacing}-{colour}-{fill}-{opacity}"


def leaflet(symbol: Symbol) -> dict[str, Any]:
    """The options of a Leaflet path for `symbol`; a hatched one refers to its pattern in the page."""
    filled = bool(symbol.fill or symbol.hatch)
    return {
        "stroke": bool(symbol.stroke),
        "color": symbol.stroke or COLOURS["ink-700"],
        "weight": symbol.width,
        "dashArray": " ".join(f"{part:g}" for part in symbol.dash) or None,
        "fill": filled,
        "fillColor": f"url(#{hatch_name(symbol)})" if symbol.hatch else symbol.fill or None,
        "fillOpacity": 1.0 if symbol.hatch else symbol.fill_opacity,
    }


def patterns(symbols: Iterable[Symbol]) -> str:
    """A hidden SVG with one pattern for each hatched symbol; "" when none is hatched."""
    found = {hatch_name(symbol): symbol for symbol in symbols if symbol.hatch}
    if not found:
        return ""
    inside = "".join(_pattern(name, symbol) for name, symbol in sorted(found.items()))
    return f'<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>{inside}</defs></svg>'


def _pattern(name: str, symbol: Symbol) -> str:
    hatch = symbol.hatch
    if hatch is None:
        return ""
    size = f"{hatch.spacing:g}"
    # A line through the middle of a square tile, turned as a whole: spacing stays true at every angle.
    middle = f"{hatch.spacing / 2:g}"
    path = f"M0 {middle}H{size}" + (f"M{middle} 0V{size}" if hatch.cross else "")
    ground = (
        f'<rect width="{size}" height="{size}" fill="{symbol.fill}" fill-opacity="{symbol.fill_opacity:g}"/>'
        if symbol.fill
        else ""
    )
    return (
        f'<pattern id="{name}" width="{size}" height="{size}" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate({-hatch.angle})">{ground}'
        f'<path d="{path}" stroke="{hatch.colour}" stroke-width="{hatch.width:g}"/></pattern>'
    )


def swatch(symbol: Symbol, shape: str = "fill") -> str:
    """A small picture of `symbol` for legends and tables, as SVG. The page must hold its `patterns`."""
    dash = f' stroke-dasharray="{" ".join(f"{part:g}" for part in symbol.dash)}"' if symbol.dash else ""
    stroke = (
        f'stroke="{symbol.stroke}" stroke-width="{symbol.width:g}"{dash}'
        if symbol.stroke
        else 'stroke="none"'
    )
    if shape == "line":
        body = f'<path d="M1 8H23" fill="none" {stroke}/>'
    else:
        fill = f"url(#{hatch_name(symbol)})" if symbol.hatch else symbol.fill or "none"
        opacity = 1.0 if symbol.hatch else symbol.fill_opacity
        paint = f'fill="{fill}" fill-opacity="{opacity:g}" {stroke}'
        body = f'<rect x="1.5" y="1.5" width="21" height="13" rx="1" {paint}/>'
    return f'<svg class="swatch" viewBox="0 0 24 16" width="24" height="16" aria-hidden="true">{body}</svg>'


def mark_svg(mark: Mark, size: int = 20) -> str:
    """The mark of an issue state as SVG; closed is hollow."""
    paper = COLOURS["surface"]
    fill, line = (paper, mark.colour) if mark.shape == "ring" else (mark.colour, paper)
    width = 2.5 if mark.shape == "ring" else 1.5
    return (
        f'<svg class="mark" viewBox="0 0 20 20" width="{size}" height="{size}" fill="{fill}" stroke="{line}" '
        f'stroke-width="{width}" aria-hidden="true">{_SHAPES[mark.shape]}</svg>'
    )


def legend_html(rows: Iterable[tuple[str, str]], heading: str) -> str:
    """A legend: heading and rows of (picture as HTML, label as text); "" without rows."""
    items = "".join(f"<li>{picture}<span>{escape(label)}</span></li>" for picture, label in rows)
    return f'<section class="legend"><h2>{escape(heading)}</h2><ul>{items}</ul></section>' if items else ""
