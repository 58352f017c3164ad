// The timeline that is being looked at.
import type { TimelineView } from "../core/core";
import { core } from "./core";
import type { Item, Message, ReadBy, Timeline } from "./model";
import { leaving, nextChunk, nextPart, perFrame } from "./reveal";

/** A line, and whether it goes on with what the line before it has begun. */
export interface Line {
  readonly item: Item;
  /** Same sender within five minutes: without name and picture. */
  readonly grouped: boolean;
}

const groupedWithin = 5 * 60_000;

/** Whether a message goes on with the one before. */
export function continues(before: Item | undefined, item: Item): boolean {
  if (before?.type !== "message" || item.type !== "message") return false;
  const [one, next] = [before.message, item.message];
  return (
    one.sender.id === next.sender.id &&
    one.sender.own === next.sender.own &&
    next.private === one.private &&
    next.time - one.time < groupedWithin &&
    next.time >= one.time &&
    next.reply === null &&
    one.body.type !== "removed" &&
    next.body.type !== "removed"
  );
}

export class OpenTimeline {
  readonly conversation: string;
  items = $state.raw<readonly Item[] | null>(null);
  hasEarlier = $state(false);
  hasLater = $state(false);
  readBy = $state.raw<readonly ReadBy[]>([]);
  // A line that has not changed is the same object as before: nothing of it is drawn anew.
  #drawn = new Map<string, Line>();
  readonly lines: readonly Line[] = $derived.by(() => {
    const before = this.#drawn;
    this.#drawn = new Map();
    return (this.items ?? []).map((item, at, all) => {
      const grouped = continues(all[at - 1], item);
      const known = before.get(item.id);
      const line = known?.item === item && known.grouped === grouped ? known : { item, grouped };
      this.#drawn.set(item.id, line);
      return line;
    });
  });
  /** Where each of the others stopped reading: their names by the message's key. */
  readonly readers: ReadonlyMap<string, readonly string[]> = $derived.by(() => {
    const keys = (this.items ?? []).flatMap((item) => (item.type === "message" ? [item.id] : []));
    const out = new Map<string, string[]>();
    for (const { name, key } of this.readBy) {
      // What they have read last may be no message that is shown: then the last one before it counts.
      const at = keys.findLast((one) => one <= key);
      if (at !== undefined) out.set(at, [...(out.get(at) ?? []), name]);
    }
    return out;
  });
  /** What has come since the newest was last to be seen. */
  missed = $state(0);
  /** Counts up when the newest is to be shown. */
  wanted = $state(0);
  #view: TimelineView;
  #asking: "earlier" | "later" | null = null;
  #newest: string | null = null;
  #all: readonly Item[] = [];
  #around: boolean;
  #frame = 0;
  #chunk = perFrame;
  /** Lines are still coming or going. */
  revealing = $state(false);

  constructor(conversation: string, around: string | null) {
    this.conversation = conversation;
    this.#around = around !== null;
    this.#view = core().timeline(conversation, (timeline) => this.#show(timeline), ...(around === null ? [] : [around]));
  }

  #show(timeline: Timeline): void {
    this.#all = timeline.items;
    this.#reveal();
    this.hasEarlier = timeline.hasEarlier;
    this.hasLater = timeline.hasLater;
    this.readBy = timeline.readBy;
    const messages = timeline.items.flatMap((item) => (item.type === "message" ? [item.message] : []));
    const newest = timeline.hasLater ? this.#newest : (messages.at(-1)?.key ?? null);
    if (this.#newest !== null && newest !== null && newest > this.#newest) {
      this.missed += messages.filter((message) => message.key > this.#newest! && !message.sender.own).length;
    }
    this.#newest = newest;
  }

  /** Draws some more of what there is, and the rest in the frames to come. */
  #reveal(before?: number, now?: number): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (before !== undefined && now !== undefined) this.#chunk = nextChunk(this.#chunk, now - before);
    const hidden = document.visibilityState === "hidden";
    const whole = hidden || (this.items === null && this.#around);
    const shown = this.items ?? [];
    const { from, to } = whole ? { from: 0, to: this.#all.length } : nextPart(shown, this.#all, this.#chunk);
    const { before: above, after: below } = whole ? { before: [], after: [] } : leaving(shown, this.#all, this.#chunk);
    const all = from === 0 && to === this.#all.length && above.length === 0 && below.length === 0;
    this.items = all ? this.#all : [...above, ...this.#all.slice(from, to), ...below];
    this.revealing = !all;
    if (!all) this.#frame = requestAnimationFrame((later) => this.#reveal(now, later));
  }

  /** Those that are drawn. */
  messages(): Message[] {
    return (this.items ?? []).flatMap((item) => (item.type === "message" ? [item.message] : []));
  }

  message(key: string | null): Message | undefined {
    return key === null ? undefined : this.messages().find((message) => message.key === key);
  }

  /** The newest message of our own that can be changed. */
  lastOwn(): Message | undefined {
    return this.messages().findLast(
      (message) => message.sender.own && message.body.type === "text" && message.body.source !== "" && message.body.attachments.length === 0,
    );
  }

  earlier(): void {
    if (!this.hasEarlier || this.#asking !== null || this.#frame !== 0) return;
    this.#asking = "earlier";
    void this.#settle(this.#view.earlier());
  }

  later(): void {
    if (!this.hasLater || this.#asking !== null || this.#frame !== 0) return;
    this.#asking = "later";
    void this.#settle(this.#view.later());
  }

  /** Goes to the newest, as one who has just written wants it. */
  latest(): void {
    this.wanted++;
    this.missed = 0;
    if (this.hasLater) void this.#settle(this.#view.latest());
  }

  around(message: string): void {
    void this.#settle(this.#view.around(message));
  }

  /** All up to the newest was seen. */
  seen(): void {
    this.missed = 0;
  }

  async #settle(moved: Promise<void>): Promise<void> {
    // What is not here and cannot be fetched now is asked for again when one scrolls on.
    await moved.catch(() => {});
    this.#asking = null;
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#view.close();
  }
}
