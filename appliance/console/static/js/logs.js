// Live log: new records run in at the top; pausing keeps them until one goes on. Nothing is lost or shown twice.

import { _ } from "./i18n.js";
import { follow } from "./live.js";

const KEPT = 1000;
const log = document.getElementById("log");
const state = document.getElementById("live-state");
const pause = document.getElementById("pause");
const { level, part, after } = log.dataset;
let held = null;

function row(record) {
  const item = document.createElement("li");
  item.dataset.id = record.id;
  item.dataset.level = record.level;
  item.className = "fresh";
  const time = document.createElement("time");
  const at = new Date(record.t * 1000);
  time.dateTime = at.toISOString();
  time.textContent = moment.format(at).replace(/^(\d+)\/(\d+), /, "$1-$2 ");
  const cells = [["level", names[record.level] ?? record.level], ["part", record.part], ["message", record.message]];
  item.append(time, ...cells.map(([look, text]) => Object.assign(document.createElement("span"), { className: look, textContent: text })));
  return item;
}

const moment = new Intl.DateTimeFormat("en-US", {
  timeZone: log.dataset.zone || undefined,
  month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const names = { DEBUG: _("Debug"), INFO: _("Info"), WARNING: _("Warning"), ERROR: _("Error"), CRITICAL: _("Error") };

function add(record) {
  if (held) {
    held.push(record);
    show();
    return;
  }
  document.getElementById("no-records").hidden = true;
  const scrolled = log.scrollTop;
  const before = log.scrollHeight;
  log.prepend(row(record));
  while (log.childElementCount > KEPT) log.lastElementChild.remove();
  if (scrolled > 0) log.scrollTop = scrolled + log.scrollHeight - before;
}

let connected = false;
function show() {
  state.hidden = pause.hidden = false;
  state.dataset.state = held ? "queued" : connected ? "running" : "off";
  state.textContent = held ? _("paused ({n} new)", { n: held.length }) : connected ? _("live") : _("connecting …");
  pause.textContent = held ? _("Go on") : _("Pause");
  pause.setAttribute("aria-pressed", String(Boolean(held)));
}

pause.addEventListener("click", () => {
  const waiting = held;
  held = held ? null : [];
  for (const record of waiting ?? []) add(record);
  show();
});

// An older page shows the past, and stays as it is.
if (after || !new URLSearchParams(location.search).has("until")) {
  const url = new URL("/api/v1/logs/stream", location.href);
  url.searchParams.set("level", level);
  if (part) url.searchParams.set("part", part);
  follow(url, add, { after: after || "0", state: (now) => ((connected = now), show()) });
}
for (const field of document.querySelectorAll("#filter select")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}
