// What the box is doing, as it happens: server-sent events, resumed after a break by the id of the last one seen.
//
// A browser reconnects by itself when a stream ends, but gives up for good when it is refused; then this tries again.
// Hidden pages let their stream go, for a browser holds only six connections to a server.

const AGAIN_MS = 3000;

/** Call `handle(value, id)` for each event of the stream at `url`; `state(connected)` when that changes. */
export function follow(url, handle, { after = "", state = () => {} } = {}) {
  let source = null;
  let timer = 0;
  let last = after;

  function open() {
    close();
    const there = new URL(url, location.href);
    if (last) there.searchParams.set("after", last);
    source = new EventSource(there);
    source.onopen = () => state(true);
    source.onmessage = (event) => {
      if (event.lastEventId) last = event.lastEventId;
      handle(JSON.parse(event.data), last);
    };
    source.onerror = () => {
      state(false);
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN_MS);
    };
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  const seen = () => (document.hidden ? close() : source || open());
  document.addEventListener("visibilitychange", seen);
  addEventListener("pagehide", close);
  addEventListener("pageshow", seen);
  seen();
  return {
    stop() {
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("pageshow", seen);
      close();
    },
  };
}

/** Follow the box's states: `handle(name, value)`; `connected()` when it answers, again after a break as well. */
export function watch(handle, connected = () => {}) {
  const state = (now) => now && connected();
  return follow("/api/v1/events", (event) => handle(event.name, event.value), { state });
}

let asked = null;

/** Fetch this page again and put the parts marked `data-live` that are in `kinds` in place of the old ones. */
export function refresh(kinds) {
  clearTimeout(asked?.timer);
  const wanted = new Set([...(asked?.wanted ?? []), ...kinds]);
  asked = { wanted, timer: setTimeout(() => replace(wanted), 150) };
}

async function replace(wanted) {
  asked = null;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (wanted.has(part.dataset.live) && other) exchange(part, other);
  }
}

/** Put new content in place of the old, but leave open what is open, and the focus where it is. */
function exchange(part, other) {
  const open = [...part.querySelectorAll("details")].map((details) => details.open);
  other.querySelectorAll("details").forEach((details, index) => (details.open = open[index] ?? details.open));
  if (part.innerHTML === other.innerHTML) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const places = (where) => [...where.querySelectorAll("a, button, summary, input")];
  const name = (element) => element.getAttribute("href") ?? element.textContent.trim();
  part.replaceChildren(...other.childNodes);
  if (focused) places(part).find((element) => name(element) === name(focused))?.focus({ preventScroll: true });
}
