/** Sign in and out. The password is never kept anywhere. */

import { ask, element, language, reasonOf, say, showZone, speak, tell } from "./page.js";

const form = /** @type {HTMLFormElement} */ (element("sign-in"));
const login = /** @type {HTMLInputElement} */ (element("login"));
const password = /** @type {HTMLInputElement} */ (element("password"));
const send = /** @type {HTMLButtonElement} */ (element("send"));
const failure = element("failure");

speak();
document.title = say("sign.in");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void signIn();
});
element("sign-out").addEventListener("click", () => void signOut());
void ask("api/stats").then(({ status, body }) => {
  if (status === 200) showZone(body.zone);
});
await showState();
document.body.dataset.ready = "true";

async function showState() {
  const { status, body } = await ask("api/session");
  const user = status === 200 ? body?.user : null;
  form.hidden = Boolean(user);
  element("signed-in").hidden = !user;
  if (user) tell(element("who"), say("sign.as", { name: user.display_name ?? user.label ?? user.login }));
  else login.focus();
}

async function signIn() {
  tell(failure, "");
  if (!login.value.trim() || !password.value) {
    tell(failure, say("sign.empty"));
    (login.value.trim() ? password : login).focus();
    return;
  }
  send.disabled = true;
  const answer = await ask("api/session", {
    method: "POST", body: { login: login.value.trim(), password: password.value },
  });
  send.disabled = false;
  if (answer.status >= 200 && answer.status < 300) {
    location.assign(next());
    return;
  }
  password.value = "";
  tell(failure, reason(answer));
  password.focus();
}

/** @param {import("./page.js").Answer} answer */
function reason({ status, body }) {
  if (status === 0) return say("failed.network");
  if (status === 401 || status === 403 || status === 422) return say("sign.wrong");
  if (status === 429) return say("sign.limit");
  return say("failed.other", { reason: reasonOf({ status, body }) });
}

/** Where to go after signing in: a path of this service only, else the start page. */
function next() {
  const asked = new URLSearchParams(location.search).get("next") ?? "";
  const target = new URL(asked || `./?lang=${language}`, document.baseURI);
  return target.origin === location.origin ? target.href : `./?lang=${language}`;
}

async function signOut() {
  await ask("api/session", { method: "DELETE" });
  await showState();
}
