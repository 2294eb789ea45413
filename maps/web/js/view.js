/**
 * Behaviour of the map views: cards, words, signs, issue pins and clusters, the list beside the map.
 *
 * A classic script, because a stand-alone file opened from disk cannot load modules. The page calls
 * `gridgovView.start`, then one function per layer, then `finish`. HTML in the data was escaped by the service.
 */
(() => {
  "use strict";

  /** @type {{ placer: (map: L.Map) => { add: (items: any[]) => void }, widthOf: (text: string, font: string) => number }} */
  const labelling = /** @type {any} */ (window).gridgovLabels;

  /**
   * @typedef {object} Setup
   * @property {Record<string, string>} words
   * @property {Record<string, string>} marks state → SVG
   * @property {Record<string, string>} colours state → colour
   * @property {[[number, number], [number, number]]} bounds south-west, north-east
   */

  /** @type {L.Map} */ let map;
  /** The data of all calls, from the page's JSON block. @type {any[]} */ let data;
  /** @type {Setup} */ let setup;
  /** @type {ReturnType<typeof labelling.placer>} */ let placer;
  /** Key → the layer whose card opens. @type {Map<string, any>} */
  const byKey = new Map();
  /** @type {any} */ let selected = null;
  /** @type {L.Circle | null} */ let accuracy = null;

  /** Metres of accuracy above which a place wears a dashed ring. */
  const DOUBTFUL = 30;
  /** Urgent first, as in the legend. */
  const STATES = ["overdue", "due_soon", "on_time", "waiting", "closed"];
  const FONTS = { family: getComputedStyle(document.documentElement).getPropertyValue("--font") || "sans-serif" };

  const narrow = matchMedia("(max-width: 760px)");
  /** @type {L.PopupOptions} */
  const POPUP = narrow.matches
    ? { maxWidth: 300, minWidth: 260, maxHeight: 300, autoPanPadding: [8, 8] }
    : { maxWidth: 400, minWidth: 320, maxHeight: 440, autoPanPadding: [16, 16] };

  /**
   * @param {L.Map} target
   * @param {number} number of its data
   */
  function start(target, number) {
    map = target;
    data = JSON.parse(document.getElementById("view-data")?.textContent ?? "[]");
    setup = data[number];
    placer = labelling.placer(map);
    L.control.zoom({ position: "topright", zoomInTitle: words("zoom.in"), zoomOutTitle: words("zoom.out") }).addTo(map);
    L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
    fit();
    map.on("zoomend", showZoom);
    map.on("popupopen", (event) => select(/** @type {any} */ (event.popup)._source));
    map.on("popupclose", () => select(null));
    showZoom();
  }

  /** @param {string} key */
  const words = (key) => setup.words[key] ?? key;

  function fit() {
    map.fitBounds(setup.bounds, { padding: [12, 12], animate: false });
  }

  /** Roads grow with the zoom: the style sheet knows widths by this attribute. */
  function showZoom() {
    map.getContainer().dataset.zoom = String(Math.max(10, Math.min(20, Math.floor(map.getZoom()))));
  }

  /** @param {any} layer */
  function select(layer) {
    selected?.getElement?.()?.classList.remove("selected");
    accuracy?.remove();
    accuracy = null;
    selected = layer;
    layer?.getElement?.()?.classList.add("selected");
    if (layer?.small) layer.bringToFront();
    if (layer?.accuracy > 0) {
      accuracy = L.circle(layer.getLatLng(), { radius: layer.accuracy, className: "accuracy", interactive: false });
      accuracy.addTo(map);
    }
  }

  /**
   * Shapes with their cards and tips.
   * @param {L.LayerGroup} group
   * @param {number} number of its data
   */
  function shapes(group, number) {
    /** @type {{ name: string, styles: L.PathOptions[], features: any }} */
    const { name, styles, features } = data[number];
    // A large area stays below when it is selected, or it would cover what lies in it.
    const small = ["parcels", "plants", "buildings"].includes(name);
    const layers = L.geoJSON(features, /** @type {any} */ ({
      style: (/** @type {any} */ feature) => styles[feature.properties.style], smoothFactor: 0.2,
    }));
    layers.eachLayer((/** @type {any} */ layer) => {
      const { card, tip } = layer.feature.properties;
      if (card) layer.bindPopup(card, POPUP);
      if (tip) layer.bindTooltip(escaped(tip), { sticky: true, direction: "top", offset: [0, -6] });
      layer.small = small;
      byKey.set(layer.feature.id, layer);
    });
    layers.addTo(group);
  }

  /**
   * Words on the map.
   * @param {L.LayerGroup} group
   * @param {number} number of its data
   */
  function labels(group, number) {
    /** Latitude, longitude, text, rank, lowest zoom, tone. @type {[number, number, string, number, number, string][]} */
    const rows = data[number];
    const sizes = /** @type {Record<string, number>} */ ({ park: 15, street: 15, community: 14, water: 13 });
    const items = rows.filter((row) => row[2]).map(([lat, lon, text, rank, minZoom, tone]) => {
      const size = sizes[tone] ?? 12;
      const icon = L.divIcon({ className: `label ${tone}`, html: `<span>${escaped(text)}</span>`, iconSize: [0, 0] });
      const marker = L.marker([lat, lon], { icon, interactive: false, keyboard: false, pane: "tooltipPane" });
      marker.addTo(group);
      const width = Math.min(220, labelling.widthOf(text, `600 ${size}px ${FONTS.family}`));
      const shifts = tone.endsWith("-detail") ? [26, -26] : undefined;
      return { marker, rank, minZoom, tag: false, width, height: size * 1.4, group, shifts };
    });
    placer.add(items);
  }

  /**
   * Signs that open a card.
   * @param {L.LayerGroup} group
   * @param {number} number of its data
   */
  function tags(group, number) {
    /** Key, latitude, longitude, text, rank, tone, title, card. */
    const rows = /** @type {[string, number, number, string, number, string, string, string][]} */ (data[number]);
    const items = rows.map(([key, lat, lon, text, rank, tone, title, card]) => {
      const icon = L.divIcon({ className: `tag ${tone}`, html: `<span>${escaped(text)}</span>`, iconSize: [0, 0] });
      const marker = L.marker([lat, lon], { icon, title, alt: `${title} ${text}`.trim(), riseOnHover: true });
      const offer = tone === "offer";
      marker.bindPopup(card, { ...POPUP, offset: [0, offer ? -22 : -6] }).addTo(group);
      byKey.set(key, marker);
      const width = offer ? labelling.widthOf(text, `600 12px ${FONTS.family}`) + 18 : 22;
      return { marker, rank, minZoom: offer ? 0 : 14, tag: true, width, height: offer ? 30 : 20, group };
    });
    placer.add(items);
  }

  /**
   * Issue marks: shape and colour say the state.
   * @param {L.LayerGroup & { addLayers: (layers: L.Layer[]) => void }} group a cluster
   * @param {number} number of its data
   */
  function pins(group, number) {
    /** Key, latitude, longitude, state, accuracy in metres, card. */
    const rows = /** @type {[string, number, number, string, number, string][]} */ (data[number]);
    const markers = rows.map(([key, lat, lon, state, metres, card]) => {
      const doubtful = metres > DOUBTFUL ? " doubtful" : "";
      const icon = L.divIcon({ className: `pin ${state}${doubtful}`, html: setup.marks[state] ?? "", iconSize: [24, 24] });
      const marker = /** @type {any} */ (L.marker([lat, lon], { icon, alt: state }));
      marker.state = state;
      marker.accuracy = metres;
      marker.bindPopup(card, POPUP);
      byKey.set(key, marker);
      return marker;
    });
    group.addLayers(markers);
  }

  /**
   * A white disc with a ring divided by state and the exact count in the middle.
   * @param {{ getAllChildMarkers: () => L.Marker[] }} cluster
   */
  function clusterIcon(cluster) {
    const members = /** @type {any[]} */ (cluster.getAllChildMarkers());
    const total = members.length;
    const size = total < 10 ? 32 : total < 100 ? 38 : 46;
    const around = 2 * Math.PI * 16;
    let from = 0;
    let ring = "";
    for (const state of STATES) {
      const share = members.filter((member) => member.state === state).length / total;
      if (share) {
        const length = share * around;
        ring += `<circle cx="20" cy="20" r="16" fill="none" stroke="${setup.colours[state]}" stroke-width="5"`
          + ` stroke-dasharray="${length} ${around - length}" stroke-dashoffset="${-from}"/>`;
        from += length;
      }
    }
    const title = words("cluster").replace("{count}", String(total));
    const html = `<svg viewBox="0 0 40 40" width="${size}" height="${size}" role="img" aria-label="${escaped(title)}">`
      + `<circle cx="20" cy="20" r="18.5" class="paper"/><g transform="rotate(-90 20 20)">${ring}</g>`
      + `<text x="20" y="24.5" text-anchor="middle">${total}</text></svg>`;
    return L.divIcon({ className: "cluster", html, iconSize: [size, size] });
  }

  function finish() {
    const toggle = document.querySelector(".leaflet-control-layers-toggle");
    toggle?.setAttribute("title", words("layers"));
    toggle?.setAttribute("aria-label", words("layers"));
    for (const button of document.querySelectorAll("button[data-go]")) {
      button.addEventListener("click", () => go(/** @type {HTMLElement} */ (button)));
    }
    const panel = /** @type {HTMLDetailsElement | null} */ (document.getElementById("panel"));
    const arrange = () => {
      if (panel) panel.open = !narrow.matches;
      map.invalidateSize({ animate: false });
      fit();
    };
    narrow.addEventListener("change", arrange);
    matchMedia("print").addEventListener("change", arrange);
    panel?.addEventListener("toggle", () => map.invalidateSize({ animate: false }));
    arrange();
    document.body.dataset.ready = "true";
  }

  /**
   * To the place of a row; its card opens there.
   * @param {HTMLElement} button
   */
  function go(button) {
    /** @type {[number, number, number]} */
    const [lon, lat, zoom] = JSON.parse(button.dataset.go ?? "[0,0,0]");
    const panel = /** @type {HTMLDetailsElement | null} */ (document.getElementById("panel"));
    if (panel && narrow.matches) panel.open = false;
    for (const each of document.querySelectorAll(".row[aria-current]")) each.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    map.setView([lat, lon], Math.max(zoom, map.getZoom()), { animate: false });
    const layer = byKey.get(button.dataset.key ?? "");
    if (layer && map.hasLayer(layer)) layer.openPopup([lat, lon]);
  }

  /** @param {string} text */
  function escaped(text) {
    const holder = document.createElement("span");
    holder.textContent = text;
    return holder.innerHTML.replaceAll('"', "&quot;");
  }

  /** @type {any} */ (window).gridgovView = { start, shapes, labels, tags, pins, clusterIcon, finish };
})();
