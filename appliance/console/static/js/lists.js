// Pages with lists: overview, jobs, system. Progress moves in place; whatever else changed is fetched again.

import { refresh, watch } from "./live.js";
import { progress } from "./words.js";

const seen = new Map(); // a job's id to the state in which this page was last fetched because of it

watch((name, value) => {
  if (name.startsWith("job:")) job(name.slice(4), value);
  else if (name === "findings" || name === "findings:worker" || name.startsWith("child:")) refresh(["health"]);
  else if (name === "microphones") refresh(["microphones"]);
});

function job(id, value) {
  const row = document.getElementById(`job-${id}`);
  const state = value?.state;
  const moving = state === "running" || state === "queued";
  if (row?.dataset.state !== state) {
    if (seen.get(id) !== state && (row || moving || seen.has(id))) refresh(["jobs"]);
    seen.set(id, state);
    return;
  }
  const bar = row?.querySelector("progress"); // a job that is gone has no row
  if (!moving || !bar) return;
  const now = progress(value);
  bar.value = now.share;
  const says = row.querySelector("[data-says]");
  const avatar = (says.dataset.start ??= says.textContent.split(" · ")[0]);
  says.textContent = [avatar, now.stage, now.eta].filter(Boolean).join(" · ");
}
