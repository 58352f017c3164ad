// The one worker that has the device. It answers its own page and those of the others.
import { Device, type Surroundings } from './device';
import { failure, failureOf } from './engine';
import { domain } from './socket';
import { Transfers } from './transfers';
import type { Connection, Failure, Reply, Request, Session, Told } from './types';
import * as vault from './vault';
import type { Answer, Ask, Asked } from './wire';

/** How to say something to a page; to all of them, when `page` is empty. */
export type Say = (page: string, answer: Answer) => void;

/** Who has not heard of it by then will when the token is used no more. */
const GOODBYE_MILLISECONDS = 5_000;

export class Leader {
  readonly #say: Say;
  readonly #transfers: Transfers;
  #device: Device | undefined;
  #broken: Failure | undefined;
  #active = new Set<string>();
  /** Another device has taken this one out. */
  #revoked = false;
  #connection: (state: Connection, loginFailed: string | null) => void = () => {};
  /** One after the other: opening, signing in, signing out. */
  #turn: Promise<unknown>;

  constructor(say: Say) {
    this.#say = say;
    this.#transfers = new Transfers((json) => say('', { type: 'told', json }));
    this.#turn = this.#start().catch((error: unknown) => {
      this.#broken = failureOf(error);
    });
    self.addEventListener('online', () => this.#device?.setOnline(true));
    self.addEventListener('offline', () => this.#device?.setOnline(false));
  }

  async #start(): Promise<void> {
    const profile = await vault.read();
    if (!profile) return;
    const device = await Device.open(profile, await vault.unwrap(profile), this.#surroundings());
    this.#device = device;
    if (!navigator.onLine) device.setOnline(false);
    device.run((engine, since, wall) => {
      if (engine.hasCredentials()) engine.connect(since, wall);
    });
  }

  #surroundings(): Surroundings {
    return {
      told: (page, json) => this.#say(page, { type: 'told', json }),
      connection: (state, loginFailed) => this.#connection(state, loginFailed),
      upload: (upload) => this.#transfers.upload(upload),
      transferEnded: (transfer, text) => this.#transfers.ended(transfer, text),
      chunk: (chunk) => {
        const device = this.#device;
        if (device) void this.#transfers.chunk(device, chunk);
      },
      revoked: () => {
        this.#revoked = true;
        void this.#inTurn(() => this.#wipe()).catch((error: unknown) => {
          this.#broken = failureOf(error);
        });
      },
      ended: () => {
        // On what is kept it begins again, once.
        this.#device = undefined;
        this.#turn = this.#turn
          .then(() => this.#start())
          .catch((error: unknown) => {
            this.#broken = failureOf(error);
          })
          .then(() => this.#say('', { type: 'anew' }));
      },
    };
  }

  /** Answers what a page asks. */
  async take(page: string, { id, ask }: Asked): Promise<void> {
    try {
      await this.#turn;
      this.#say(page, { type: 'answer', id, value: await this.#answer(page, ask) });
    } catch (error) {
      this.#say(page, { type: 'failed', id, failure: failureOf(error) });
    }
  }

  /** A page is gone. */
  forget(page: string): void {
    this.#device?.run((engine) => engine.forget(page));
    this.#setActive(page, false);
  }

  #answer(page: string, ask: Ask): unknown {
    if (ask.type === 'login') return this.#inTurn(() => this.#login(ask));
    if (ask.type === 'logout') return this.#inTurn(() => this.#logout());
    const device = this.#device;
    if (!device) return this.#withoutDevice(page, ask);
    switch (ask.type) {
      case 'request':
        return device.request(page, ask.json);
      case 'active':
        return this.#setActive(page, ask.active);
      case 'picture': {
        const bytes = device.run((engine) => engine.picture(ask.picture));
        // What it really is the browser finds out: `<img>` runs nothing.
        return bytes ? new Blob([bytes as BlobPart]) : null;
      }
      case 'download':
        return this.#transfers.fetch(device, ask);
      case 'sendFile':
        return this.#transfers.send(device, ask);
      case 'cancel':
        return this.#transfers.cancel(ask.transfer);
    }
  }

  async #withoutDevice(page: string, ask: Ask): Promise<unknown> {
    if (this.#broken) throw failure(this.#broken.kind, this.#broken.text);
    if (ask.type === 'active') return undefined;
    if (ask.type !== 'request') throw failure('notPossible', 'Sign in first.');
    const request = JSON.parse(ask.json) as Request;
    if (request.type === 'subscribe') {
      if (request.view.view === 'session') {
        const session: Session = { type: 'signedOut', domain: await domain(), revoked: this.#revoked };
        const shown = { view: 'session', value: session } as const;
        const { subscription } = request;
        const told: Told = { type: 'view', subscription, update: { type: 'whole', shown } };
        this.#say(page, { type: 'told', json: JSON.stringify(told) });
      }
    } else if (request.type !== 'unsubscribe') {
      throw failure('notPossible', 'Sign in first.');
    }
    return JSON.stringify({ type: 'done', done: { type: 'done' } } satisfies Reply);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #login({ account, password, deviceName, invitation }: Extract<Ask, { type: 'login' }>): Promise<void> {
    const known = this.#device;
    if (known && known.profile.account !== account) {
      throw failure('notPossible', `Sign out ${known.profile.account} first.`);
    }
    let device = known;
    let profile: vault.Profile | undefined;
    if (!device) {
      const [made, key] = await vault.create(account, deviceName);
      profile = made;
      device = await Device.open(profile, key, this.#surroundings());
    }
    const signing = device;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#connection = (state, loginFailed) => {
          if (state.type === 'online') resolve();
          else if (loginFailed !== null) reject(failure('notPossible', loginFailed));
          else if (state.type === 'waiting') reject(failure('offline', state.text));
        };
        signing.run((engine, since, wall) => {
          if (invitation === undefined) engine.login(password, since, wall);
          else engine.signUp(invitation, password, since, wall);
        });
      });
      if (profile) await vault.write(profile);
    } catch (error) {
      if (profile) {
        signing.close();
        await vault.remove(profile.folder);
      }
      throw error;
    } finally {
      this.#connection = () => {};
    }
    this.#broken = undefined;
    this.#revoked = false;
    if (!known) {
      this.#device = device;
      this.#say('', { type: 'anew' });
    }
  }

  async #logout(): Promise<void> {
    const device = this.#device;
    if (device) {
      // The server hears that this device is no more, if it can be told now.
      await new Promise<void>((resolve) => {
        this.#connection = (state) => state.type === 'offline' && resolve();
        setTimeout(resolve, GOODBYE_MILLISECONDS);
        device.run((engine, since, wall) => engine.logOut(since, wall));
      });
      this.#connection = () => {};
    }
    await this.#wipe();
  }

  /** Nothing of the device stays. */
  async #wipe(): Promise<void> {
    const device = this.#device;
    const folder = device?.profile.folder ?? (await vault.read())?.folder;
    device?.close();
    this.#device = undefined;
    this.#broken = undefined;
    if (folder) await vault.wipe(folder);
    this.#say('', { type: 'anew' });
  }

  #setActive(page: string, active: boolean): void {
    const before = this.#active.size > 0;
    if (active) this.#active.add(page);
    else this.#active.delete(page);
    const now = this.#active.size > 0;
    if (before !== now) {
      this.#device?.run((engine, since, wall) => engine.setActive(now, since, wall));
    }
  }
}
