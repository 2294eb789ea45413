/**
 * Where an issue is: by GPS, by moving a map under a fixed pin, or by typed coordinates. Any one of them is enough,
 * and the form works when the map does not load.
 */

import { ask, element, nameOf, say, tell } from "./page.js";

/**
 * @typedef {object} Place
 * @property {number} lon
 * @property {number} lat
 * @property {string} crs "4326", "gcj02" or "bd09"
 * @property {"gps" | "hand"} source
 * @property {number | null} accuracy metres, only from GPS
 */

/** In this order; classic scripts, so they are added one after the other. Beside this module, wherever it is served. */
const SCRIPTS = ["../vendor/leaflet/leaflet.js", "./labels.js"].map((name) => new URL(name, import.meta.url).href);
const GOOD_METRES = 30;
/** Where the map starts before the zone is known. */
const START = /** @type {[number, number]} */ ([33.7525, 113.362]);

const pick = element("pick");
const locate = /** @type {HTMLButtonElement} */ (element("locate"));
const badge = element("position");
const lon = /** @type {HTMLInputElement} */ (element("lon"));
const lat = /** @type {HTMLInputElement} */ (element("lat"));
const crs = /** @type {HTMLSelectElement} */ (element("crs"));
const found = element("found");

/** @type {L.Map | null} */ let map = null;
/** @type {Place | null} */ let place = null;
/** @type {() => void} */ let changed = () => {};
/** True while the page itself moves the map, so that only people's moves count as choosing. */
let moving = false;
let lookups = 0;
/** @type {number | undefined} */ let lookupTimer;

/** @returns {Place | null} */
export const chosen = () => place;

/** What stands in the coordinate fields, for the draft. */
export const typed = () => ({ lon: lon.value, lat: lat.value, crs: crs.value });

/** Whether the coordinate fields hold something that is no place. */
export const mistyped = () => Boolean(lon.value.trim() || lat.value.trim()) && fromFields() === null;

/**
 * Starts the picker. onChange is called after every change, also of half-typed fields.
 * @param {() => void} onChange
 */
export function startPlace(onChange) {
  changed = onChange;
  locate.addEventListener("click", find);
  for (const field of [lon, lat, crs]) field.addEventListener("input", readFields);
  void showMap();
}

/**
 * Sets the place, as from a kept draft.
 * @param {Place | null} given
 * @param {{ lon: string, lat: string, crs: string }} [fields] as typed
 */
export function setPlace(given, fields) {
  place = given;
  lon.value = fields?.lon ?? "";
  lat.value = fields?.lat ?? "";
  crs.value = fields?.crs || "4326";
  showPlace();
  if (given && given.crs === "4326") moveTo(given.lon, given.lat, 17);
}

function find() {
  if (!window.isSecureContext || !navigator.geolocation) {
    showProblem("report.locate.insecure");
    return;
  }
  locate.disabled = true;
  tell(badge, say("report.locating"));
  badge.className = "badge";
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      locate.disabled = false;
      const { longitude, latitude, accuracy } = coords;
      choose({ lon: longitude, lat: latitude, crs: "4326", source: "gps", accuracy: Math.round(accuracy) });
      moveTo(longitude, latitude, 17);
    },
    (error) => {
      locate.disabled = false;
      showProblem(error.code === error.PERMISSION_DENIED ? "report.locate.denied" : "report.locate.failed");
    },
    { enableHighAccuracy: true, timeout: 15_000, maximumAge: 0 },
  );
}

/** @param {string} key */
function showProblem(key) {
  badge.className = "badge warn";
  tell(badge, say(key));
}

/** @param {Place} next */
function choose(next) {
  place = next;
  if (next.crs === "4326") {
    lon.value = next.lon.toFixed(6);
    lat.value = next.lat.toFixed(6);
    crs.value = "4326";
  }
  showPlace();
  changed();
}

function showPlace() {
  pick.classList.toggle("chosen", place !== null);
  if (!place) {
    tell(badge, "");
    tell(found, "");
    return;
  }
  const metres = place.accuracy;
  const poor = metres !== null && metres > GOOD_METRES;
  badge.className = `badge ${poor ? "warn" : "ok"}`;
  if (metres === null) tell(badge, say("report.by.hand"));
  else tell(badge, say(poor ? "report.located.poor" : "report.located", { metres }));
  tell(element("place-error"), "");
  window.clearTimeout(lookupTimer);
  lookupTimer = window.setTimeout(() => void lookUp(), 350);
}

function readFields() {
  const read = fromFields();
  place = read;
  showPlace();
  if (read && read.crs === "4326") moveTo(read.lon, read.lat, 17);
  changed();
}

/** @returns {Place | null} */
function fromFields() {
  const [x, y] = [Number(lon.value.trim() || NaN), Number(lat.value.trim() || NaN)];
  if (!(x >= 73 && x <= 136 && y >= 3 && y <= 54)) return null;
  return { lon: x, lat: y, crs: crs.value, source: "hand", accuracy: null };
}

