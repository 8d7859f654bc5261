// A waveform as SVG, like charts.waveform at the server.

const SVG = "http://www.w3.org/2000/svg";

export function wave(peaks, label, height = 64) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "chart wave");
  drawing.setAttribute("viewBox", `0 0 ${Math.max(1, peaks.length * 4)} ${height}`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", label);
  peaks.forEach((peak, index) => {
    const size = Math.max(2, Math.min(1, peak) * height);
    const bar = document.createElementNS(SVG, "rect");
    const place = { class: "mark", x: index * 4, y: (height - size) / 2, width: 2.5, height: size, rx: 1.25 };
    for (const [name, value] of Object.entries(place)) bar.setAttribute(name, value);
    drawing.append(bar);
  });
  return drawing;
}
