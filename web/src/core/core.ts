// The engine as the views see it: immutable snapshots in, commands out. It runs in a worker; one among several pages of
// the same origin leads, and serves the others.
import { apply } from './lists';
import { scriptAddress } from './trusted';
import type {
  Answer as Answered,
  Command,
  Done,
  EmojiChoice,
  Event,
  Failure,
  FailureKind,
  Found,
  MoveTo,
  OwnKey,
  Query,
  Question,
  Refusal,
  Reply,
  Request,
  Shown,
  Timeline,
  Told,
  Update,
  View,
} from './types';
import type { Answer, Ask, Asked, FileFacts } from './wire';
import workerAddress from './worker.ts?worker&url';

export type { FileFacts } from './wire';

/** How a view looks, by the name of the view. */
export type ValueOf<V extends View['view']> = Extract<Shown, { view: V }>['value'];

/** Something could not be done. `message` says what happened and what to do, for the person. */
export class CoreError extends Error {
  readonly kind: FailureKind;

  constructor(failure: Failure) {
    super(failure.text);
    this.name = 'CoreError';
    this.kind = failure.kind;
  }
}

/** What was asked was refused. `condition` is what the server calls it; `null` when it did not answer. */
export class Refused extends Error {
  readonly condition: string | null;

  constructor(refusal: Refusal) {
    super(refusal.text);
    this.name = 'Refused';
    this.condition = refusal.condition;
  }
}

/** A part of a timeline that is being looked at. */
export interface TimelineView {
  /** Shows more of what was before; fetches it, when it is not here. */
  earlier(): Promise<void>;
  /** Shows more of what came behind. */
  later(): Promise<void>;
  /** Shows the newest. */
  latest(): Promise<void>;
  /** Shows a message with what is around it. */
  around(message: string): Promise<void>;
  /** Looks no more. */
  close(): void;
}

export interface Core {
  /**
   * Looks at something: `callback` gets it as soon as it is there (before any network), and again whenever it changes. Lists
   * are new arrays then; items in them that have not changed are the same objects as before. Returns how to stop.
   */
  subscribe<V extends Exclude<View, { view: 'timeline' }>>(
    view: V,
    callback: (value: ValueOf<V['view']>) => void,
  ): () => void;
  /** Looks at a part of a timeline: at first the newest, or what is around a message. */
  timeline(
    conversation: string,
    callback: (timeline: Timeline) => void,
    around?: string,
  ): TimelineView;
  /** Wants something done. It shows at once; throws `CoreError` when it cannot be done. */
  command(command: Command): Promise<Done>;
  /** Asks something of the server, and waits for its answer; throws `Refused`, or `CoreError` when it cannot be asked. */
  ask(question: Question): Promise<Answered>;
  /** Finds what was said, newest first; `from` is the `next` of the page before. */
  search(text: string, from?: string | null, limit?: number): Promise<Found>;
  /** Emoji by the beginnings of their names. */
  emoji(prefix: string, limit?: number): Promise<EmojiChoice[]>;
  /** This device's key, for others to compare with. */
  ownKey(): Promise<OwnKey>;
  /** A text as QR code: each a row of modules, `1` for dark. */
  qr(text: string): Promise<string[]>;
  /** A picture by its name, as address for `<img>`; `null` when it is not here. The same name gives the same address. */
  picture(picture: string): Promise<string | null>;
  /**
   * Fetches and opens a file of a message. How far it is comes as events `transfer` with this name, by which it can be
   * cancelled, too.
   */
  download(conversation: string, message: string, index: number, transfer?: string): Promise<Blob>;
  /**
   * Seals a file, puts it on the server and sends it. How far it is comes as events `transfer` with the name that is
   * returned.
   */
  sendFile(conversation: string, file: Blob, facts: FileFacts): string;
  /** Stops a file that is on its way, here or there. */
  cancel(transfer: string): void;
  /**
   * Signs in on this device. Throws `CoreError` when what was given opens nothing. With the token of an invitation the
   * account is made first, with this password.
   */
  login(account: string, password: string, deviceName: string, invitation?: string): Promise<void>;
  /** Signs out and wipes all that this device keeps: messages and keys. */
  logout(): Promise<void>;
  /** Whether the person looks at this page. */
  setActive(active: boolean): void;
  /** Hears what happens. Returns how to stop. Of several pages each hears all. */
  onEvent(callback: (event: Event) => void): () => void;
}

