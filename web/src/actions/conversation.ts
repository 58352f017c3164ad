// What can be done with a conversation.
import type { Action } from "./action";
import { muteTimes } from "./times";
import { act } from "../state/core";
import { open } from "../state/layers.svelte";
import type { Conversation, Notify } from "../state/model";
import { router } from "../state/router.svelte";
import { t } from "../i18n";

export function setNotify(conversation: Conversation, notify: Notify): void {
  void act({ type: "setNotify", conversation: conversation.id, notify });
}

/** Asks for how long. */
export function muteFor(conversation: Conversation): void {
  const run = (until: number) => void act({ type: "mute", conversation: conversation.id, until });
  void open(() => import("../views/dialogs/When.svelte"), { title: t.commands.muteFor, choices: muteTimes(), run });
}

export function confirmLeave(conversation: Conversation): void {
  void open(() => import("../ui/Confirm.svelte"), {
    title: t.details.leaveTitle(conversation.name),
    text: t.details.leaveText,
    action: t.details.leaveDo,
    run: async () => {
      if ((await act({ type: "part", conversation: conversation.id })) !== null && router.conversation === conversation.id) router.back();
    },
  });
}

export function setBlocked(account: string, name: string, blocked: boolean): void {
  if (!blocked) return void act({ type: "setBlocked", account, blocked });
  void open(() => import("../ui/Confirm.svelte"), {
    title: t.details.blockTitle(name),
    text: t.details.blockText,
    action: t.details.blockDo,
    run: () => void act({ type: "setBlocked", account, blocked: true }),
  });
}

export function openWindow(conversation: Conversation): void {
  window.open(router.windowAddress(conversation.id), `hauspost ${conversation.id}`, "popup,width=560,height=780");
}

export function conversationActions(conversation: Conversation): Action[] {
  const { id, kind, last } = conversation;
  const shared = kind !== "person";
  return [
    {
      id: "markRead",
      label: () => t.commands.markRead,
      icon: "check",
      keys: "Shift+Escape",
      when: () => conversation.unread > 0 && last !== null,
      run: () => void act({ type: "markRead", conversation: id, message: last!.key }),
    },
    {
      id: "pin",
      label: () => (conversation.pinned ? t.commands.unpin : t.commands.pin),
      icon: "pin",
      run: () => void act({ type: "setPinned", conversation: id, pinned: !conversation.pinned }),
    },
    {
      id: "mute",
      label: () => (conversation.notify === "never" ? t.commands.unmute : t.commands.mute),
      icon: conversation.notify === "never" ? "bell" : "mute",
      keys: "Mod+Shift+M",
      run: () => setNotify(conversation, conversation.notify === "never" ? "always" : "never"),
    },
    {
      id: "muteFor",
      label: () => t.commands.muteFor,
      icon: "clock",
      when: () => conversation.notify !== "never",
      run: () => muteFor(conversation),
    },
    {
      id: "ownWindow",
      label: () => t.commands.ownWindow,
      icon: "window",
      when: () => !router.alone,
      run: () => openWindow(conversation),
    },
    {
      id: "invite",
      label: () => t.commands.invite,
      icon: "personAdd",
      when: () => shared && conversation.cannotWrite === null,
      run: () => void open(() => import("../views/dialogs/Invite.svelte"), { conversation }),
    },
    {
      id: "block",
      label: () => (conversation.blocked ? t.details.unblock(conversation.name) : t.details.block(conversation.name)),
      icon: "block",
      danger: true,
      when: () => !shared,
      run: () => setBlocked(id, conversation.name, !conversation.blocked),
    },
    {
      id: "leave",
      label: () => (kind === "group" ? t.details.leaveGroup : t.details.leaveRoom),
      icon: "logout",
      danger: true,
      when: () => shared,
      run: () => confirmLeave(conversation),
    },
  ];
}
