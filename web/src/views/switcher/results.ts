// What the switcher finds at once: conversations, people, commands.
import { isMac, possible } from "../../actions/action";
import { generalActions } from "../../actions/general";
import { looksLikeAddress, writeTo } from "../../state/addresses";
import { conversations } from "../../state/conversations.svelte";
import type { Conversation } from "../../state/model";
import { router } from "../../state/router.svelte";
import type { IconName } from "../../ui/icons";
import { byName } from "../composer/editing";
import { t } from "../../i18n";

export interface Result {
  readonly id: string;
  readonly label?: string;
  readonly hint?: string;
  readonly icon?: IconName;
  readonly avatar?: { readonly id: string; readonly name: string; readonly square: boolean; readonly picture: string | null };
  readonly keys?: string;
  readonly run: () => void;
}

const rowResult = (row: Conversation): Result => ({
  id: row.id,
  label: row.name,
  hint: row.unread > 0 ? t.list.unreadCount(row.unread) : t.kind[row.kind],
  avatar: { id: row.id, name: row.name, square: row.kind !== "person", picture: row.picture },
  run: () => router.open(row.id),
});

/** Conversations and people. Without words: unread ones first, then the newest. */
export function placesFor(text: string): Result[] {
  const rows = conversations.rows ?? [];
  if (text === "") {
    const others = rows.filter((row) => row.id !== router.conversation);
    return others
      .toSorted((one, other) => Number(other.unread > 0) - Number(one.unread > 0) || other.active - one.active)
      .slice(0, 7)
      .map(rowResult);
  }
  const found = byName(rows, text, 7).map(rowResult);
  const people = byName(
    conversations.contacts.filter((contact) => !rows.some((row) => row.id === contact.account)),
    text,
    5,
  ).map(
    (contact): Result => ({
      id: contact.account,
      label: contact.name,
      hint: contact.account,
      avatar: { id: contact.account, name: contact.name, square: false, picture: contact.picture },
      run: () => void writeTo(contact.account),
    }),
  );
  const address = text.toLowerCase();
  const fresh = looksLikeAddress(address) && ![...rows.map((row) => row.id), ...people.map((one) => one.id)].includes(address);
  const write: Result[] = fresh ? [{ id: address, label: t.switcher.writeTo(address), icon: "plus", run: () => void writeTo(address) }] : [];
  return [...found, ...people, ...write];
}

/** Commands. Without words only the most usual ones. */
export function commandsFor(text: string): Result[] {
  const actions = possible(generalActions())
    .filter((action) => action.id !== "switcher")
    .map((action) => ({ name: action.label(), action }));
  const some = text === "" ? actions.slice(0, 3) : byName(actions, text.replace(/^[/>]\s*/, ""), 6);
  return some.map(({ name, action }) => ({
    id: `command ${action.id}`,
    label: name,
    icon: action.icon,
    ...(action.keys === undefined ? {} : { keys: action.keys }),
    run: action.run,
  }));
}

/** A combination as one sees it on the keyboard. */
export function shownKeys(keys: string): string[] {
  const names: Record<string, string> = {
    Mod: isMac ? "⌘" : t.keyboard.keys.ctrl,
    Alt: isMac ? "⌥" : t.keyboard.keys.alt,
    Shift: isMac ? "⇧" : t.keyboard.keys.shift,
    Escape: t.keyboard.keys.escape,
    ArrowUp: t.keyboard.keys.up,
    ArrowDown: t.keyboard.keys.down,
  };
  return keys.split("+").map((key) => names[key] ?? key);
}
