// The updates page: files go up with a bar, installing and restoring move, and the slots and the history follow.

import { tooLarge } from "./drop.js";
import { _ } from "./i18n.js";
import { follow, refresh } from "./live.js";

const changed = ({ name }) => {
  if (name === "errand" || name === "update") refresh(["errand", "update"]);
};
// A restore ends with the console's restart: what was missed meanwhile is looked up when it is back.
follow("/api/v1/events", changed, { state: (connected) => connected && refresh(["errand", "update"]) });

// The browser sends no form that is invalid.
document.addEventListener("change", ({ target }) => {
  if (target.type !== "file") return;
  const problem = tooLarge(target.files[0], target.form);
  target.setCustomValidity(problem);
  complain(target.form, problem);
});

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

/** Say in the form what is wrong with it; an empty text takes that away. */
function complain(form, problem) {
  const place = form.querySelector("[role=alert]");
  place.textContent = problem;
  place.hidden = !problem;
}

/** Post the form as the browser would, but show how much has gone; the answer is this page with what came of it. */
function send(form, button) {
  complain(form, "");
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
    bar.remove();
    const page = request.response;
    const fresh = page?.querySelector("#errand") && page.getElementById("main");
    if (fresh) {
      document.getElementById("main").replaceWith(document.adoptNode(fresh));
    } else if (page && request.status < 400) {
      location.reload(); // it was another page: that of the log-in
    } else {
      const said = page?.querySelector("main h1")?.textContent;
      complain(form, said || _("The connection broke off. The file may be too large."));
      delete form.dataset.sure; // it will be asked about again
    }
    dispatchEvent(new Event("pageshow"));
  };
  request.send(new FormData(form, button));
}
