// A field for files that one may also drop a file on.

/** `chosen(file)` when a file was dropped on `area` or picked in its `input`. */
export function takesFiles(area, input, chosen) {
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
    chosen(input.files[0]);
  });
  input.addEventListener("change", () => input.files.length && chosen(input.files[0]));
  // A file dropped beside the field must not replace the page.
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
}