/** Says in words where the place is; silent when the service does not answer. */
async function lookUp() {
  const asked = place;
  const turn = ++lookups;
  if (!asked) return;
  const query = new URLSearchParams({ lon: String(asked.lon), lat: String(asked.lat), crs: asked.crs });
  const { status, body } = await ask(`api/link?${query}`);
  if (turn !== lookups) return;
  const where = status === 200 ? placeWords(body?.links) : "";
  tell(found, where ? say("report.found", { place: where }) : "");
}

/**
 * The areas of a place from large to small, in words.
 * @param {any} links as the service gives them
 */
export function placeWords(links) {
  const order = ["street", "community", "estate", "grid", "micro_grid"];
  const rows = Array.isArray(links) ? links : [];
  return order
    .map((level) => rows.find((row) => row.level === level && row.rule !== "outside"))
    .filter(Boolean)
    .map((row) => nameOf(row))
    .filter(Boolean)
    .filter((name, index, all) => !all.slice(index + 1).some((later) => later.startsWith(name)))
    .join(" · ");
}

/** @param {number} x @param {number} y @param {number} zoom */
function moveTo(x, y, zoom) {
  if (!map) return;
  moving = true;
  map.setView([y, x], zoom, { animate: false });
  moving = false;
}

/** @param {string} source @returns {Promise<boolean>} whether it ran */
function load(source) {
  return new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = source;
    script.addEventListener("load", () => resolve(true));
    script.addEventListener("error", () => resolve(false));
    document.head.append(script);
  });
}

/** Loads Leaflet and draws the zone; without it the rest of the form stays as it is. */
async function showMap() {
  let loaded = true;
  for (const source of SCRIPTS) loaded = loaded && (await load(source));
  const hint = element("map-hint");
  hint.hidden = false;
  const leaflet = /** @type {typeof import("leaflet") | undefined} */ (/** @type {any} */ (window).L);
  if (!loaded || !leaflet) {
    hint.textContent = say("report.map.none");
    /** @type {HTMLDetailsElement} */ (element("typed")).open = true;
    return;
  }
  pick.hidden = false;
  moving = true;
  map = leaflet.map("pick-map", { attributionControl: false, zoomControl: true, minZoom: 9, maxZoom: 20, zoomSnap: 0.5 });
  map.setView(START, 13);
  moving = false;
  // A window that changes its size moves the map too; only what people do to it is a choice.
  let touched = false;
  for (const kind of ["pointerdown", "keydown", "wheel"]) {
    map.getContainer().addEventListener(kind, () => (touched = true), { capture: true, passive: true });
  }
  map.on("moveend", () => {
    if (moving || !touched || !map) return;
    touched = false;
    const centre = map.getCenter();
    choose({ lon: centre.lng, lat: centre.lat, crs: "4326", source: "hand", accuracy: null });
  });
  if (place) moveTo(place.lon, place.lat, 17);
  await drawGround(leaflet, map);
}

/**
 * The streets, waters and communities around, with names.
 * @param {typeof import("leaflet")} leaflet
 * @param {L.Map} target
 */
async function drawGround(leaflet, target) {
  const [ground, areas] = await Promise.all([
    ask("api/facilities?kind=road&kind=water&kind=green&limit=500"),
    ask("api/areas?kind=community&kind=village&kind=estate&limit=200"),
  ]);
  const labelling = /** @type {any} */ (window).gridgovLabels;
  const placer = labelling.placer(target);
  const labels = [];
  const shapes = leaflet.featureGroup();
  for (const item of [...rows(ground), ...rows(areas)]) {
    if (!item.geometry) continue;
    const shape = leaflet.geoJSON(item.geometry, { interactive: false, style: { className: `draw ${item.kind}` } });
    shape.addTo(shapes);
    if (["community", "village", "estate"].includes(item.kind)) {
      const span = document.createElement("span");
      span.textContent = nameOf(item);
      const icon = leaflet.divIcon({ className: "draw-label", html: span, iconSize: [0, 0] });
      const marker = leaflet.marker(shape.getBounds().getCenter(), { icon, interactive: false, keyboard: false });
      marker.addTo(shapes);
      const width = labelling.widthOf(nameOf(item), "12px sans-serif");
      const rank = item.kind === "estate" ? 2 : 1;
      labels.push({ marker, rank, minZoom: 0, tag: false, width, height: 16, group: shapes });
    }
  }
  placer.add(labels);
  shapes.addTo(target);
  if (!place && shapes.getBounds().isValid()) {
    moving = true;
    target.fitBounds(shapes.getBounds(), { animate: false });
    moving = false;
  }
}

/** @param {import("./page.js").Answer} answer @returns {any[]} */
function rows({ status, body }) {
  return status === 200 && Array.isArray(body?.items) ? body.items : [];
}
