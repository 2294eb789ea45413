"""The four map views; `render` is the only door: a name, a transaction, a language → one HTML page."""

from __future__ import annotations

from typing import Final

from gridgov.errors import InvalidValue, NotFound
from gridgov.geo.words import Language
from gridgov.store.base import Tx
from maps.document import VIEW_NAMES, document
from maps.views import grids, land, parks, plants

_VIEWS: Final = {
    "parks": parks.picture,
    "land": land.picture,
    "plants": plants.picture,
    "grids": grids.picture,
}


def render(name: str, tx: Tx, language: str = "zh", standalone: bool = False, nonce: str = "") -> str:
    """The view `name` (one of VIEW_NAMES) of the transaction's zone as HTML, with what its scope may see.

    standalone: one self-contained file that needs no service and no network. nonce: put on every inline script
    and style, for `maps.pages.view_policy`. At most 10,000 features are drawn; the page says what was left out.
    Raises NotFound for an unknown view, InvalidValue for a language other than "zh" and "en".
    """
    if name not in _VIEWS:
        known = ", ".join(VIEW_NAMES)
        raise NotFound(f"There is no map view “{name:.40}”; the views are {known}.", view=name[:40])
    if language not in ("zh", "en"):
        raise InvalidValue(f"The language “{language:.20}” is not known; use zh or en.", field="lang")
    chosen: Language = "en" if language == "en" else "zh"
    return document(_VIEWS[name](tx, chosen), chosen, standalone=standalone, nonce=nonce)


__all__ = ["VIEW_NAMES", "render"]
