// The recording of a voice message.
import type { FileFacts } from "../../core/core";

/** What browsers record, the best first. */
const forms = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4;codecs=mp4a.40.2", "audio/mp4"];
const everyMilliseconds = 60;

/** As many bars as there are to be, each the loudest of those that it stands for. */
export function squeezed(bars: readonly number[], count: number): number[] {
  if (bars.length <= count) return [...bars];
  return Array.from({ length: count }, (_, at) => {
    const from = Math.floor((at * bars.length) / count);
    return Math.max(...bars.slice(from, Math.max(from + 1, Math.floor(((at + 1) * bars.length) / count))));
  });
}

export class Recording {
  state = $state<"starting" | "recording" | "stopped" | "refused">("starting");
  /** There is no microphone; else it is not allowed. */
  missing = $state(false);
  milliseconds = $state(0);
  /** Loudness so far: 0 silent, 255 loudest. */
  bars = $state.raw<readonly number[]>([]);
  /** To hear it, once it is stopped. */
  url = $state<string | null>(null);
  #recorder: MediaRecorder | null = null;
  #context: AudioContext | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  #blob: Promise<Blob> | null = null;
  #gone = false;

  async start(): Promise<void> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } });
    } catch (error) {
      this.missing = error instanceof DOMException && error.name === "NotFoundError";
      this.state = "refused";
      return;
    }
    if (this.#gone) return stream.getTracks().forEach((track) => track.stop());
    const mimeType = forms.find((form) => MediaRecorder.isTypeSupported(form));
    const recorder = new MediaRecorder(stream, { ...(mimeType === undefined ? {} : { mimeType }), audioBitsPerSecond: 32_000 });
    this.#recorder = recorder;
    const parts: Blob[] = [];
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    this.#blob = new Promise((resolve) =>
      recorder.addEventListener("stop", () => {
        stream.getTracks().forEach((track) => track.stop());
        resolve(new Blob(parts, { type: recorder.mimeType.split(";")[0] ?? "audio/webm" }));
      }),
    );
    this.#listen(stream);
    recorder.start(1000);
    this.state = "recording";
  }

  #listen(stream: MediaStream): void {
    const context = new AudioContext();
    this.#context = context;
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const begun = performance.now();
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      // Ears hear by ratios: -60 dB is silence.
      const decibels = 10 * Math.log10(power + 1e-9);
      this.bars = [...this.bars, Math.round(Math.max(0, Math.min(1, (decibels + 60) / 54)) * 255)];
      this.milliseconds = performance.now() - begun;
    }, everyMilliseconds);
  }

  stop(): void {
    if (this.state !== "recording") return;
    this.state = "stopped";
    if (this.#timer !== null) clearInterval(this.#timer);
    void this.#context?.close();
    this.#recorder?.stop();
    void this.#blob?.then((blob) => {
      if (!this.#gone) this.url = URL.createObjectURL(blob);
    });
  }

  /** Stops, and gives what was recorded. */
  async finish(): Promise<{ blob: Blob; facts: FileFacts } | null> {
    this.stop();
    const blob = await this.#blob;
    if (!blob || blob.size === 0) return null;
    const ending = blob.type.split("/")[1] ?? "webm";
    const facts: FileFacts = {
      name: `voice.${ending === "mp4" ? "m4a" : ending}`,
      mediaType: blob.type,
      length: Math.round(this.milliseconds),
      waveform: squeezed(this.bars, 64),
      inline: true,
    };
    return { blob, facts };
  }

  discard(): void {
    this.#gone = true;
    this.stop();
    if (this.url !== null) URL.revokeObjectURL(this.url);
    this.url = null;
  }
}
