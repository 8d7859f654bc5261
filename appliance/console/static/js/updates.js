// The updates page: installing and restoring move, and the slots and the history follow.

import { refresh, watch } from "./live.js";

watch((name) => {
  if (name === "errand") refresh(["errand", "update"]);
  else if (name === "update") refresh(["update"]);
});

// A download leaves the page as it is, so its form may be sent again.
for (const form of document.querySelectorAll("form[data-again]")) {
  form.addEventListener("submit", () => setTimeout(() => dispatchEvent(new Event("pageshow")), 0));
}
