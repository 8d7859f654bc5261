// Recording with the browser's own microphone, into a format that the worker decodes.

import { scope } from "./scope.js";

const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus", "audio/webm"];

/** Whether this browser may record on this page: it needs encryption, or the box itself. */
export const possible = () =>
  Boolean(globalThis.isSecureContext && navigator.mediaDevices?.getUserMedia && globalThis.MediaRecorder);

/** Begin to record and draw on `canvas`. `stop()` resolves to {blob, name}; `cancel()` throws it away. */
export async function record(canvas, tick) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, autoGainControl: true, noiseSuppression: false },
  });
  const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one)) ?? "";
  const recorder = new MediaRecorder(stream, kind ? { mimeType: kind, audioBitsPerSecond: 96000 } : {});
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);

  const sound = new AudioContext();
  const analyser = sound.createAnalyser();
  sound.createMediaStreamSource(stream).connect(analyser);
  const stopDrawing = scope(canvas, analyser);
  const began = performance.now();
  const timer = setInterval(() => tick((performance.now() - began) / 1000), 200);
  recorder.start(1000);

  function end() {
    clearInterval(timer);
    stopDrawing();
    sound.close();
    for (const track of stream.getTracks()) track.stop();
  }

  return {
    stop: () =>
      new Promise((done) => {
        recorder.onstop = () => {
          end();
          const type = recorder.mimeType.split(";")[0];
          const ending = { "audio/mp4": "m4a", "audio/ogg": "ogg" }[type] ?? "webm";
          done({ blob: new Blob(parts, { type }), name: `recording.${ending}` });
        };
        recorder.stop();
      }),
    cancel() {
      recorder.onstop = null;
      recorder.stop();
      end();
    },
  };
}
