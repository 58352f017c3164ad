// What can be done with somebody in a group or room: as much as one is entitled to (XEP-0045 §5.2.2), and no more is offered.
import type { MenuEntry } from "../ui/menu";
import { composerOf } from "../state/composer.svelte";
import { open } from "../state/layers.svelte";
import { writeTo } from "../state/addresses";
import type { Affiliation, Conversation, Member, Question, Role } from "../state/model";
import { t } from "../i18n";

const rank: Record<Affiliation, number> = { outcast: -1, none: 0, member: 1, admin: 2, owner: 3 };

/** What somebody is here, in plain words. */
export function roleOf(member: Member, conversation: Conversation): string {
  if (member.affiliation === "owner" || member.affiliation === "admin" || member.affiliation === "outcast") return t.details.roles[member.affiliation];
  if (member.role === "visitor") return t.details.roles.visitor;
  if (member.role === "moderator") return t.details.roles.moderator;
  // In an open room nearly everybody is one, and it means nothing.
  if (member.affiliation === "none") return conversation.kind === "group" ? t.details.roles.none : "";
  return conversation.kind === "group" ? "" : t.details.roles.member;
}

/** Ourselves among those who are in it. */
export function ownOf(members: readonly Member[]): Member | undefined {
  return members.find((member) => member.own);
}

/** Whether we may set the whole of it up, and close it. */
export const owns = (own: Member | undefined): boolean => own?.affiliation === "owner";

/** Whether we may add and remove people, and see who is banned. */
export const administers = (own: Member | undefined): boolean => own !== undefined && rank[own.affiliation] >= rank.admin;

interface Change {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly danger: boolean;
  readonly question: (reason: string | null) => Question;
}

function confirm(change: Change): void {
  void open(() => import("../views/dialogs/ChangeMember.svelte"), { ...change });
}

/** Begins to write to somebody alone, within a room. */
export function whisperTo(conversation: Conversation, nick: string): void {
  composerOf(conversation.id).startWhisper(nick);
}

export function memberActions(conversation: Conversation, own: Member | undefined, member: Member): MenuEntry[] {
  if (member.own) return [];
  const { account, name, nick, affiliation } = member;
  const room = conversation.id;
  const mine = own === undefined ? 0 : rank[own.affiliation];
  const theirs = rank[affiliation];
  const owner = mine === rank.owner;
  // Administrators decide about those below them, owners about all.
  const decides = account !== null && (owner || (mine === rank.admin && theirs < mine));
  const moderates = own?.role === "moderator" && nick !== null && mine >= theirs && !(theirs >= rank.admin && !owner);
  const entries: MenuEntry[] = [];
  const add = (entry: MenuEntry, when: boolean) => when && entries.push(entry);
  const become = (to: Affiliation) => (reason: string | null): Question => ({ ask: "setAffiliation", room, who: account!, affiliation: to, reason });
  const role = (to: Role) => (reason: string | null): Question => ({ ask: "setRole", room, nick: nick!, role: to, reason });

  add({ id: "write", icon: "chat", label: t.details.writeTo(name), run: () => void writeTo(account!) }, account !== null);
  add(
    { id: "whisper", icon: "whisper", label: t.member.whisper, run: () => whisperTo(conversation, nick!) },
    conversation.whispers && nick !== null && conversation.cannotWrite === null,
  );
  add(
    {
      id: "devices",
      icon: "device",
      label: t.details.deviceList,
      run: () => void open(() => import("../views/dialogs/Devices.svelte"), { account: account!, name }),
    },
    account !== null && conversation.seal === "encrypted",
  );
  const first = entries.length;
  add(
    {
      id: "letSpeak",
      icon: "edit",
      label: t.member.letSpeak,
      run: () => confirm({ title: t.member.letSpeak, text: name, action: t.member.letSpeak, danger: false, question: role("participant") }),
    },
    moderates && member.role === "visitor",
  );
  add(
    {
      id: "makeOwner",
      icon: "shieldCheck",
      label: t.member.makeOwner,
      run: () => confirm({ title: t.member.makeOwnerTitle(name), text: t.member.makeOwnerText, action: t.member.makeOwner, danger: false, question: become("owner") }),
    },
    owner && decides && affiliation !== "owner",
  );
  add(
    {
      id: "makeModerator",
      icon: "shield",
      label: t.member.makeModerator,
      run: () =>
        confirm({ title: t.member.makeModeratorTitle(name), text: t.member.makeModeratorText, action: t.member.makeModerator, danger: false, question: become("admin") }),
    },
    owner && decides && affiliation !== "admin",
  );
  add(
    {
      id: "makeMember",
      icon: "person",
      label: t.member.makeMember,
      run: () => confirm({ title: t.member.makeMemberTitle(name), text: t.member.makeMemberText, action: t.member.makeMember, danger: false, question: become("member") }),
    },
    decides && affiliation === "none",
  );
  add(
    {
      id: "takeRights",
      icon: "person",
      label: t.member.takeRights,
      run: () => confirm({ title: t.member.takeRightsTitle(name), text: t.member.takeRightsText, action: t.member.takeRights, danger: false, question: become("member") }),
    },
    decides && theirs >= rank.admin,
  );
  if (entries.length > first) entries[first] = { ...entries[first]!, separated: first > 0 };
  const last = entries.length;
  add(
    {
      id: "silence",
      icon: "mute",
      label: t.member.silence,
      run: () => confirm({ title: t.member.silence, text: name, action: t.member.silence, danger: false, question: role("visitor") }),
    },
    moderates && member.role === "participant" && affiliation === "none",
  );
  add(
    {
      id: "putOut",
      icon: "logout",
      danger: true,
      label: t.member.putOut,
      run: () => confirm({ title: t.member.putOutTitle(name), text: t.member.putOutText, action: t.member.putOut, danger: true, question: role("none") }),
    },
    moderates && conversation.kind === "room" && theirs < rank.admin,
  );
  add(
    {
      id: "remove",
      icon: "logout",
      danger: true,
      label: t.member.remove,
      run: () => confirm({ title: t.member.removeTitle(name), text: t.member.removeText, action: t.member.remove, danger: true, question: become("none") }),
    },
    decides && affiliation !== "none" && conversation.kind === "group" && conversation.department === null,
  );
  add(
    {
      id: "ban",
      icon: "block",
      danger: true,
      label: t.member.ban,
      run: () => confirm({ title: t.member.banTitle(name), text: t.member.banText, action: t.member.ban, danger: true, question: become("outcast") }),
    },
    decides,
  );
  if (entries.length > last) entries[last] = { ...entries[last]!, separated: last > 0 };
  return entries;
}
