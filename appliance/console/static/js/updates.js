// The updates page: files go up with a bar, installing and restoring move, and the slots and the history follow.

import { _ } from "./i18n.js";
import { follow, refresh } from "./live.js";

const changed = ({ name }) => {
  if (name === "errand" || name === "update") refresh(["errand", "update"]);
};
// A restore ends with the console's restart: what was missed meanwhile is looked up when it is back.
follow("/api/v1/events", changed, { state: (connected) => connected && refresh(["errand", "update"]) });

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return; // it was asked about, or is on its way
  if (form.enctype === "multipart/form-data") {
    event.preventDefault();
    send(form, event.submitter);
  } else if (form.dataset.stays !== undefined) {
    setTimeout(() => dispatchEvent(new Event("pageshow"))); // a download leaves the page: the form may be sent again
  }
});

/** Post the form as the browser would, but show how much has gone; the answer is this page with what came of it. */
function send(form, button) {
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", _("Upload"));
  form.append(bar);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.responseType = "document";
  request.upload.onprogress = (event) => event.lengthComputable && (bar.value = event.loaded / event.total);
  request.onloadend = () => {
    const fresh = request.response?.querySelector("#errand") && request.response.getElementById("main");
    if (fresh) document.getElementById("main").replaceWith(document.adoptNode(fresh));
    else location.reload();
    dispatchEvent(new Event("pageshow"));
  };
  request.send(new FormData(form, button));
}
