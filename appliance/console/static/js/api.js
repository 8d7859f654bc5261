// Requests to /api/v1 with the page's token; what the box refuses becomes an Error whose message is for people.

import { _, said } from "./i18n.js";

const meta = document.querySelector('meta[name="csrf-token"]');
let renewing = null;

export class Refused extends Error {
  constructor(status, { message, hint }) {
    super(said(message) || `HTTP ${status}`);
    this.status = status;
    this.hint = said(hint);
  }
}

/** Give the page and its forms the session's present token; both may be newer than the page. */
export function renew() {
  renewing ??= newToken().finally(() => (renewing = null));
  return renewing;
}

async function newToken() {
  const answer = await fetch("/api/v1/session");
  if (!answer.ok) throw new Refused(answer.status, {});
  const token = (await answer.json()).csrf_token;
  meta.content = token;
  for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = token;
}

/** `send(token)`, and once more if the token was refused and the session has another by now: pages outlive sessions. */
async function sent(send) {
  const token = meta.content;
  const answer = await send(token);
  if (answer.status !== 403) return answer;
  await renew().catch(() => {});
  return meta.content === token ? answer : send(meta.content);
}

function lost() {
  return new Error(_("The connection to the box was lost."));
}

/** Ask the API; `body`, if any, is sent as JSON. */
export async function ask(method, path, body, headers = {}) {
  const answer = await sent((token) =>
    fetch(`/api/v1${path}`, {
      method,
      headers: { "X-CSRF-Token": token, ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
    }).catch(() => Promise.reject(lost())),
  );
  const found = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, found);
  return found;
}

/** Upload a file or blob and say how far it is, 0 to 1; fetch cannot say so yet. */
export async function upload(file, name, progress) {
  const answer = await sent((token) => send(token, file, name, progress));
  if (answer.status >= 300) throw new Refused(answer.status, answer.response ?? {});
  return answer.response;
}

function send(token, file, name, progress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/uploads?name=${encodeURIComponent(name)}`);
    request.setRequestHeader("X-CSRF-Token", token);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => done(request);
    request.onerror = () => failed(lost());
    request.send(file);
  });
}
