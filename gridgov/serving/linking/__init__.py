"""Point → areas: which park, street, community, grid, micro-grid and estate a lon-lat point belongs to.

`Linkers.get` gives the linker of a zone's edition set; `Linker.link` one point's links, `link_many` those of
many, `link_shape` those of a polygon; `explain` puts them into words; `warm` compiles at start.
docs/linking.md tells more.
"""

from gridgov.serving.linking.cache import Linkers, warm
from gridgov.serving.linking.explain import explain
from gridgov.serving.linking.index import NEAREST_LEVELS, LevelIndex, Located, LocatedMany
from gridgov.serving.linking.link import LevelLinks, Link, Linker, Links

__all__ = [
    "NEAREST_LEVELS",
    "LevelIndex",
    "LevelLinks",
    "Link",
    "Linker",
    "Linkers",
    "Links",
    "Located",
    "LocatedMany",
    "explain",
    "warm",
]
