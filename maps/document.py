"""A Picture as one HTML document: folium makes the map, this module the frame around it.

Layout: bar, panel with figures, list and legend, map. Inline code is only what folium writes; behaviour is in
web/js/view.js, looks are in web/css/view.css on the tokens.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any, Final

import folium
import orjson
from branca.element import MacroElement
from folium.plugins import MarkerCluster
from folium.template import Template

from gridgov.geo.words import Language
from gridgov.symbology import ISSUE_MARKS, Symbol
from maps import offline, style
from maps.features import collection
from maps.picture import MapLayer, Picture, Row, RowGroup
from maps.words import say

VIEW_NAMES: Final = ("parks", "land", "plants", "grids")
ZOOM_MAX: Final = 20
_SCRIPTS: Final = ("js/labels.js", "js/view.js")
_STYLES: Final = ("tokens.css", "css/view.css")
_NORTH: Final = (  # on paper only: on the screen everybody knows that north is up
    '<svg class="north" viewBox="0 0 24 40" aria-hidden="true"><path d="M12 2 20 30 12 25 4 30Z"/>'
    '<text x="12" y="39" text-anchor="middle">N</text></svg>'
)
# folium ends its names with a random number; a document that is drawn twice must be the same twice.
_RANDOM_NAME: Final = re.compile(r"(?<=_)[0-9a-f]{32}(?![0-9a-f])")


class _Call(MacroElement):
    """One call of web/js/view.js on its parent: `gridgovView.<name>(parent, number of its data)`.

    No record's words ever go through a template: folium compiles what an element has rendered as a template
    once more, so braces in a name would be run. Data stands in a JSON block of its own, see `_Data`.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}gridgovView.{{ this.function }}("
        "{{ this._parent.get_name() }}, {{ this.number }});{% endmacro %}"
    )

    def __init__(self, function: str, number: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Call"
        self.function = function
        self.number = number


class _Data(list[Any]):
    """The data of all calls of one page, in order."""

    def call(self, parent: Any, function: str, data: Any) -> None:
        """Let view.js do `function` with `data` on the folium element `parent`."""
        self.append(data)
        parent.add_child(_Call(function, len(self) - 1))

    def block(self, nonce: str) -> str:
        """The JSON block; no tag can open or close inside it."""
        text = orjson.dumps(list(self)).decode().replace("<", "\\u003c")
        return (
            f'<script type="application/json" id="view-data"{offline.nonce_attribute(nonce)}>{text}</script>'
        )


def document(picture: Picture, language: Language, *, standalone: bool, nonce: str) -> str:
    """The whole page. standalone: everything inside, no link to the service. Raises ConfigurationProblem."""
    data = _Data()
    figure = _map(picture, language, data)
    for child in list(figure._children.values()):  # noqa: SLF001 - as Figure.render does, without its template
        child.render()
    head = offline.head(figure.header, standalone=standalone, nonce=nonce)
    ours = [offline.link(name, standalone=standalone, nonce=nonce) for name in (*_STYLES, *_SCRIPTS)]
    html = "\n".join(
        (
            f'<!DOCTYPE html>\n<html lang="{"zh-CN" if language == "zh" else "en"}">\n<head>',
            '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(say(picture.name + '.title', language))} · {escape(picture.zone_name)}</title>",
            '<link rel="icon" href="data:,">',
            head,
            *ours,
            "</head>\n<body>",
            _bar(picture, language, standalone=standalone),
            style.patterns(_symbols(picture)),
            '<main class="desk">',
            _panel(picture, language),
            f'<div class="map-frame" role="region" aria-label="{say("map", language)}">',
            f"{figure.html.render()}{_NORTH}</div>",
            "</main>",
            data.block(nonce),
            offline.script(figure.script.render(), nonce),
            "</body>\n</html>\n",
        )
    )
    return _with_stable_names(html)


def _map(picture: Picture, language: Language, data: _Data) -> Any:
    """The folium figure with all layers, the layer control last."""
    west, south, east, north = picture.bounds or (113.30, 33.70, 113.42, 33.80)
    view = folium.Map(
        location=[(south + north) / 2, (west + east) / 2], zoom_start=13, tiles=None, zoom_control=False,
        attribution_control=False, zoom_snap=0.25, wheel_px_per_zoom_level=90,
    )  # fmt: skip
    view.options["max_zoom"] = ZOOM_MAX  # folium's own argument reaches only a base map, and there is none
    words = {key: say(key, language) for key in ("zoom.in", "zoom.out", "layers", "close", "cluster")}
    marks = {state: style.mark_svg(mark) for state, mark in ISSUE_MARKS.items()}
    colours = {state: mark.colour for state, mark in ISSUE_MARKS.items()}
    setup = {"words": words, "marks": marks, "colours": colours, "bounds": [[south, west], [north, east]]}
    data.call(view, "start", setup)
    for layer in picture.layers:
        if not layer.empty:
            view.add_child(_folium_layer(layer, data))
    view.add_child(folium.LayerControl(position="topright", collapsed=True))
    data.call(view, "finish", None)
    return view.get_root()


def _folium_layer(layer: MapLayer, data: _Data) -> Any:
    """One entry of the layer control: shapes, labels and tags, or clustered pins."""
    group: Any
    if layer.pins:
        group = MarkerCluster(  # type: ignore[no-untyped-call]
            name=layer.title, show=layer.show, icon_create_function="gridgovView.clusterIcon",
            max_cluster_radius=44, show_coverage_on_hover=False, spiderfy_on_max_zoom=True,
            disable_clustering_at_zoom=18,
        )  # fmt: skip
        pins = [[pin.key, pin.lat, pin.lon, pin.state, pin.accuracy_m, pin.card] for pin in layer.pins]
        data.call(group, "pins", pins)
        return group
    group = folium.FeatureGroup(name=layer.title, show=layer.show)
    if layer.features:
        data.call(group, "shapes", _shapes(layer))
    if layer.labels:
        labels = [
            [each.lat, each.lon, each.text, each.rank, each.min_zoom, each.tone] for each in layer.labels
        ]
        data.call(group, "labels", labels)
    if layer.tags:
        tags = [[t.key, t.lat, t.lon, t.text, t.rank, t.tone, t.title, t.card] for t in layer.tags]
        data.call(group, "tags", tags)
    return group


def _shapes(layer: MapLayer) -> dict[str, Any]:
    """The shapes of a layer with the few styles that they share; each feature names its style by number."""
    numbers: dict[Symbol, int] = {}
    features = collection(layer.features)["features"]
    for feature in features:
        feature["properties"]["style"] = numbers.setdefault(layer.symbol_of(feature["id"]), len(numbers))
    shared = {"interactive": layer.live, "className": layer.style_class}
    return {
        "name": layer.name,
        "styles": [{**style.leaflet(symbol), **shared} for symbol in numbers],
        "features": features,
    }


def _symbols(picture: Picture) -> list[Symbol]:
    return [
        symbol
        for layer in picture.layers
        for symbol in (layer.symbol, *layer.symbols.values())
    ] + picture.legend_symbols  # fmt: skip


def _bar(picture: Picture, language: Language, *, standalone: bool) -> str:
    """The bar on top: zone, the four views, the other language. A stand-alone file links nowhere."""
    zone = escape(picture.zone_name)
    if standalone:
        return f'<header class="bar"><span class="zone">{zone}</span></header>'
    tabs = "".join(
        f'<a href="{name}?lang={language}"{_current(name == picture.name)}>{escape(say(name, language))}</a>'
        for name in VIEW_NAMES
    )
    other: Language = "en" if language == "zh" else "zh"
    return (
        f'<header class="bar"><a class="skip" href="#panel">{escape(say("skip", language))}</a>'
        f'<a class="zone" href="../?lang={language}" title="{escape(say("home", language))}">{zone}</a>'
        f'<nav aria-label="{escape(say("map", language))}">{tabs}</nav>'
        f'<a class="language" lang="{"zh-CN" if other == "zh" else "en"}" href="?lang={other}">'
        f"{escape(say('other.language', language))}</a></header>"
    )


def _current(same: bool) -> str:
    return ' aria-current="page"' if same else ""


def _panel(picture: Picture, language: Language) -> str:
    """Title block, figures, sums, legend, places. On a phone a sheet below the map that opens by a tap."""
    badge = (
        f'<span class="badge warn">{escape(say("synthetic", language))}</span>' if picture.synthetic else ""
    )
    date = f"{say('data.date', language)} {picture.data_date}" if picture.data_date else ""
    source = " · ".join(part for part in (date, say("crs", language)) if part)
    numbers = "".join(
        f"<div><dd>{escape(number)}</dd><dt>{escape(words)}</dt></div>" for number, words in picture.figures
    )
    filled = [group for group in picture.groups if group.rows]
    sums = [group for group in filled if group.rows[0].go is None]
    places = [group for group in filled if group.rows[0].go is not None]
    legends = "".join(style.legend_html(rows, heading) for heading, rows in picture.legends.items())
    if legends:
        legends = f'<div class="legends" aria-label="{escape(say("legend", language))}">{legends}</div>'
    return (
        '<details class="panel" id="panel" open tabindex="-1">'
        f"<summary>{escape(say('summary.open', language))}</summary>"
        f'<div class="title-block"><h1>{escape(say(picture.name + ".title", language))}</h1>{badge}'
        f'<p class="source">{escape(source)}</p></div>'
        f'{_notices(picture, language)}<dl class="figures">{numbers}</dl>'
        f"{''.join(_rows(group) for group in sums)}"
        f"{legends}"
        f"{''.join(_rows(group) for group in places)}</details>"
    )


def _notices(picture: Picture, language: Language) -> str:
    """What the reader must know first: nothing to show, or a layer that was cut."""
    lines = [
        say("capped", language, layer=cut.title, shown=f"{cut.shown:,}", total=f"{cut.total:,}")
        for cut in picture.cuts
    ]
    if all(layer.empty for layer in picture.layers if layer.live):
        lines.append(f"{say('empty', language)} {say('empty.remedy', language)}")
    return "".join(f'<p class="notice" role="status">{escape(line)}</p>' for line in lines)


def _rows(group: RowGroup) -> str:
    note = f'<p class="note">{escape(group.note)}</p>' if group.note else ""
    items = "".join(f"<li>{_row(row)}</li>" for row in group.rows)
    return f'<section class="rows"><h2>{escape(group.heading)}</h2>{note}<ul>{items}</ul></section>'


def _row(row: Row) -> str:
    detail = f"<small>{escape(row.detail)}</small>" if row.detail else ""
    inside = (
        f'{row.picture}<span class="what"><b>{escape(row.title)}</b>{detail}</span>'
        f'<span class="value">{escape(row.value)}</span>'
    )
    if row.go is None:
        return f'<div class="row">{inside}</div>'
    place = escape(json.dumps(row.go))
    return (
        f'<button class="row" type="button" data-go="{place}" data-key="{escape(row.key)}">{inside}</button>'
    )


def _with_stable_names(html: str) -> str:
    """Every random name replaced by its number in order of appearance."""
    numbers: dict[str, int] = {}
    return _RANDOM_NAME.sub(lambda found: str(numbers.setdefault(found[0], len(numbers) + 1)), html)
