// A waveform that is drawn while it is heard: loudness over time, running in from the right.

const BAR = 6;

/** Draws what `analyser` hears on `canvas`; call the result to stop. `heard(peak)` gets each bar's peak, 0 to 1. */
export function scope(canvas, analyser, heard = () => {}) {
  const pen = canvas.getContext("2d");
  const samples = new Float32Array(analyser.fftSize);
  const peaks = new Array(Math.floor(canvas.width / BAR)).fill(0);
  const colour = getComputedStyle(canvas).color;
  let peak = 0;
  let bar = 0;
  let frame = requestAnimationFrame(draw);

  function draw(now) {
    analyser.getFloatTimeDomainData(samples);
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
    if (now - bar > 50) {
      peaks.push(peak);
      peaks.shift();
      heard(peak);
      [peak, bar] = [0, now];
    }
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = colour;
    peaks.forEach((value, index) => {
      const height = Math.max(3, Math.sqrt(value) * canvas.height);
      pen.beginPath();
      pen.roundRect(index * BAR + 1, (canvas.height - height) / 2, BAR - 2.5, height, 2);
      pen.fill();
    });
    frame = requestAnimationFrame(draw);
  }
  return () => cancelAnimationFrame(frame);
}
