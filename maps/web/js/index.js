/** The landing page: the zone's name and live counts on the cards of the four views. */

import { ask, figure, language, say, showZone, speak, tell } from "./page.js";

speak();
document.title = say("home.title");
await Promise.all([showCounts(), showAccount()]);
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
  const synthetic = /** @type {HTMLElement} */ (document.querySelector("[data-synthetic]"));
  synthetic.hidden = !(body.synthetic ?? body.zone.synthetic);
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
  const counts = stats.counts ?? {};
  const areas = stats.areas ?? counts;
  /** @param {unknown} value */
  const number = (value) => (typeof value === "number" ? figure(value) : "–");
  const reserved = stats.reserved?.mu ?? stats.reserved_mu;
  return {
    parks: say("count.parks", { parks: number(areas.park ?? areas.parks) }),
    land: typeof reserved === "number"
      ? say("count.land", { parcels: number(counts.parcels), reserved: figure(reserved, 1) })
      : say("count.land.plain", { parcels: number(counts.parcels) }),
    plants: say("count.plants", { plants: number(counts.plants), listings: number(counts.listings) }),
    grids: say("count.grids", {
      grids: number(areas.grid ?? areas.grids), cells: number(areas.micro_grid ?? areas.micro_grids),
    }),
  };
}

async function showAccount() {
  const { status, body } = await ask("api/session");
  const link = document.querySelector("[data-account]");
  const user = status === 200 ? body?.user : null;
  if (!link || !user) return;
  link.textContent = user.display_name ?? user.label ?? user.login;
  link.setAttribute("lang", language === "en" ? "en" : "zh-CN");
}
