// Making a video: upload at once and look at the sound, record in the browser or at the box.

import { ask, upload } from "./api.js";
import { takesFiles, tooLarge } from "./drop.js";
import { _, clock, said, sentences } from "./i18n.js";
import { refresh, watch } from "./live.js";
import { possible, record } from "./recorder.js";
import { wave } from "./wave.js";

const $ = (id) => document.getElementById(id);
const form = $("new");
let recording = null;

takesFiles($("drop"), $("file"), take);
if (possible()) $("record-here").hidden = false;
else $("insecure").hidden = globalThis.isSecureContext;
$("record-here").addEventListener("click", begin);
$("drop-recording").addEventListener("click", () => {
  recording?.cancel();
  recording = null;
  show("sources");
});
$("stop-recording").addEventListener("click", async () => {
  if (!recording) return;
  const { blob, name } = await recording.stop();
  recording = null;
  take(new File([blob], name, { type: blob.type }));
});
$("another").addEventListener("click", (event) => {
  event.preventDefault();
  $("upload").value = "";
  $("listen").pause();
  show("sources");
  $("file").focus();
});

/** Show one part of the first step. */
function show(part) {
  for (const id of ["sources", "recorder", "uploading", "chosen"]) $(id).hidden = id !== part;
  $("make").disabled = part === "uploading" || part === "recorder";
}

/** Let go of the file that was picked. */
function forget() {
  $("file").value = "";
  $("drop").querySelector(".picked").textContent = "";
}

function complain(error) {
  $("sound-problem").textContent = sentences(error.message, error.hint);
  $("sound-problem").hidden = false;
}

async function begin() {
  $("sound-problem").hidden = true;
  try {
    recording = await record($("scope"), (seconds) => ($("recorded").textContent = clock(seconds)));
    show("recorder");
    $("stop-recording").focus();
  } catch {
    complain(new Error(_("The browser gives no microphone. Allow it for this page, or use the one at the box.")));
  }
}

async function take(file) {
  $("sound-problem").hidden = true;
  const problem = tooLarge(file, form);
  if (problem) {
    complain(new Error(problem));
    forget();
    return;
  }
  $("uploading-says").textContent = _("Uploading {name}", { name: file.name });
  $("uploaded").value = 0;
  show("uploading");
  try {
    const kept = await upload(file, file.name, (share) => ($("uploaded").value = share));
    $("upload").value = kept.id;
    forget();
    $("chosen-name").textContent = kept.name;
    $("chosen-facts").textContent = _("Looking at the file …");
    $("chosen-wave").replaceChildren();
    $("listen").src = URL.createObjectURL(file);
    $("listen").hidden = false;
    show("chosen");
    inspected(kept.inspect, kept.name);
  } catch (error) {
    forget();
    show("sources");
    complain(error);
  }
}

/** Show what the worker found out about an upload, when it has. */
function inspected(job, name) {
  if (!job) return;
  const events = watch(async (state, value) => {
    if (state !== `job:${job}` || !value || ["queued", "running"].includes(value.state)) return;
    events.stop();
    const done = await ask("GET", `/jobs/${job}`);
    if (done.result) {
      $("chosen-facts").textContent = done.result.seconds ? clock(done.result.seconds) : "";
      $("chosen-wave").replaceChildren(wave(done.result.waveform ?? [], _("Waveform of {name}", { name })));
    } else if (done.error) {
      $("upload").value = "";
      show("sources");
      complain({ message: said(done.error), hint: said(done.hint) });
    }
  });
}

// A box that starts for the first time has no avatar yet; the worker tells when it has looked round.
if (!form.querySelector("input[name=avatar]")) {
  watch((name) => {
    if (name === "findings:worker" && !form.querySelector("input[name=avatar]")) refresh(["avatars"]);
  });
}

// The box's own microphone: the page's address has the recording.
const atBox = $("at-box");
if (atBox) {
  const says = atBox.querySelector("[role=status]");
  const events = watch((name, value) => {
    if (name !== "recording" || value?.id !== atBox.dataset.recording) return;
    if (value.upload || ["done", "failed", "cancelled"].includes(value.state)) {
      events.stop();
      location.reload();
    } else if (value.state !== "opening") {
      says.textContent = _("The box is listening: {time}", { time: clock(value.seconds ?? 0) });
    }
  });
}

form.addEventListener("submit", (event) => {
  if (event.submitter?.value === "make" && !$("upload").value && !$("file").files.length) {
    event.preventDefault();
    complain(new Error(_("Choose a recording first.")));
    $("sound").scrollIntoView({ block: "start" });
  }
});
