// What could stand in place of what somebody is typing.
import { byName, type Token } from "./editing";
import { openSwitcher } from "../../actions/general";
import { confirmLeave, setNotify } from "../../actions/conversation";
import { core } from "../../state/core";
import { open } from "../../state/layers.svelte";
import type { Conversation, Member } from "../../state/model";
import type { IconName } from "../../ui/icons";
import { language, t } from "../../i18n";

export interface Suggestion {
  readonly id: string;
  readonly kind: Token["kind"];
  readonly label: string;
  readonly hint?: string;
  /** What stands in the text then. */
  readonly text: string;
  /** Who is mentioned by it. */
  readonly account: string | null;
  readonly icon?: IconName;
  /** It does something, and puts nothing into the text. */
  readonly run?: () => void;
}

const most = 8;

/** Suggestions for what stands before the caret. */
export async function suggest(token: Token, conversation: Conversation, members: readonly Member[]): Promise<Suggestion[]> {
  if (token.kind === "emoji") return emoji(token.query);
  if (token.kind === "mention") return people(token.query, conversation, members);
  return commands(conversation).filter((one) => one.id.startsWith(token.query));
}

/** Emoji by their short names, and by their names in the person's language. */
async function emoji(query: string): Promise<Suggestion[]> {
  const named = await core()
    .emoji(query, most)
    .catch(() => []);
  const found: Suggestion[] = named.map(({ emoji: text, name }) => ({ id: text, kind: "emoji", label: `:${name}:`, text, account: null }));
  if (language !== "en" || found.length < 3) {
    const { emojiOf, find } = await import("../../ui/emoji/data");
    const own = find(await emojiOf().catch(() => []), query, most);
    found.push(...own.map(({ text, label }): Suggestion => ({ id: text, kind: "emoji", label, text, account: null })));
  }
  return found.filter((one, at) => found.findIndex((other) => other.id === one.id) === at).slice(0, most);
}

function people(query: string, conversation: Conversation, members: readonly Member[]): Suggestion[] {
  const known =
    conversation.kind === "person"
      ? [{ name: conversation.name, account: conversation.id }]
      : members.flatMap((member) =>
          !member.own && member.account !== null && member.affiliation !== "outcast" ? [{ name: member.name, account: member.account }] : [],
        );
  return byName(known, query, most).map(({ name, account }) => ({
    id: account,
    kind: "mention",
    label: name,
    hint: account,
    text: `@${name} `,
    account,
  }));
}

function commands(conversation: Conversation): Suggestion[] {
  const shared = conversation.kind !== "person";
  const command = (id: string, icon: IconName, label: string, run: () => void): Suggestion => ({
    id,
    kind: "command",
    label: `/${id}`,
    hint: label,
    text: "",
    account: null,
    icon,
    run,
  });
  const insert = (id: string, label: string, text: string): Suggestion => ({ id, kind: "command", label: `/${id}`, hint: label, text, account: null });
  return [
    insert("me", t.composer.commands.me, "/me "),
    command("search", "find", t.composer.commands.search, () => openSwitcher(`in:${conversation.id} `)),
    command("mute", "mute", t.composer.commands.mute, () => setNotify(conversation, "never")),
    ...(shared
      ? [
          command("invite", "personAdd", t.composer.commands.invite, () => void open(() => import("../dialogs/Invite.svelte"), { conversation })),
          command("subject", "edit", t.composer.commands.subject, () => void open(() => import("../dialogs/RoomSettings.svelte"), { conversation, owner: false })),
          command("leave", "logout", t.composer.commands.leave, () => confirmLeave(conversation)),
        ]
      : []),
    insert("shrug", t.composer.commands.shrug, t.composer.commands.shrug),
  ];
}
