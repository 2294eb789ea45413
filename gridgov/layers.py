"""The layers of the map: one table of what can be drawn, from which record kind, at which zooms.

A layer is also the unit of revision: every change of a kind raises the counter of (zone, layer). `REVISION_ORDER`
is the fixed order in which a transaction raises several.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from gridgov.models import KINDS


@dataclass(frozen=True, slots=True)
class Layer:
    """One drawable layer. where: field = value that selects its rows from the kind; None for all."""

    name: str
    kind: str
    zh: str
    en: str
    min_zoom: int
    max_zoom: int = 22
    where: tuple[str, str] | None = None
    label: str = "name_zh"

    def title(self, language: str = "zh") -> str:
        """The layer's name for people."""
        return self.en if language == "en" else self.zh


LAYERS = MappingProxyType(
    {
        layer.name: layer
        for layer in (
            Layer(
                "districts", "areas", "区县（参考）", "Districts (reference)", 6, where=("kind", "district")
            ),
            Layer("zone", "areas", "开发区范围", "Zone boundary", 8, where=("kind", "zone")),
            Layer("parks", "areas", "园区", "Parks", 9, where=("kind", "park")),
            Layer("streets", "areas", "街道", "Streets", 10, where=("kind", "street")),
            Layer("towns", "areas", "镇", "Towns", 10, where=("kind", "town")),
            Layer("communities", "areas", "社区", "Communities", 11, where=("kind", "community")),
            Layer("villages", "areas", "村", "Villages", 11, where=("kind", "village")),
            Layer("grids", "areas", "网格", "Grids", 13, where=("kind", "grid")),
            Layer("micro_grids", "areas", "微网格", "Community grid cells", 14, where=("kind", "micro_grid")),
            Layer("estates", "areas", "小区", "Estates", 13, where=("kind", "estate")),
            Layer("buildings", "buildings", "楼栋", "Buildings", 15),
            Layer("parcels", "parcels", "地块", "Parcels", 12, label="code"),
            Layer("plants", "plants", "厂房", "Plants", 13),
            Layer("listings", "listings", "招商载体", "Listings", 11, label="title"),
            Layer("facilities", "facilities", "公共设施", "Facilities", 12),
            Layer("issues", "issues", "问题", "Issues", 11, label="category"),
        )
    }
)

# Revision counters are kept per record kind, in the order of KINDS (dependencies first).
REVISION_ORDER = tuple(KINDS)
