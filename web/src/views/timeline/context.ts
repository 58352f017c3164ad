// What the parts of an open conversation share.
import { getContext, setContext } from "svelte";
import type { Composer } from "../../state/composer.svelte";
import type { Conversation, Member, Readers } from "../../state/model";
import type { OpenTimeline } from "../../state/timeline.svelte";

export interface Opened {
  readonly conversation: Conversation;
  readonly members: readonly Member[];
  readonly readers: Readers | null;
  readonly timeline: OpenTimeline;
  readonly composer: Composer;
}

const key = Symbol("conversation");

export function openConversation(opened: Opened): void {
  setContext(key, opened);
}

export function opened(): Opened {
  return getContext<Opened>(key);
}
