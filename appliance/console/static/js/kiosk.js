// The kiosk: record at the box, wait, watch; then again, or done. Whoever leaves it alone finds it ready again.

import { ask, renew } from "./api.js";
import { _, clock, said, sentences } from "./i18n.js";
import { watch } from "./live.js";
import { progress } from "./words.js";

const WARNING_S = 10;
const AGAIN_MS = 5000;
const RENEW_MS = 30 * 60_000;
const body = document.body;
const $ = (id) => document.getElementById(id);
const bars = [...document.querySelectorAll(".bars i")];
const video = $("video");
const idle = Number(body.dataset.idle);
let stage = body.dataset.stage;
let recording = body.dataset.recording;
let job = body.dataset.job;
let touched = Date.now();
const latest = {}; // of the recording and of the job: it may be told before the answer that names the one that was begun

body.classList.add("scripted");
$("replay").hidden = stage !== "showing";
history.replaceState(null, "", "/kiosk");

function show(next, says) {
  stage = body.dataset.stage = next;
  touched = Date.now();
  for (const pane of document.querySelectorAll(".pane")) pane.hidden = pane.dataset.pane !== next;
  if (says !== undefined && $(`${next}-says`)) $(`${next}-says`).textContent = says;
  if (next !== "showing") video.pause();
  document.querySelector(`.pane:not([hidden]) button:not([hidden])`)?.focus({ focusVisible: false });
}

function sorry(error) {
  recording = job = "";
  show("sorry", sentences(error.message));
}

async function record() {
  show("listening", _("One moment …"));
  $("listening-clock").textContent = clock(0);
  for (const bar of bars) bar.style.setProperty("--loud", 0.04);
  const { id } = await ask("POST", "/recordings", {});
  if (stage !== "listening") return stop(false).catch(() => {}); // whoever it was for has left
  recording = id;
  heard(latest.recording);
}

function heard(value) {
  if (!recording || value?.id !== recording) return;
  if (value.upload) {
    recording = "";
    make(value.upload).catch(sorry);
  } else if (["done", "failed", "cancelled"].includes(value.state)) {
    if (stage === "listening") sorry(new Error(said(value.message) || _("Nothing was recorded.")));
  } else {
    touched = Date.now();
    const says = { opening: _("One moment …"), speech: _("I can hear you.") };
    const text = says[value.state] ?? _("Speak now. I stop when you are silent.");
    if ($("listening-says").textContent !== text) $("listening-says").textContent = text;
    $("listening-clock").textContent = clock(value.seconds ?? 0);
    level(value.level_db ?? -60);
  }
}

function level(decibels) {
  $("level").value = decibels;
  const loud = Math.min(1, Math.max(0.04, (decibels + 60) / 54));
  const values = [...bars.slice(1).map((bar) => bar.style.getPropertyValue("--loud")), loud];
  bars.forEach((bar, index) => bar.style.setProperty("--loud", values[index]));
}

async function make(upload) {
  show("making", _("Your words are being put into the mouth."));
  $("making-progress").value = 0;
  const found = await ask("POST", "/jobs", { avatar: body.dataset.avatar, audio: { upload } });
  if (stage !== "making") return ask("POST", `/jobs/${found.id}/cancel`).catch(() => {});
  job = found.id;
  if (found.state === "done") play();
  else if (latest.job) made(...latest.job);
}

function made(id, value) {
  if (id !== job || stage !== "making") return;
  if (!value || value.state === "cancelled") show("ready");
  else if (value.state === "done") play();
  else if (value.state === "failed" || value.state === "set_aside") failed(id).catch(sorry);
  else {
    const now = progress(value);
    $("making-progress").value = now.share;
    $("making-says").textContent = [now.stage, now.eta].filter(Boolean).join(" · ");
  }
}

async function failed(id) {
  const found = await ask("GET", `/jobs/${id}`);
  sorry(new Error(said(found.error) || _("It did not work.")));
}

/** A job that was removed while the page heard nothing is told of no more. */
async function stillThere() {
  const wanted = job;
  if (stage !== "making" || !wanted) return;
  const gone = await ask("GET", `/jobs/${wanted}`).then(() => false, (error) => error.status === 404);
  if (gone) made(wanted, null);
}

function play() {
  video.src = `/api/v1/jobs/${job}/video.mp4`;
  video.poster = `/api/v1/jobs/${job}/poster.jpg`;
  $("replay").hidden = false;
  show("showing");
  video.play().catch(() => {}); // a browser that does not let it play shows its own button
}

const stop = (keep) => ask("POST", "/recordings/stop", { keep });

async function done() {
  if (stage === "listening" && recording) stop(false).catch(() => {});
  if (stage === "making" && job) await ask("POST", `/jobs/${job}/cancel`).catch(() => {});
  recording = job = "";
  show("ready");
}

// A screen that is on before the box has made its first avatar ready.
if (!document.querySelector(".face img")) setTimeout(() => stage === "ready" && location.reload(), AGAIN_MS);

const DO = {
  record,
  again: record,
  stop: () => stop(true),
  discard: done,
  done,
};
document.querySelector("main").addEventListener("submit", (event) => {
  const act = DO[event.submitter?.value];
  if (!act) return;
  event.preventDefault();
  act().catch(sorry);
});
$("replay").addEventListener("click", () => video.play());

for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (touched = Date.now()));
video.addEventListener("timeupdate", () => (touched = Date.now()));

setInterval(() => {
  const left = Math.ceil(idle - (Date.now() - touched) / 1000);
  const waiting = stage !== "ready" && stage !== "making"; // what is being made gives signs of life by itself
  $("leaving").hidden = !waiting || left > WARNING_S;
  if (waiting && left <= WARNING_S) $("leaving").textContent = _("Starting over in {n} s", { n: Math.max(0, left) });
  if (waiting && left <= 0) done();
}, 500);

// The page stays for weeks, a session ends when it is not used: this uses it, and keeps the forms' tokens right. A box
// that was restarted may know no session from before.
const stay = () => renew().catch(() => {});
setInterval(stay, RENEW_MS);

watch((name, value) => {
  if (name === "recording") heard((latest.recording = value));
  else if (name.startsWith("job:")) made(...(latest.job = [name.slice(4), value]));
  else if (name === "microphones") {
    const there = value?.devices?.some((device) => device.chosen && device.present) ?? false;
    document.querySelector(".talk").disabled = !there;
    $("no-microphone").hidden = there;
  }
}, () => {
  stay();
  stillThere();
});
