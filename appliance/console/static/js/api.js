// Requests to /api/v1 with the page's token; what the box refuses becomes an Error whose message is for people.

const token = document.querySelector('meta[name="csrf-token"]').content;

export class Refused extends Error {
  constructor(status, { message, hint }) {
    super(message || `HTTP ${status}`);
    this.status = status;
    this.hint = hint || "";
  }
}

/** Ask the API; `body`, if any, is sent as JSON. */
export async function ask(method, path, body, headers = {}) {
  const answer = await fetch(`/api/v1${path}`, {
    method,
    headers: { "X-CSRF-Token": token, ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
    body: body ? JSON.stringify(body) : undefined,
  });
  const found = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, found);
  return found;
}

/** Upload a file or blob and say how far it is, 0 to 1; fetch cannot say so yet. */
export function upload(file, name, progress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/uploads?name=${encodeURIComponent(name)}`);
    request.setRequestHeader("X-CSRF-Token", token);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () =>
      request.status < 300 ? done(request.response) : failed(new Refused(request.status, request.response ?? {}));
    request.onerror = () => failed(new Error("the connection was lost"));
    request.send(file);
  });
}
