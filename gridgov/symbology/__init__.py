"""The one truth for how things look: tokens, symbols per layer and class, issue marks, legends, QGIS styles.

Pure data and functions over it: no HTML, no files, no clock. `maps.style` turns it into CSS, folium styles
and legends; `qgis_style` into the style that a GeoPackage carries, so the same colours appear in QGIS.
"""

from gridgov.symbology.marks import ISSUE_MARKS, ISSUE_STATES, Mark, issue_state
from gridgov.symbology.qgis import qgis_style
from gridgov.symbology.symbols import (
    LAYER_STYLES,
    PARK_TINTS,
    Hatch,
    LayerStyle,
    LegendEntry,
    Symbol,
    land_symbol,
    legend,
    park_tint,
)
from gridgov.symbology.tokens import COLOURS, MAP_COLOURS, SIZES

__all__ = [
    "COLOURS",
    "ISSUE_MARKS",
    "ISSUE_STATES",
    "LAYER_STYLES",
    "MAP_COLOURS",
    "PARK_TINTS",
    "SIZES",
    "Hatch",
    "LayerStyle",
    "LegendEntry",
    "Mark",
    "Symbol",
    "issue_state",
    "land_symbol",
    "legend",
    "park_tint",
    "qgis_style",
]
