/**
 * Words and signs on a Leaflet map without overlaps: the most important first, the rest waits for a closer zoom.
 *
 * A classic script, because a stand-alone file opened from disk cannot load modules. Sets `window.gridgovLabels`.
 */
(() => {
  "use strict";

  /** Pixels kept free around words. */
  const GAP = 3;
  /** Pixels by which words may move in from the edge: farther, and they would name what lies beside their place. */
  const INWARD = 70;
  /** Pixels by which words may stand above or below their place. */
  const SHIFTS = [0, -24, 24];

  /**
   * @typedef {object} Item
   * @property {L.Marker} marker
   * @property {number} rank the lowest is placed first
   * @property {number} minZoom not shown below
   * @property {boolean} tag a sign that shrinks to a dot where there is no room, instead of vanishing
   * @property {number} width
   * @property {number} height
   * @property {L.LayerGroup} group
   * @property {number[]} [shifts] pixels up or down to try, the best first
   */

  /** @typedef {[number, number, number, number]} Box left, top, right, bottom in pixels of the map */

  /** @param {Box} a @param {Box} b */
  const meets = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

  const canvas = document.createElement("canvas").getContext("2d");

  /**
   * Width of words in pixels.
   * @param {string} text
   * @param {string} font as in CSS
   */
  function widthOf(text, font) {
    if (!canvas) return text.length * 12;
    canvas.font = font;
    return Math.ceil(canvas.measureText(text).width);
  }

  /**
   * Places the words of one map. `add` items, then `lay` at every move.
   * @param {L.Map} map
   */
  function placer(map) {
    /** @type {Item[]} */
    const items = [];
    let waiting = 0;

    /** @param {Item} item @returns {Box} */
    function boxOf(item) {
      const at = map.latLngToContainerPoint(item.marker.getLatLng());
      const [halfWidth, halfHeight] = [item.width / 2 + GAP, item.height / 2 + GAP];
      const middle = item.tag && item.height > 20 ? at.y - item.height / 2 : at.y;
      return [at.x - halfWidth, middle - halfHeight, at.x + halfWidth, middle + halfHeight];
    }

    /** Boxes of the issue marks and clusters that are drawn now: words keep away from them. @returns {Box[]} */
    function obstacles() {
      const origin = map.getContainer().getBoundingClientRect();
      return [...map.getPanes().markerPane.querySelectorAll(".pin, .cluster")].map((mark) => {
        const box = mark.getBoundingClientRect();
        return [box.left - origin.left, box.top - origin.top, box.right - origin.left, box.bottom - origin.top];
      });
    }

    /**
     * The first free place for words near their point and inside the map; a sign stays at its point.
     * @param {Item} item @param {Box} box @param {Box[]} taken @param {number} width of the map
     */
    function room(item, box, taken, width) {
      const inward = item.tag ? 0 : Math.max(0, GAP - box[0]) + Math.min(0, width - GAP - box[2]);
      if (Math.abs(inward) > INWARD) return null;
      for (const shift of item.tag ? [0] : (item.shifts ?? SHIFTS)) {
        /** @type {Box} */
        const moved = [box[0] + inward, box[1] + shift, box[2] + inward, box[3] + shift];
        if (!taken.some((other) => meets(moved, other))) return { moved, by: `${inward}px ${shift}px` };
      }
      return null;
    }

    function lay() {
      waiting = 0;
      const zoom = map.getZoom();
      const size = map.getSize();
      /** @type {Box} */
      const frame = [0, 0, size.x, size.y];
      /** @type {Box[]} */
      const taken = obstacles();
      for (const item of items) {
        if (!map.hasLayer(item.group)) continue;
        const element = item.marker.getElement();
        if (!element) continue;
        const box = boxOf(item);
        const wanted = zoom >= item.minZoom && meets(box, frame);
        const found = wanted ? room(item, box, taken, size.x) : null;
        const free = found !== null;
        if (found) {
          taken.push(found.moved);
          if (!item.tag) element.style.translate = found.by;
        }
        element.classList.toggle("hidden", !free && !(wanted && item.tag));
        element.classList.toggle("dot", wanted && !free && item.tag);
      }
    }

    function later() {
      if (!waiting) waiting = requestAnimationFrame(lay);
    }

    map.on("zoomend moveend resize layeradd layerremove", later);
    map.getPanes().markerPane.addEventListener("transitionend", later);

    return {
      /** @param {Item[]} added */
      add(added) {
        items.push(...added);
        items.sort((a, b) => a.rank - b.rank);
        later();
      },
    };
  }

  /** @type {any} */ (window).gridgovLabels = { placer, widthOf };
})();
