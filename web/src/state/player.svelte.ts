// The voice message that is being played. There is one at a time.
import { keep, preferences } from "./preferences.svelte";

export const speeds = [1, 1.5, 2] as const;

class Player {
  /** What is played: a name of the caller's choice. */
  current = $state<string | null>(null);
  playing = $state(false);
  /** In milliseconds. */
  position = $state(0);
  length = $state(0);
  #audio: HTMLAudioElement | null = null;
  #ended: (() => void) | null = null;

  /** Plays from the beginning, or goes on. `ended` is called when it was played to its end. */
  play(name: string, url: string, ended: () => void): void {
    const audio = (this.#audio ??= this.#make());
    this.#ended = ended;
    if (this.current !== name) {
      this.current = name;
      this.position = 0;
      this.length = 0;
      audio.src = url;
    }
    audio.playbackRate = preferences.voiceSpeed;
    audio.play().catch(() => (this.playing = false));
  }

  pause(): void {
    this.#audio?.pause();
  }

  seek(milliseconds: number): void {
    if (this.#audio !== null) this.#audio.currentTime = milliseconds / 1000;
  }

  /** The next of the speeds. */
  faster(): void {
    const at = speeds.findIndex((speed) => speed === preferences.voiceSpeed);
    keep({ voiceSpeed: speeds[(at + 1) % speeds.length]! });
    if (this.#audio !== null) this.#audio.playbackRate = preferences.voiceSpeed;
  }

  stop(): void {
    this.#audio?.pause();
    this.current = null;
  }

  #make(): HTMLAudioElement {
    const audio = new Audio();
    audio.addEventListener("play", () => (this.playing = true));
    audio.addEventListener("pause", () => (this.playing = false));
    audio.addEventListener("timeupdate", () => (this.position = audio.currentTime * 1000));
    audio.addEventListener("loadedmetadata", () => {
      if (Number.isFinite(audio.duration)) this.length = audio.duration * 1000;
    });
    audio.addEventListener("ended", () => {
      this.playing = false;
      this.position = 0;
      this.#ended?.();
    });
    return audio;
  }
}

export const player = new Player();
