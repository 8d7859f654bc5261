// How far a job is, in words: the server says the same in pages/words.py.

import { _, left } from "./i18n.js";

const STAGES = {
  decode: () => _("Opening the file"),
  landmarks: () => _("Looking at the face"),
  pack: () => _("Making the avatar ready"),
  render: () => _("Drawing the frames"),
  join: () => _("Joining picture and sound"),
  sheet: () => _("Drawing the sheet"),
};

/** {stage, eta, share} of what the worker published of a job. */
export function progress(value) {
  const stage = value.state === "queued" ? _("Waiting for its turn") : (STAGES[value.stage]?.() ?? _("Starting"));
  return { stage, eta: left(value.eta_s), share: value.share ?? 0 };
}
