/**
 * The public issue form. What is typed is kept on the device until the service has said that it has it: the same
 * client id goes with every attempt, so pressing twice or losing the answer never makes two issues.
 */

import { ask, element, keep, language, newId, read, reasonOf, say, showZone, speak, tell } from "./page.js";
import { clearPhotos, mayLeavePhotos, sendPhotos, startPhotos } from "./photos.js";
import { chosen, mistyped, placeWords, setPlace, startPlace, typed } from "./place.js";

const CATEGORIES = [
  "sanitation", "waste", "weeds", "stairwell_clutter", "fire_lane", "charging_wire",
  "road_damage", "street_light", "manhole", "sewage", "noise", "other",
];
const DRAFT = "gridgov.report";
const DEVICE = "gridgov.device";

const form = /** @type {HTMLFormElement} */ (element("report"));
const send = /** @type {HTMLButtonElement} */ (element("send"));
const text = /** @type {HTMLTextAreaElement} */ (element("text"));
const name = /** @type {HTMLInputElement} */ (element("name"));
const phone = /** @type {HTMLInputElement} */ (element("phone"));
const failure = element("failure");
const answerPart = element("answer");
const again = /** @type {HTMLButtonElement} */ (element("again"));

let id = newId();
let token = "";

speak();
document.title = say("report.title");
makeCategories();
startPlace(keepDraft);
startPhotos((uploading) => {
  again.disabled = uploading;
});
restoreDraft();
form.addEventListener("input", keepDraft);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void submit();
});
again.addEventListener("click", startAnew);
void ask("api/stats").then(({ status, body }) => {
  if (status === 200) showZone(body.zone);
});
document.body.dataset.ready = "true";

function makeCategories() {
  const holder = element("categories");
  for (const category of CATEGORIES) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "radio";
    input.name = "category";
    input.value = category;
    const words = document.createElement("span");
    const said = say(`category.${category}`);
    words.textContent = said.charAt(0).toUpperCase() + said.slice(1);
    label.append(input, words);
    holder.append(label);
  }
}

/** @returns {string} the chosen category or "" */
function category() {
  const checked = /** @type {HTMLInputElement | null} */ (form.querySelector("input[name=category]:checked"));
  return checked?.value ?? "";
}

/**
 * One random token per device, so that the service can limit floods without knowing who it is. Where the device keeps
 * nothing it is the page's: the photos of a report come from whoever sent it.
 */
function device() {
  token ||= read(DEVICE) ?? newId();
  keep(DEVICE, token);
  return token;
}

function keepDraft() {
  const draft = {
    id, category: category(), text: text.value, name: name.value, phone: phone.value, place: chosen(), typed: typed(),
  };
  const empty = !draft.category && !draft.text && !draft.name && !draft.phone && !draft.place;
  const kept = keep(DRAFT, empty ? null : JSON.stringify(draft));
  tell(element("kept"), kept && !empty ? say("report.kept") : "");
}

function restoreDraft() {
  try {
    const draft = JSON.parse(read(DRAFT) ?? "null");
    if (!draft) return;
    id = draft.id;
    text.value = draft.text ?? "";
    name.value = draft.name ?? "";
    phone.value = draft.phone ?? "";
    const box = /** @type {HTMLInputElement | null} */ (form.querySelector(`input[value="${CSS.escape(draft.category)}"]`));
    if (box) box.checked = true;
    if (name.value || phone.value) /** @type {HTMLDetailsElement} */ (element("contact")).open = true;
    setPlace(draft.place ?? null, draft.typed);
    tell(element("kept"), say("report.kept"));
  } catch {
    keep(DRAFT, null);
  }
}

/** @returns {boolean} whether all that is needed is there; else the first gap says what to do and has the focus */
function complete() {
  const gaps = [
    [element("category-error"), category() ? "" : say("report.need.category"), form.querySelector("input[name=category]")],
    [element("place-error"), placeGap(), element("locate")],
    [element("text-error"), text.value.length > 2000 ? say("report.long.text") : "", text],
  ];
  let first = /** @type {HTMLElement | null} */ (null);
  for (const [place, words, focus] of gaps) {
    tell(/** @type {HTMLElement} */ (place), /** @type {string} */ (words));
    if (words && !first) first = /** @type {HTMLElement} */ (focus);
  }
  first?.focus();
  return first === null;
}

function placeGap() {
  if (mistyped()) return say("report.bad.place");
  return chosen() ? "" : say("report.need.place");
}

async function submit() {
  tell(failure, "");
  const place = chosen();
  if (!complete() || !place) return;
  send.disabled = true;
  send.textContent = say("report.sending");
  const body = {
    id, category: category(), text: text.value.trim(), lon: place.lon, lat: place.lat, crs: place.crs,
    position_source: place.source, accuracy_m: place.accuracy,
    contact: { name: name.value.trim() || null, phone: phone.value.trim() || null },
  };
  const answer = await ask(`api/issues?lang=${language}`, { method: "POST", body, headers: { "X-Device-Token": device() } });
  send.disabled = false;
  send.textContent = say("report.send");
  if (answer.status === 200 || answer.status === 201) showAnswer(answer.body);
  else showFailure(answer);
}

/** @param {import("./page.js").Answer} answer */
function showFailure({ status, body }) {
  if (status === 0 || status >= 500) tell(failure, say("report.offline"));
  else if (status === 429) tell(failure, say("report.limit"));
  else if (status === 409) {
    id = newId();
    keepDraft();
    tell(failure, say("report.conflict"));
  } else tell(failure, say("report.refused", { reason: reasonOf({ status, body }) }));
  failure.scrollIntoView({ block: "nearest" });
}

/** @param {any} body */
function showAnswer(body) {
  keep(DRAFT, null);
  form.hidden = true;
  answerPart.hidden = false;
  element("answer-code").textContent = body?.issue?.code ?? "";
  const list = element("answer-links");
  list.replaceChildren();
  const sentences = Array.isArray(body?.explanation) ? body.explanation : [];
  for (const sentence of [placeWords(body?.links), ...sentences]) {
    if (!sentence) continue;
    const item = document.createElement("li");
    item.textContent = sentence;
    list.append(item);
  }
  sendPhotos(body?.issue?.id ?? id, device());
  answerPart.focus();
  window.scrollTo({ top: 0 });
}

/** Another report from the same place: the place stays, the rest is empty. */
function startAnew() {
  if (!mayLeavePhotos()) return;
  id = newId();
  for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input[name=category]"))) {
    box.checked = false;
  }
  text.value = "";
  clearPhotos();
  form.hidden = false;
  answerPart.hidden = true;
  keepDraft();
  /** @type {HTMLElement | null} */ (form.querySelector("input[name=category]"))?.focus();
}