interface Subscription {
  view: View;
  value: unknown;
  callback: (value: never) => void;
}

class WorkerCore implements Core {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #asked = new Map<
    number,
    { resolve: (answer: Answered) => void; reject: (error: Error) => void }
  >();
  #early: Extract<Event, { type: 'answered' }>[] = [];
  readonly #pictures = new Map<string, Promise<string | null>>();
  #count = 0;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#take(data);
    worker.onerror = (event) => {
      const text = event.message || 'The engine did not start: reload the page.';
      const error = new CoreError({ kind: 'protocol', text });
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
  }

  subscribe<V extends Exclude<View, { view: 'timeline' }>>(
    view: V,
    callback: (value: ValueOf<V['view']>) => void,
  ): () => void {
    const name = this.#subscribe(view, callback as (value: never) => void);
    return () => this.#unsubscribe(name);
  }

  timeline(
    conversation: string,
    callback: (timeline: Timeline) => void,
    around?: string,
  ): TimelineView {
    const view: View = { view: 'timeline', conversation, around: around ?? null };
    const subscription = this.#subscribe(view, callback as (value: never) => void);
    const move = async (to: MoveTo) => {
      await this.#request({ type: 'move', subscription, to });
    };
    return {
      earlier: () => move({ type: 'earlier' }),
      later: () => move({ type: 'later' }),
      latest: () => move({ type: 'latest' }),
      around: (message) => move({ type: 'around', message }),
      close: () => this.#unsubscribe(subscription),
    };
  }

  async command(command: Command): Promise<Done> {
    const reply = await this.#request({ type: 'command', command });
    if (reply.type !== 'done') throw unexpected(reply);
    return reply.done;
  }

