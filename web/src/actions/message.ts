// What can be done with a message.
import type { Action } from "./action";
import { reminderTimes } from "./times";
import { composerOf } from "../state/composer.svelte";
import { act } from "../state/core";
import { open, say } from "../state/layers.svelte";
import type { Conversation, Member, Message } from "../state/model";
import { usedEmoji } from "../state/preferences.svelte";
import { t } from "../i18n";

/** Adds one of our reactions, or takes it back. */
export function toggleReaction(conversation: string, message: Message, emoji: string): void {
  const own = message.reactions.filter((reaction) => reaction.own).map((reaction) => reaction.emoji);
  const has = own.includes(emoji);
  if (!has) usedEmoji(emoji);
  void act({
    type: "react",
    conversation,
    message: message.key,
    reactions: has ? own.filter((one) => one !== emoji) : [...own, emoji],
  });
}

/** Puts words where they can be pasted. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say(t.common.copied);
  } catch {
    say(t.error.clipboard, { error: true });
  }
}

/** Whether we may take back what others have said here. */
export function moderates(conversation: Conversation, members: readonly Member[]): boolean {
  return conversation.kind !== "person" && members.some((member) => member.own && member.role === "moderator");
}

export function messageActions(conversation: Conversation, message: Message, moderator: boolean): Action[] {
  const { body, sender, key, delivery } = message;
  const words = body.type === "text" ? body.source : "";
  const hasFiles = body.type === "text" && body.attachments.length > 0;
  const pending = delivery.type === "waiting" || delivery.type === "failed";
  const writable = conversation.cannotWrite === null && !conversation.blocked;
  return [
    {
      id: "edit",
      label: () => t.timeline.edit,
      icon: "edit",
      when: () => sender.own && words !== "" && !hasFiles && writable && !pending,
      run: () => composerOf(conversation.id).startEdit(message),
    },
    {
      id: "forward",
      label: () => t.timeline.forward,
      icon: "forward",
      // Files are sealed for this conversation: they cannot be handed on as they are.
      when: () => words !== "" && !hasFiles,
      run: () => void open(() => import("../views/dialogs/Forward.svelte"), { text: words }),
    },
    {
      id: "pin",
      label: () => (message.pinned ? t.timeline.unpin : t.timeline.pin),
      icon: "pin",
      when: () => body.type === "text" && writable && !pending,
      run: () => void act({ type: "pin", conversation: conversation.id, message: key, pinned: !message.pinned }),
    },
    {
      id: "remind",
      label: () => (message.remindAt === null ? t.timeline.remind : t.timeline.dontRemind),
      icon: "clock",
      when: () => body.type === "text" && !pending,
      run: () => {
        const remind = (at: number | null) => void act({ type: "remind", conversation: conversation.id, message: key, at });
        if (message.remindAt !== null) return remind(null);
        void open(() => import("../views/dialogs/When.svelte"), { title: t.timeline.remindTitle, choices: reminderTimes(), run: remind });
      },
    },
    { id: "copy", label: () => t.timeline.copyText, icon: "copy", when: () => words !== "", run: () => void copy(words) },
    {
      id: "resend",
      label: () => t.timeline.sendAgain,
      icon: "retry",
      when: () => delivery.type === "failed",
      run: () => void act({ type: "resend", conversation: conversation.id, message: key }),
    },
    {
      id: "discard",
      label: () => t.timeline.discard,
      icon: "trash",
      danger: true,
      when: () => pending,
      run: () => void act({ type: "discard", conversation: conversation.id, message: key }),
    },
    {
      id: "delete",
      label: () => t.timeline.delete,
      icon: "trash",
      danger: true,
      when: () => body.type !== "removed" && !pending && writable && message.private === null && (sender.own || moderator),
      run: () => void open(() => import("../views/dialogs/Remove.svelte"), { conversation: conversation.id, message: key, withReason: !sender.own }),
    },
  ];
}
