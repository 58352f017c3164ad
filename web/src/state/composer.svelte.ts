// What is being written, one for each conversation.
import { act, core, tell } from "./core";
import type { MentionIn, Message, Preview } from "./model";
import { preferences } from "./preferences.svelte";
import { moved } from "../views/composer/editing";

/** A file that is going to be sent. */
export interface Pending {
  readonly id: number;
  readonly file: File;
  /** Of a picture or video, to be shown. */
  readonly url: string | null;
  description: string;
}

let nextFile = 1;

export class Composer {
  readonly conversation: string;
  text = $state("");
  mentions = $state.raw<readonly MentionIn[]>([]);
  reply = $state.raw<Message | null>(null);
  /** To whom alone, within a room: the name there. */
  privateTo = $state<string | null>(null);
  editing = $state.raw<Message | null>(null);
  files = $state<Pending[]>([]);
  /** What is behind the first link; it goes along with the message. */
  preview = $state.raw<Preview | null>(null);
  /** Counts up when the field should take the focus. */
  wanted = $state(0);
  #before: { text: string; mentions: readonly MentionIn[] } = { text: "", mentions: [] };
  #saving: ReturnType<typeof setTimeout> | null = null;
  #typing: ReturnType<typeof setTimeout> | null = null;
  #known = "";
  #looking: ReturnType<typeof setTimeout> | null = null;
  #link: string | null = null;
  readonly #unwanted = new Set<string>();
  #told = "";

  constructor(conversation: string, draft: string) {
    this.conversation = conversation;
    this.text = draft;
    this.#known = draft;
    this.#told = draft;
  }

