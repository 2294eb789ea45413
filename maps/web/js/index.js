/** The landing page: the zone's name and live counts on the cards of the four views. */

import { ask, figure, language, say, showZone, speak, tell } from "./page.js";

speak();
document.title = say("home.title");
await Promise.all([showCounts(), showAccount(), showSynthetic()]);
document.body.dataset.ready = "true";

async function showCounts() {
  const { status, body } = await ask("api/stats");
  const problem = /** @type {HTMLElement} */ (document.querySelector("[data-problem]"));
  if (status !== 200 || !body) {
    tell(problem, say("failed.read"));
    return;
  }
  showZone(body.zone);
  document.title = `${document.querySelector("[data-zone]")?.textContent} · ${say("home.title")}`;
  for (const [view, text] of Object.entries(countWords(body))) {
    const place = document.querySelector(`[data-count="${view}"]`);
    if (place) place.textContent = text;
  }
}

/**
 * @param {any} stats
 * @returns {Record<string, string>} view → words
 */
function countWords(stats) {
  const { counts, areas, reserved } = stats;
  /** @param {unknown} value */
  const number = (value) => figure(typeof value === "number" ? value : 0);
  return {
    parks: say("count.parks", { parks: number(areas.park) }),
    land: say("count.land", { parcels: number(counts.parcels), reserved: figure(reserved.area_mu, 1) }),
    plants: say("count.plants", { plants: number(counts.plants), listings: number(counts.listings) }),
    grids: say("count.grids", { grids: number(areas.grid), cells: number(areas.micro_grid) }),
  };
}

/** Says when what is shown is made up: the zone's own record carries the mark. */
async function showSynthetic() {
  const { status, body } = await ask("api/areas?kind=zone&limit=1");
  const mark = /** @type {HTMLElement} */ (document.querySelector("[data-synthetic]"));
  mark.hidden = !(status === 200 && body?.items?.[0]?.synthetic);
}

async function showAccount() {
  const { status, body } = await ask("api/session");
  const link = document.querySelector("[data-account]");
  const user = status === 200 ? body?.user : null;
  if (!link || !user) return;
  link.textContent = user.display_name ?? user.label ?? user.login;
  link.setAttribute("lang", language === "en" ? "en" : "zh-CN");
}
