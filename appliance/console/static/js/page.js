// Every page with the frame: questions before what cannot be undone, and a menu that closes.

import { _ } from "./i18n.js";

document.addEventListener("submit", (event) => {
  const question = event.target.dataset?.ask;
  if (!question || event.target.dataset.sure) return;
  event.preventDefault();
  sure(question, event.submitter?.textContent.trim()).then((yes) => {
    if (!yes) return;
    event.target.dataset.sure = "yes";
    event.target.requestSubmit(event.submitter);
  });
});

/** Ask in a dialog; resolves to whether the answer was yes. */
function sure(question, yes) {
  const dialog = document.createElement("dialog");
  const title = document.createElement("h2");
  title.textContent = question;
  title.id = "sure-question";
  const actions = document.createElement("form");
  actions.method = "dialog";
  actions.className = "actions";
  for (const [value, text, look] of [
    ["no", _("Cancel"), ""],
    ["yes", yes || _("Yes"), "danger"],
  ]) {
    const button = document.createElement("button");
    button.value = value;
    button.textContent = text;
    button.className = look;
    actions.append(button);
  }
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.append(title, actions);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue === "yes");
    });
  });
}

// A second press while the first is under way must not do it twice.
const sent = new Set();
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (sent.has(event.target)) event.preventDefault();
  sent.add(event.target);
});
addEventListener("pageshow", () => sent.clear());

const menu = document.querySelector(".menu");
document.addEventListener("click", (event) => {
  if (menu?.open && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && menu?.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