  /** The draft is another one, because another device or tab has written it. */
  adopt(draft: string): void {
    // Only what is news: until our own has come back, the engine still tells the one before.
    if (draft === this.#told) return;
    this.#told = draft;
    if (draft === this.#known || this.editing !== null || this.#saving !== null) return;
    if (this.text === this.#known) this.text = draft;
    this.#known = draft;
  }

  /** The text is another one now, as somebody has typed it. */
  typed(text: string): void {
    this.mentions = moved(this.text, text, this.mentions);
    this.text = text;
    this.#keepLater();
    this.#tellTyping();
    this.#lookLater();
  }

  /** Asks what is behind a link when nobody has typed for a moment: while it is being typed it is none yet. */
  #lookLater(): void {
    if (this.#looking !== null) clearTimeout(this.#looking);
    this.#looking = null;
    if (!preferences.previews || this.editing !== null || !/https?:\/\//i.test(this.text)) return this.#forgetLink();
    if (this.preview !== null && !this.text.includes(this.preview.url)) this.#forgetLink();
    this.#looking = setTimeout(() => void this.#look(), 600);
  }

  async #look(): Promise<void> {
    this.#looking = null;
    const text = this.text;
    const done = await core()
      .command({ type: "lookAtLink", text })
      .catch(() => null);
    if (text !== this.text) return;
    const link = done?.type === "link" ? done.link : null;
    if (link === this.#link) return;
    this.#forgetLink();
    if (link === null || this.#unwanted.has(link)) return;
    this.#link = link;
    const early = found.get(link);
    if (early !== undefined) this.preview = early;
  }

  /** Somebody has found out what is behind a link. */
  linkFound(link: string, preview: Preview | null): void {
    if (link === this.#link) this.preview = preview;
  }

  /** The message goes without it. */
  dropPreview(): void {
    if (this.#link !== null) this.#unwanted.add(this.#link);
    this.#forgetLink();
    this.wanted++;
  }

  #forgetLink(): void {
    this.#link = null;
    this.preview = null;
  }

  /** Puts something in place of a part of the text. */
  replace(begin: number, end: number, by: string, account: string | null = null): number {
    this.typed(this.text.slice(0, begin) + by + this.text.slice(end));
    if (account !== null) {
      const name = by.trimEnd();
      this.mentions = [...this.mentions, { begin, end: begin + name.length, account }].sort((one, other) => one.begin - other.begin);
    }
    return begin + by.length;
  }

  startReply(message: Message): void {
    if (this.editing !== null) this.cancelEdit();
    this.reply = message;
    // What was said to one alone is answered to that one alone.
    this.privateTo = message.private;
    this.wanted++;
  }

  /** Writes to somebody alone from now on, until it is given up. */
  startWhisper(nick: string): void {
    if (this.editing !== null) this.cancelEdit();
    this.reply = null;
    this.privateTo = nick;
    this.wanted++;
  }

  startEdit(message: Message): void {
    if (message.body.type !== "text") return;
    if (this.editing === null) this.#before = { text: this.text, mentions: this.mentions };
    this.reply = null;
    this.editing = message;
    this.text = message.body.source;
    this.mentions = [];
    this.wanted++;
  }

  cancelEdit(): void {
    if (this.editing === null) return;
    this.editing = null;
    this.text = this.#before.text;
    this.mentions = this.#before.mentions;
  }

  addFiles(files: Iterable<File>): void {
    for (const file of files) {
      const shown = /^(image\/(png|jpeg|gif|webp|avif)|video\/)/.test(file.type);
      this.files.push({ id: nextFile++, file, url: shown ? URL.createObjectURL(file) : null, description: "" });
    }
    this.wanted++;
  }

  removeFile(id: number): void {
    const gone = this.files.find((one) => one.id === id);
    if (gone?.url) URL.revokeObjectURL(gone.url);
    this.files = this.files.filter((one) => one.id !== id);
  }

  /** Whether there is something to send. */
  get sendable(): boolean {
    return this.text.trim() !== "" || (this.files.length > 0 && this.editing === null && this.privateTo === null);
  }

  /** Sends what there is. It stands in the timeline at once. */
  async send(sendFile: (file: File, description: string) => void): Promise<void> {
    const { text, mentions, reply, editing, privateTo } = this;
    if (editing !== null) {
      if (text.trim() === "") return;
      this.cancelEdit();
      if (editing.body.type === "text" && text === editing.body.source) return;
      await act({ type: "edit", conversation: this.conversation, message: editing.key, draft: { text, mentions: [...mentions], reply: null } });
      return;
    }
    const files = this.files;
    const preview = this.preview === null ? null : this.#link;
    if (this.#looking !== null) clearTimeout(this.#looking);
    this.#looking = null;
    this.#forgetLink();
    this.#unwanted.clear();
    this.files = [];
    this.reply = null;
    this.text = "";
    this.mentions = [];
    this.#keepNow();
    this.stopTyping();
    for (const pending of files) {
      if (pending.url) URL.revokeObjectURL(pending.url);
      sendFile(pending.file, pending.description.trim());
    }
    if (text.trim() === "") return;
    const done = await act({
      type: "send",
      conversation: this.conversation,
      draft: { text, mentions: [...mentions], reply: reply?.key ?? null, privateTo, ...(preview === null ? {} : { preview }) },
    });
    if (done === null && this.text === "") {
      // It was not taken: nothing that was written is lost.
      this.text = text;
      this.mentions = mentions;
      this.reply = reply;
    }
  }

  #keepLater(): void {
    if (this.editing !== null) return;
    if (this.#saving !== null) clearTimeout(this.#saving);
    this.#saving = setTimeout(() => this.#keepNow(), 600);
  }

  #keepNow(): void {
    if (this.#saving !== null) clearTimeout(this.#saving);
    this.#saving = null;
    if (this.editing !== null || this.text === this.#known) return;
    this.#known = this.text;
    tell({ type: "setDraft", conversation: this.conversation, text: this.text });
  }

  #tellTyping(): void {
    if (this.text.trim() === "") return this.stopTyping();
    if (this.#typing === null) this.#say(true);
    else clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.stopTyping(), 5_000);
  }

  stopTyping(): void {
    if (this.#typing === null) return;
    clearTimeout(this.#typing);
    this.#typing = null;
    this.#say(false);
  }

  #say(typing: boolean): void {
    tell({ type: "typing", conversation: this.conversation, typing });
  }

  /** The conversation is left: what was written is kept at once. */
  left(): void {
    this.stopTyping();
    this.#keepNow();
  }
}

const composers = new Map<string, Composer>();
/** What was found last: an answer may be there before it is known which link it is about. */
const found = new Map<string, Preview | null>();

/** Somebody has found out what is behind a link. */
export function linkFound(link: string, preview: Preview | null): void {
  if (found.size >= 32) found.clear();
  found.set(link, preview);
  for (const composer of composers.values()) composer.linkFound(link, preview);
}

/** That of a conversation; `draft` is what is kept of it. */
export function composerOf(conversation: string, draft = ""): Composer {
  let composer = composers.get(conversation);
  if (composer === undefined) {
    composer = new Composer(conversation, draft);
    composers.set(conversation, composer);
  }
  return composer;
}

/** Forgets all: somebody has signed out. */
export function forgetAll(): void {
  composers.clear();
  found.clear();
}
