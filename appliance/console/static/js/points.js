// The mouth's points over the picture: drag them, or move the chosen one with the arrow keys. The numbers in the form
// are what counts; this only moves them.

import { _ } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const REACH = 22; // CSS pixels: a finger's width round a point
const form = document.getElementById("points");
if (form) edit();

function edit() {
  const editor = document.getElementById("editor");
  const width = Number(form.dataset.width);
  const height = Number(form.dataset.height);
  const points = [...form.querySelectorAll("#numbers fieldset")].map((set) => {
    const [x, y] = set.querySelectorAll("input");
    return { name: set.querySelector("legend").textContent, key: x.name.slice(0, -2), x, y };
  });
  const undo = document.getElementById("undo");

  // The picture is shown near the mouth, for there the points are: twice the box that holds them.
  const xs = points.map((point) => Number(point.x.value));
  const ys = points.map((point) => Number(point.y.value));
  const span = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)) || width;
  const side = Math.min(span * 1.7, width, height);
  const left = Math.min(Math.max((Math.min(...xs) + Math.max(...xs) - side) / 2, 0), width - side);
  const top = Math.min(Math.max((Math.min(...ys) + Math.max(...ys) - side) / 2, 0), height - side);

  const drawing = node("svg", { viewBox: `${left} ${top} ${side} ${side}`, role: "group", "aria-label": _("Points of the mouth") });
  const picture = node("image", { width, height, preserveAspectRatio: "none" });
  picture.setAttribute("href", form.dataset.picture);
  drawing.append(picture);
  const outlines = ["outer", "inner"].map((lips) => {
    const line = node("polygon", { class: "outline" });
    drawing.append(line);
    return { line, points: points.filter((point) => point.key.startsWith(lips)) };
  });
  for (const point of points) {
    point.handle = node("g", { class: "point", tabindex: "0", role: "button", "aria-roledescription": _("movable point") });
    point.reach = node("circle", { class: "reach" });
    point.dot = node("circle", { class: "dot" });
    const title = node("title", {});
    title.textContent = point.name;
    point.handle.append(title, point.reach, point.dot);
    drawing.append(point.handle);
    point.handle.addEventListener("keydown", (event) => step(event, point));
    for (const input of [point.x, point.y]) input.addEventListener("input", draw);
  }
  drawing.addEventListener("pointerdown", (event) => {
    const point = nearest(event);
    if (point) grab(event, point);
  });
  editor.append(drawing);
  editor.classList.add("close-up");
  new ResizeObserver(draw).observe(editor);
  draw();

  undo.addEventListener("click", () => {
    for (const { x, y } of points) [x.value, y.value] = [x.dataset.at, y.dataset.at];
    draw();
  });

  function node(kind, attributes) {
    const made = document.createElementNS(SVG, kind);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  function draw() {
    const unit = side / Math.max(1, drawing.clientWidth); // picture pixels in a CSS pixel
    for (const point of points) {
      const moved = point.x.value !== point.x.dataset.at || point.y.value !== point.y.dataset.at;
      point.handle.classList.toggle("moved", moved);
      point.handle.setAttribute("aria-label", `${point.name}: ${point.x.value}, ${point.y.value}`);
      for (const [circle, radius] of [[point.reach, REACH], [point.dot, 6.5]]) {
        circle.setAttribute("cx", point.x.value);
        circle.setAttribute("cy", point.y.value);
        circle.setAttribute("r", radius * unit);
      }
    }
    for (const { line, points: around } of outlines) {
      line.setAttribute("points", around.map((point) => `${point.x.value},${point.y.value}`).join(" "));
    }
    undo.hidden = !form.querySelector(".point.moved");
  }

  function put(point, x, y) {
    point.x.value = (Math.round(Math.min(Math.max(x, 0), width) * 100) / 100).toString();
    point.y.value = (Math.round(Math.min(Math.max(y, 0), height) * 100) / 100).toString();
    draw();
  }

  /** The point that a finger means: the nearest in reach, for those of closed lips lie close together. */
  function nearest(event) {
    const away = ({ dot }) => {
      const place = dot.getBoundingClientRect();
      return Math.hypot(place.x + place.width / 2 - event.clientX, place.y + place.height / 2 - event.clientY);
    };
    const point = points.reduce((best, other) => (away(other) < away(best) ? other : best));
    return away(point) <= REACH ? point : null;
  }

  function grab(event, point) {
    event.preventDefault();
    point.handle.focus();
    point.handle.setPointerCapture(event.pointerId);
    point.handle.classList.add("held");
    const start = { x: Number(point.x.value), y: Number(point.y.value), from: event };
    const unit = side / drawing.clientWidth;
    const move = (now) =>
      put(point, start.x + (now.clientX - start.from.clientX) * unit, start.y + (now.clientY - start.from.clientY) * unit);
    const drop = () => {
      point.handle.classList.remove("held");
      point.handle.removeEventListener("pointermove", move);
    };
    point.handle.addEventListener("pointermove", move);
    point.handle.addEventListener("pointerup", drop, { once: true });
    point.handle.addEventListener("pointercancel", drop, { once: true });
  }

  function step(event, point) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    put(point, Number(point.x.value) + way[0] * far, Number(point.y.value) + way[1] * far);
  }
}
