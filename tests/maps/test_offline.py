"""Foreign links become local files, or the view is refused; folium itself is left as it was."""

from __future__ import annotations

import copy
from typing import Any

import folium
import pytest
from branca.element import CssLink, Element, JavascriptLink
from folium.plugins import HeatMap, MarkerCluster

from gridgov.errors import ConfigurationProblem
from gridgov.store import Tx
from maps import offline, pages
from maps.views import render


def test_every_swapped_file_is_vendored() -> None:
    for asset in offline.VENDORED.values():
        assert pages.asset(asset)[0]


def test_a_link_without_a_local_file_is_refused_with_its_name() -> None:
    view = folium.Map(tiles=None)
    HeatMap([[33.7, 113.3]]).add_to(view)  # type: ignore[no-untyped-call]
    figure: Any = view.get_root()
    figure.render()
    with pytest.raises(ConfigurationProblem, match=r"leaflet_heat.*scripts/vendor.py"):
        offline.head(figure.header, standalone=False, nonce="")


def test_links_are_swapped_by_file_name_wherever_they_point() -> None:
    header = Element()
    header.add_child(JavascriptLink("https://elsewhere.example/x/leaflet.js?v=2"), name="a")
    header.add_child(CssLink("https://elsewhere.example/bootstrap.min.css"), name="b")
    html = offline.head(header, standalone=False, nonce="n")
    assert html == '<script src="/assets/vendor/leaflet/leaflet.js" nonce="n"></script>'


def test_folium_keeps_its_own_lists(as_public: Tx) -> None:
    lists = (
        folium.Map.default_js,
        folium.Map.default_css,
        MarkerCluster.default_js,
        MarkerCluster.default_css,
    )
    before = copy.deepcopy(lists)
    render("grids", as_public, standalone=True)
    assert lists == before


def test_a_standalone_style_holds_its_pictures() -> None:
    html = offline.link("vendor/leaflet/leaflet.css", standalone=True, nonce="")
    assert "url(data:image/png;base64," in html
    assert "url(images/" not in html


def test_an_end_tag_in_code_cannot_close_the_script() -> None:
    assert offline.script('a = "</script>";', "n") == '<script nonce="n">\na = "<\\/script>";\n</script>'
