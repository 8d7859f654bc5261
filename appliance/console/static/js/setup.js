// First set-up: guess the time zone, and say at once when the two passwords differ.

import { _ } from "./i18n.js";

const zone = document.querySelector("select[data-guess]");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && [...zone.options].some((option) => option.value === here)) zone.value = here;

const password = document.getElementById("password");
const repeat = document.getElementById("repeat");
for (const field of [password, repeat]) {
  field.addEventListener("input", () => {
    repeat.setCustomValidity(repeat.value && repeat.value !== password.value ? _("The two passwords differ.") : "");
  });
}
