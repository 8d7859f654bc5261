// The avatars' page: files may be dropped; a name is offered; lists stay fresh.

import { takesFiles } from "./drop.js";
import { _ } from "./i18n.js";
import "./lists.js";

const form = document.getElementById("enroll");
const name = document.getElementById("name");
const problem = document.getElementById("problem");

takesFiles(document.getElementById("drop"), document.getElementById("file"), (file) => {
  const tooLarge = file.size > Number(form.dataset.limit);
  problem.textContent = tooLarge ? _("{name} is too large.", { name: file.name }) : "";
  problem.hidden = !tooLarge;
  if (!name.value) {
    const plain = file.name.replace(/\.[^.]*$/, "").normalize("NFKD").toLowerCase();
    name.value = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64);
  }
});