  async ask(question: Question): Promise<Answered> {
    const done = await this.command({ type: 'ask', question });
    if (done.type !== 'asked') throw unexpected({ type: 'done', done });
    const { question: id } = done;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      const early = this.#early.find((event) => event.question === id);
      if (early) this.#answered(early);
    });
  }

  async search(text: string, from: string | null = null, limit = 30): Promise<Found> {
    const reply = await this.#query({ query: 'search', text, from, limit });
    if (reply.type !== 'found') throw unexpected(reply);
    return reply.found;
  }

  async emoji(prefix: string, limit = 8): Promise<EmojiChoice[]> {
    const reply = await this.#query({ query: 'emoji', prefix, limit });
    if (reply.type !== 'emoji') throw unexpected(reply);
    return reply.choices;
  }

  async ownKey(): Promise<OwnKey> {
    const reply = await this.#query({ query: 'ownKey' });
    if (reply.type !== 'ownKey') throw unexpected(reply);
    return reply.key;
  }

  async qr(text: string): Promise<string[]> {
    const reply = await this.#query({ query: 'qr', text });
    if (reply.type !== 'qr') throw unexpected(reply);
    return reply.rows;
  }

  picture(picture: string): Promise<string | null> {
    let address = this.#pictures.get(picture);
    if (!address) {
      address = this.#ask({ type: 'picture', picture }).then((blob) =>
        blob instanceof Blob ? URL.createObjectURL(blob) : null,
      );
      this.#pictures.set(picture, address);
      // What is not here yet may come.
      void address.then((found) => found ?? this.#pictures.delete(picture));
    }
    return address;
  }

  async download(
    conversation: string,
    message: string,
    index: number,
    transfer: string = crypto.randomUUID(),
  ): Promise<Blob> {
    return (await this.#ask({ type: 'download', transfer, conversation, message, index })) as Blob;
  }

  sendFile(conversation: string, file: Blob, facts: FileFacts): string {
    const transfer = crypto.randomUUID();
    this.#ask({ type: 'sendFile', transfer, conversation, file, facts }).catch((error: Error) =>
      this.#tell({
        type: 'transfer',
        transfer,
        sent: 0,
        size: file.size,
        failed: error.message,
        done: false,
      }),
    );
    return transfer;
  }

  cancel(transfer: string): void {
    this.#ask({ type: 'cancel', transfer }).catch(() => {});
  }

  async login(
    account: string,
    password: string,
    deviceName: string,
    invitation?: string,
  ): Promise<void> {
    // Without it a browser may delete what it keeps when the disk gets full.
    void navigator.storage.persist();
    const whom = { account, password, deviceName };
    await this.#ask({ type: 'login', ...whom, ...(invitation === undefined ? {} : { invitation }) });
  }

  async logout(): Promise<void> {
    await this.#ask({ type: 'logout' });
  }

  setActive(active: boolean): void {
    this.#ask({ type: 'active', active }).catch(() => {});
  }

  onEvent(callback: (event: Event) => void): () => void {
    this.#listeners.add(callback);
    return () => void this.#listeners.delete(callback);
  }

  #subscribe(view: View, callback: (value: never) => void): string {
    const name = String(++this.#count);
    this.#subscriptions.set(name, { view, value: undefined, callback });
    this.#look({ type: 'subscribe', subscription: name, view });
    return name;
  }

  #unsubscribe(subscription: string): void {
    if (this.#subscriptions.delete(subscription)) {
      this.#look({ type: 'unsubscribe', subscription });
    }
  }

  /** What cannot be shown is not shown; those who act are told why. */
  #look(request: Request): void {
    this.#request(request).catch(() => {});
  }

  #query(query: Query): Promise<Reply> {
    return this.#request({ type: 'query', query });
  }

  async #request(request: Request): Promise<Reply> {
    const json = (await this.#ask({ type: 'request', json: JSON.stringify(request) })) as string;
    const reply = JSON.parse(json) as Reply;
    if (reply.type === 'failed') throw new CoreError(reply.failure);
    return reply;
  }

  #ask(ask: Ask): Promise<unknown> {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ask } satisfies Asked);
    });
  }

  #take(answer: Answer): void {
    switch (answer.type) {
      case 'answer':
        this.#waiting.get(answer.id)?.resolve(answer.value);
        this.#waiting.delete(answer.id);
        break;
      case 'failed':
        this.#waiting.get(answer.id)?.reject(new CoreError(answer.failure));
        this.#waiting.delete(answer.id);
        break;
      case 'told': {
        const told = JSON.parse(answer.json) as Told;
        if (told.type === 'event') this.#tell(told.event);
        else this.#show(told.subscription, told.update);
        break;
      }
      case 'anew':
        // Another engine answers from now on, and knows nothing of what was asked.
        for (const { reject } of this.#asked.values()) reject(new Refused({ condition: null, text: '' }));
        this.#asked.clear();
        for (const [subscription, { view }] of this.#subscriptions) {
          this.#look({ type: 'subscribe', subscription, view });
        }
        break;
    }
  }

  #show(name: string, update: Update): void {
    const subscription = this.#subscriptions.get(name);
    if (!subscription) return;
    subscription.value = applied(subscription.value, update);
    (subscription.callback as (value: unknown) => void)(subscription.value);
  }

  #answered(event: Extract<Event, { type: 'answered' }>): void {
    const waiting = this.#asked.get(event.question);
    if (!waiting) {
      // Of another page, or what needed no server and came before its name.
      this.#early = [...this.#early, event].slice(-8);
      return;
    }
    this.#asked.delete(event.question);
    if (event.answer) waiting.resolve(event.answer);
    else waiting.reject(new Refused(event.refusal ?? { condition: null, text: '' }));
  }

  #tell(event: Event): void {
    if (event.type === 'answered') {
      this.#answered(event);
      return;
    }
    for (const listener of this.#listeners) listener(event);
  }
}

function applied(value: unknown, update: Update): unknown {
  switch (update.type) {
    case 'whole':
      return update.shown.value;
    case 'conversations': {
      const list = value as ValueOf<'conversations'>;
      return { rows: apply(list.rows, update.changes), unread: update.unread };
    }
    case 'timeline': {
      const timeline = value as Timeline;
      const { hasEarlier, hasLater, readBy } = update;
      return { ...timeline, items: apply(timeline.items, update.changes), hasEarlier, hasLater, readBy };
    }
  }
}

function unexpected(reply: Reply): Error {
  const text = `The engine answered ${reply.type}: reload the page.`;
  return new CoreError({ kind: 'protocol', text });
}

/** Starts the engine. Nothing that it does needs a network but talking to others. */
export function open(): Core {
  const worker = new Worker(scriptAddress(workerAddress), { type: 'module', name: 'hauspost' });
  return new WorkerCore(worker);
}
