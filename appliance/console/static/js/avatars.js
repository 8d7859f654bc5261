// The avatars' page: files may be dropped; a name is offered; lists stay fresh.

import { takesFiles, tooLarge } from "./drop.js";
import "./lists.js";

const form = document.getElementById("enroll");
const name = document.getElementById("name");
const input = document.getElementById("file");
const problem = document.getElementById("problem");

takesFiles(document.getElementById("drop"), input, (file) => {
  problem.textContent = tooLarge(file, form);
  problem.hidden = !problem.textContent;
  input.setCustomValidity(problem.textContent); // the browser sends no form that is invalid
  if (!name.value) {
    const plain = file.name.replace(/\.[^.]*$/, "").normalize("NFKD").toLowerCase();
    name.value = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64);
  }
});
