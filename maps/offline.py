"""After folium has rendered: outside links become local files, inline code gets a nonce, or all is inlined.

folium and its plugins name files on foreign hosts. Their class-level lists stay as they are; the links are
swapped in the one figure that was rendered. A link without a vendored file is an error, so no view can ask
another host.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final
from urllib.parse import urlsplit

from branca.element import CssLink, Element, JavascriptLink

from gridgov.errors import ConfigurationProblem
from maps import pages

# File name at the end of a foreign link → our asset.
VENDORED: Final = {
    "leaflet.js": "vendor/leaflet/leaflet.js",
    "leaflet.css": "vendor/leaflet/leaflet.css",
    "leaflet.markercluster.js": "vendor/leaflet.markercluster/leaflet.markercluster.js",
    "MarkerCluster.css": "vendor/leaflet.markercluster/MarkerCluster.css",
    "MarkerCluster.Default.css": "vendor/leaflet.markercluster/MarkerCluster.Default.css",
}
# Looks that our own style replaces, and jQuery, which only folium's own popups need.
DROPPED: Final = frozenset(
    {
        "jquery-3.7.1.min.js",
        "bootstrap.bundle.min.js",
        "bootstrap.min.css",
        "bootstrap-glyphicons.css",
        "all.min.css",
        "leaflet.awesome-markers.js",
        "leaflet.awesome-markers.css",
        "leaflet.awesome.rotate.min.css",
    }
)
_PICTURE_TYPES: Final = {".png": "image/png", ".svg": "image/svg+xml"}
_CSS_URL = re.compile(r"url\((['\"]?)(?!data:|#)([^'\")]+)\1\)")


def head(header: Element, *, standalone: bool, nonce: str) -> str:
    """The rendered head of a figure with local files only; `nonce` on every script and style.

    Raises ConfigurationProblem for a link that has no vendored file.
    """
    parts = []
    for child in header._children.values():  # noqa: SLF001 - branca offers no other way to its links
        if isinstance(child, JavascriptLink | CssLink):
            asset = _asset_of(child)
            if asset is not None:
                parts.append(_link(asset, standalone=standalone, nonce=nonce))
            continue
        parts.append(_with_nonce(child.render(), nonce))
    return "\n".join(parts)


def link(asset: str, *, standalone: bool, nonce: str) -> str:
    """The element that loads one of our assets (.js or .css), or holds it when `standalone`."""
    return _link(asset, standalone=standalone, nonce=nonce)


def script(code: str, nonce: str) -> str:
    """An inline script with its nonce; an end tag inside the code cannot close it."""
    harmless = code.replace("</script", "<\\/script")
    return f"<script{nonce_attribute(nonce)}>\n{harmless}\n</script>"


def _asset_of(child: Any) -> str | None:
    name = urlsplit(child.url).path.rsplit("/", 1)[-1]
    if name in DROPPED:
        return None
    if name not in VENDORED:
        raise ConfigurationProblem(
            f"The map view needs {child.url}, which has no file in maps/web/vendor: "
            "list it in scripts/vendor.py and in maps/offline.py.",
            link=child.url,
        )
    return VENDORED[name]


def _link(asset: str, *, standalone: bool, nonce: str) -> str:
    if not standalone:
        if asset.endswith(".css"):
            return f'<link rel="stylesheet" href="{pages.ASSET_ROOT}{asset}">'
        return f'<script src="{pages.ASSET_ROOT}{asset}"{nonce_attribute(nonce)}></script>'
    text = pages.asset(asset)[0].decode("utf-8")
    if asset.endswith(".css"):
        return f"<style{nonce_attribute(nonce)}>\n{_with_pictures(asset, text)}\n</style>"
    return script(text, nonce)


def _with_pictures(asset: str, css: str) -> str:
    """The stylesheet with its pictures as data URIs. Raises NotFound for one that is not vendored."""
    folder = asset.rsplit("/", 1)[0]

    def data_uri(found: re.Match[str]) -> str:
        path = f"{folder}/{found[2]}"
        kind = _PICTURE_TYPES[path[path.rindex(".") :]]
        return f"url(data:{kind};base64,{base64.b64encode(pages.asset(path)[0]).decode('ascii')})"

    return _CSS_URL.sub(data_uri, css)


def _with_nonce(html: str, nonce: str) -> str:
    # folium forbids zooming with two fingers, which people with weak sight need.
    html = re.sub(r'<meta name="viewport".*?/>', "", html, flags=re.DOTALL)
    return re.sub(r"<(script|style)>", rf"<\1{nonce_attribute(nonce)}>", html)


def nonce_attribute(nonce: str) -> str:
    """The attribute of an inline element under a policy with `nonce`; empty without one."""
    return f' nonce="{nonce}"' if nonce else ""
