// One job: stage, time left and the frame being drawn, until it is over; then the page shows what came of it.

import { ask } from "./api.js";
import { watch } from "./live.js";
import { progress } from "./words.js";

const page = document.getElementById("job");
const OVER = ["done", "failed", "cancelled", "set_aside"];

if (page.dataset.over === undefined) {
  const preview = document.getElementById("preview");
  let shown = 0;
  watch((name, value) => {
    if (name !== `job:${page.dataset.job}` || !value) return;
    if (OVER.includes(value.state)) {
      over();
      return;
    }
    const now = progress(value);
    say("stage", now.stage);
    say("eta", now.eta);
    document.getElementById("progress").value = now.share;
    if (value.preview && value.preview !== shown) {
      shown = value.preview;
      const next = new Image();
      next.src = `/api/v1/jobs/${page.dataset.job}/preview.jpg?n=${shown}`;
      next.decode().then(() => {
        preview.src = next.src;
        preview.hidden = false;
      }, () => {});
    }
  });
}

/** Show the page anew if the job is over: what was heard may be of the time before it was begun again. */
async function over() {
  const job = await ask("GET", `/jobs/${page.dataset.job}`);
  if (OVER.includes(job.state)) location.replace(location.href);
}

function say(id, text) {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
}
