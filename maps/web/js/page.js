/** What every page does: language, words, the zone's name, requests to the service next to it. */

import { WORDS } from "./words.js";

/** @typedef {"zh" | "en"} Language */

const KEPT = "gridgov.language";

/** @returns {Language} the language of the address, else the one chosen before, else Chinese */
function chosenLanguage() {
  const asked = new URLSearchParams(location.search).get("lang") ?? read(KEPT);
  return asked === "en" ? "en" : "zh";
}

export const language = chosenLanguage();

/**
 * The words of a key in the page's language, `{name}` replaced.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function say(key, values = {}) {
  const text = WORDS[language][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * A number with thousands separators.
 * @param {number} value
 * @param {number} [digits] decimals
 */
export function figure(value, digits = 0) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Storage may be closed to this page (private window, in-app browser): then nothing is kept. @param {string} key */
export function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string | null} value null removes; @returns {boolean} whether it was kept */
export function keep(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

/** A random UUID, also over plain http where `crypto.randomUUID` does not exist. */
export function newId() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * @typedef {object} Answer
 * @property {number} status 0 when the service could not be reached
 * @property {any} body parsed JSON, null when there was none
 */

/**
 * One request to the service, relative to the page, so that it stays in the page's zone.
 * @param {string} path such as "api/stats"
 * @param {{ method?: string, body?: unknown, headers?: Record<string, string> }} [options]
 * @returns {Promise<Answer>} never rejects
 */
export async function ask(path, { method = "GET", body, headers = {} } = {}) {
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const typed = sent === undefined ? headers : { "Content-Type": "application/json", ...headers };
  const controller = new AbortController();
  const patience = setTimeout(() => controller.abort(), 20_000);
  try {
    const response = await fetch(new URL(path, document.baseURI), {
      method, headers: typed, body: sent, credentials: "same-origin", signal: controller.signal,
    });
    const text = await response.text();
    return { status: response.status, body: parsed(text) };
  } catch {
    return { status: 0, body: null };
  } finally {
    clearTimeout(patience);
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Why the service refused, in the page's language: the Chinese title of the problem, or its English sentence.
 * @param {Answer} answer
 */
export function reasonOf({ status, body }) {
  const told = language === "zh" ? body?.title_zh : (body?.detail ?? body?.title);
  return told ?? say("failed.status", { status });
}

/** The element with this id; the pages are ours, so it is there. @template {HTMLElement} T @param {string} id @returns {T} */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return /** @type {T} */ (found);
}

/** @param {HTMLElement} target @param {string} text shown when not empty, else the element hides */
export function tell(target, text) {
  target.textContent = text;
  target.hidden = !text;
}

/** @param {{ name_zh?: string | null, name_en?: string | null, key?: string, code?: string }} named */
export function nameOf(named) {
  const names = language === "en" ? [named.name_en, named.name_zh] : [named.name_zh, named.name_en];
  return names.find(Boolean) ?? named.code ?? named.key ?? "";
}

/** @param {any} zone as /api/stats gives it */
export function showZone(zone) {
  for (const place of document.querySelectorAll("[data-zone]")) place.textContent = nameOf(zone);
}

/** Puts the words in, in the page's language. */
export function speak() {
  document.documentElement.lang = language === "en" ? "en" : "zh-CN";
  keep(KEPT, language);
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-t]"))) {
    place.textContent = say(place.dataset.t ?? "");
  }
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-t-label]"))) {
    place.setAttribute("aria-label", say(place.dataset.tLabel ?? ""));
  }
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-t-placeholder]"))) {
    place.setAttribute("placeholder", say(place.dataset.tPlaceholder ?? ""));
  }
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("[data-keep-language]"))) {
    link.href = `${link.getAttribute("href")}?lang=${language}`;
  }
  const other = language === "en" ? "zh" : "en";
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("[data-language]"))) {
    const here = new URLSearchParams(location.search);
    here.set("lang", other);
    link.href = `?${here}`;
    link.lang = other === "zh" ? "zh-CN" : "en";
    link.textContent = say("language.other");
  }
}
