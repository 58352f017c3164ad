// A device: the engine of an account, and what it needs of a browser: files, a socket, a clock.
import { type Engine, failureOf, load } from './engine';
import { Connection } from './socket';
import type { Connection as ConnectionState, Failure, Reply } from './types';
import * as vault from './vault';

/** What the engine wants to be done (crates/client-wasm/src/engine/mod.rs). */
type Effect =
  | { type: 'connect' }
  | { type: 'write'; text: string }
  | { type: 'disconnect' }
  | { type: 'connection'; connection: ConnectionState; loginFailed: string | null }
  | { type: 'upload'; transfer: string; put: string; headers: [string, string][] }
  | { type: 'uploadChunk'; upload: number; put: string; headers: [string, string][] }
  | { type: 'fetchChunk'; download: number; url: string; size: number }
  | { type: 'revoked' }
  | { type: 'transferEnded'; transfer: string; text: string };

export type Upload = Extract<Effect, { type: 'upload' }>;
export type Chunk = Extract<Effect, { type: 'uploadChunk' | 'fetchChunk' }>;

export interface Surroundings {
  /** A page is to be told something; all of them, when `page` is empty. */
  told(page: string, json: string): void;
  /** How far we are with the server. */
  connection(state: ConnectionState, loginFailed: string | null): void;
  upload(upload: Upload): void;
  transferEnded(transfer: string, text: string): void;
  /** A part of a history is to be moved. */
  chunk(chunk: Chunk): void;
  /** Another device has taken this one out. */
  revoked(): void;
  /** The engine has ended by itself: what is kept could not be read or written. */
  ended(failure: Failure): void;
}

export class Device {
  readonly profile: vault.Profile;
  readonly #engine: Engine;
  readonly #surroundings: Surroundings;
  #connection: Connection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #open = true;

  private constructor(profile: vault.Profile, engine: Engine, surroundings: Surroundings) {
    this.profile = profile;
    this.#engine = engine;
    this.#surroundings = surroundings;
  }

  static async open(
    profile: vault.Profile,
    key: Uint8Array,
    surroundings: Surroundings,
  ): Promise<Device> {
    const [{ Engine }, files] = await Promise.all([load(), vault.files(profile)]);
    const opening = JSON.stringify({
      account: profile.account,
      deviceName: profile.deviceName,
      language: navigator.language,
      utcOffsetMinutes: -new Date().getTimezoneOffset(),
      host: location.host,
    });
    try {
      const engine = Engine.open(files.one, files.two, key, opening, performance.now(), Date.now());
      key.fill(0);
      return new Device(profile, engine, surroundings);
    } catch (error) {
      files.one.close();
      files.two.close();
      throw error;
    }
  }

  /** Lets the engine do something, and does what it wants then. Throws what it throws. */
  run<T>(act: (engine: Engine, since: number, wall: number) => T): T {
    try {
      return act(this.#engine, performance.now(), Date.now());
    } finally {
      this.#pump();
    }
  }

  /** A request of a page. */
  request(page: string, json: string): string {
    const answer = this.run((engine, since, wall) => engine.request(page, json, since, wall));
    if (answer.startsWith('{"type":"failed"')) {
      const { failure } = JSON.parse(answer) as Extract<Reply, { type: 'failed' }>;
      // What the engine has in mind is ahead of what is kept: it must begin again.
      if (failure.kind === 'storage') this.#end(failure);
    }
    return answer;
  }

  #end(failure: Failure): void {
    this.close();
    this.#surroundings.ended(failure);
  }

  /** As `run`, for what nobody has asked for: a failure ends the device. */
  #drive(act: (engine: Engine, since: number, wall: number) => void): void {
    if (!this.#open) return;
    try {
      this.run(act);
    } catch (error) {
      this.#end(failureOf(error));
    }
  }

  /** As `run`, for what comes later and that nobody waits for. */
  later(act: (engine: Engine, since: number, wall: number) => void): void {
    this.#drive(act);
  }

  setOnline(online: boolean): void {
    this.#drive((engine, since, wall) => engine.online(online, since, wall));
  }

  /** Ends the device; what is kept stays. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#engine.close();
  }

  #pump(): void {
    if (!this.#open) return;
    for (let effect = this.#engine.effect(); effect !== undefined; effect = this.#engine.effect()) {
      this.#act(JSON.parse(effect) as Effect);
    }
    for (let told = this.#engine.told(); told !== undefined; told = this.#engine.told()) {
      this.#surroundings.told(told[0] ?? '', told[1] ?? '');
    }
    clearTimeout(this.#timer);
    const deadline = this.#engine.deadline();
    if (deadline !== undefined) {
      // Longer ones than a browser takes are looked at again.
      const wait = Math.min(Math.max(0, deadline - performance.now()), 2 ** 30);
      this.#timer = setTimeout(
        () => this.#drive((engine, since, wall) => engine.tick(since, wall)),
        Math.ceil(wait),
      );
    }
  }

  #act(effect: Effect): void {
    switch (effect.type) {
      case 'connect':
        this.#connection?.close();
        this.#connection = new Connection({
          opened: () => this.#drive((engine, since, wall) => engine.connected(since, wall)),
          received: (frame) =>
            this.#drive((engine, since, wall) => engine.received(frame, since, wall)),
          closed: (unreachable) =>
            this.#drive((engine, since, wall) => engine.closed(unreachable, since, wall)),
        });
        break;
      case 'write':
        this.#connection?.send(effect.text);
        break;
      case 'disconnect':
        this.#connection?.close();
        this.#connection = undefined;
        break;
      case 'connection':
        this.#surroundings.connection(effect.connection, effect.loginFailed);
        break;
      case 'upload':
        this.#surroundings.upload(effect);
        break;
      case 'uploadChunk':
      case 'fetchChunk':
        this.#surroundings.chunk(effect);
        break;
      case 'revoked':
        this.#surroundings.revoked();
        break;
      case 'transferEnded':
        this.#surroundings.transferEnded(effect.transfer, effect.text);
        break;
    }
  }
}
