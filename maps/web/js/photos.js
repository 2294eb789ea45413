/**
 * Photos of a report: chosen or taken before it is sent, uploaded one by one once the service has the report.
 * A photo that did not arrive can be sent again as long as the page is open; its id makes that safe.
 */

import { element, newId, reasonOf, say, tell } from "./page.js";

const MOST = 5;
const LARGEST = 20 * 1024 ** 2;
const PREVIEW = 96;

/**
 * @typedef {object} Photo
 * @property {string} id
 * @property {File} file
 * @property {"waiting" | "sending" | "sent" | "refused" | "failed"} state
 * @property {number} share of the bytes that were sent, 0 to 1
 * @property {string} reason why the service refused it
 * @property {HTMLCanvasElement} preview
 */

const picker = /** @type {HTMLInputElement} */ (element("photo-picker"));
const chosenList = element("photos");
const note = element("photo-note");
const progress = element("photo-progress");
const status = element("photo-status");
const bar = /** @type {HTMLProgressElement} */ (element("photo-bar"));
const retry = /** @type {HTMLButtonElement} */ (element("photo-retry"));

/**
 * The photos of one report and where they go.
 * @typedef {object} Batch
 * @property {Photo[]} photos
 * @property {string} path
 * @property {string} device
 */

/** Chosen for the report that is being written. @type {Photo[]} */
let photos = [];

/** Of the report that was sent last. @type {Batch | null} */
let batch = null;

let uploading = false;

/** @type {(uploading: boolean) => void} */
let told = () => undefined;

/**
 * Listen to the picker and to “upload again”.
 * @param {(uploading: boolean) => void} whenUploading told when an upload begins and when it ends
 */
export function startPhotos(whenUploading) {
  told = whenUploading;
  picker.addEventListener("change", () => {
    add([...(picker.files ?? [])]);
    picker.value = "";
  });
  retry.addEventListener("click", () => {
    if (batch) void upload(batch);
  });
  addEventListener("beforeunload", (event) => {
    if (missing() > 0) event.preventDefault();
  });
}

/** How many photos of the last report may still arrive. */
function missing() {
  return (batch?.photos ?? []).filter((photo) => photo.state !== "sent" && photo.state !== "refused").length;
}

/** Whether the photos of the last report may be left: none is missing, or the reporter gives them up. */
export function mayLeavePhotos() {
  if (uploading) return false;
  const count = missing();
  return count === 0 || confirm(say("report.photos.leave", { count }));
}

/** @param {File[]} files */
function add(files) {
  const large = files.find((file) => file.size > LARGEST);
  const fitting = files.filter((file) => file.size <= LARGEST);
  const room = MOST - photos.length;
  for (const file of fitting.slice(0, room)) {
    photos.push({ id: newId(), file, state: "waiting", share: 0, reason: "", preview: preview(file) });
  }
  if (large) tell(note, say("report.photos.large", { name: large.name }));
  else tell(note, fitting.length > room ? say("report.photos.many") : "");
  showChosen();
}

/** A small drawing of a photo; empty where the browser cannot read it, which only the service decides. @param {File} file */
function preview(file) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = PREVIEW;
  void createImageBitmap(file).then((picture) => {
    const side = Math.min(picture.width, picture.height);
    const [left, top] = [(picture.width - side) / 2, (picture.height - side) / 2];
    canvas.getContext("2d")?.drawImage(picture, left, top, side, side, 0, 0, PREVIEW, PREVIEW);
    picture.close();
  }).catch(() => undefined);
  return canvas;
}

function showChosen() {
  chosenList.replaceChildren();
  chosenList.hidden = photos.length === 0;
  photos.forEach((photo, at) => {
    const item = document.createElement("li");
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "×";
    remove.setAttribute("aria-label", say("report.photos.remove", { number: at + 1 }));
    remove.addEventListener("click", () => {
      photos = photos.filter((other) => other !== photo);
      tell(note, "");
      showChosen();
      picker.focus();
    });
    photo.preview.setAttribute("role", "img");
    photo.preview.setAttribute("aria-label", say("report.photos.one", { number: at + 1, name: photo.file.name }));
    item.append(photo.preview, remove);
    chosenList.append(item);
  });
  picker.disabled = photos.length >= MOST;
}

/** Forget all photos: for another report. */
export function clearPhotos() {
  photos = [];
  batch = null;
  progress.hidden = true;
  tell(note, "");
  showChosen();
}

/**
 * Upload the chosen photos to the report that was just received.
 * @param {string} issue its id
 * @param {string} device the token that the report was sent with
 */
export function sendPhotos(issue, device) {
  if (photos.length === 0) return;
  batch = { photos, path: `api/issues/${issue}/attachments`, device };
  void upload(batch);
}

/** Whether the same photo may be taken when it is sent again. @param {number} status */
function passing(status) {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/** Send what has not arrived, one after the other; never rejects. @param {Batch} sent */
async function upload(sent) {
  if (uploading) return;
  uploading = true;
  told(true);
  progress.hidden = false;
  retry.hidden = true;
  for (const photo of sent.photos) {
    if (photo.state === "sent" || photo.state === "refused") continue;
    photo.state = "sending";
    const answer = await post(sent, photo);
    if (answer.status === 200 || answer.status === 201) photo.state = "sent";
    else if (passing(answer.status)) photo.state = "failed";
    else {
      photo.state = "refused";
      photo.reason = reasonOf(answer);
    }
    photo.share = 1;
  }
  uploading = false;
  showProgress(sent.photos);
  told(false);
}

/**
 * One photo, with progress, which `fetch` does not tell.
 * @param {Batch} sent
 * @param {Photo} photo
 * @returns {Promise<import("./page.js").Answer>}
 */
function post(sent, photo) {
  const form = new FormData();
  form.append("id", photo.id);
  form.append("file", photo.file);
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", new URL(sent.path, document.baseURI));
    request.setRequestHeader("X-Device-Token", sent.device);
    request.responseType = "json";
    request.timeout = 120_000;
    request.upload.addEventListener("progress", (event) => {
      photo.share = event.total ? event.loaded / event.total : 0;
      showProgress(sent.photos);
    });
    request.addEventListener("loadend", () => done({ status: request.status, body: request.response }));
    photo.share = 0;
    showProgress(sent.photos);
    request.send(form);
  });
}

/** @param {Photo[]} shown of one report */
function showProgress(shown) {
  const number = shown.findIndex((photo) => photo.state === "sending") + 1;
  const sent = shown.filter((photo) => photo.state === "sent").length;
  const failed = shown.filter((photo) => photo.state === "failed").length;
  const refused = shown.filter((photo) => photo.state === "refused");
  bar.hidden = number === 0;
  bar.value = shown.reduce((sum, photo) => sum + (photo.state === "sent" ? 1 : photo.share), 0) / Math.max(1, shown.length);
  retry.hidden = number > 0 || failed === 0;
  if (number > 0) tell(status, say("report.photos.sending", { number, count: shown.length }));
  else {
    const lines = [
      sent ? say("report.photos.sent", { count: sent }) : "",
      failed ? say("report.photos.failed", { count: failed }) : "",
      ...refused.map((photo) => say("report.photos.refused", { name: photo.file.name, reason: photo.reason })),
    ];
    tell(status, lines.filter(Boolean).join(" "));
  }
}
