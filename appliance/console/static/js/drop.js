// A field for files that one may also drop a file on.

import { _ } from "./i18n.js";

/** What is wrong with a file that is larger than the form's limit, for the box would not hear it out; else "". */
export const tooLarge = (file, form) =>
  file?.size > Number(form.dataset.limit) ? _("{name} is too large.", { name: file.name }) : "";

/** `chosen(file)` when a file was dropped on `area` or picked in its `input`. */
export function takesFiles(area, input, chosen) {
  const show = () => {
    area.querySelector(".picked").textContent = input.files[0]?.name ?? "";
    if (input.files.length) chosen(input.files[0]);
  };
  area.classList.add("scripted");
  for (const kind of ["dragenter", "dragover"]) {
    area.addEventListener(kind, (event) => {
      event.preventDefault();
      area.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) area.addEventListener(kind, () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    show();
  });
  input.addEventListener("change", show);
  // A file dropped beside the field must not replace the page.
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
}
