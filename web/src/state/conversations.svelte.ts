// The list of conversations, and how it is narrowed and divided.
import { core } from "./core";
import { keep, preferences } from "./preferences.svelte";
import type { Contact, Conversation } from "./model";

export type Filter = "all" | "unread" | "mentions";
export type SectionName = "pinned" | "people" | "groups" | "departments" | "rooms";

export interface Section {
  readonly name: SectionName;
  readonly rows: readonly Conversation[];
}

class Conversations {
  /** The rows as the engine orders them; `null` until it has told them. */
  rows = $state.raw<readonly Conversation[] | null>(null);
  /** How many have something unread and are not muted. */
  unread = $state(0);
  filter = $state<Filter>("all");
  contacts = $state.raw<readonly Contact[]>([]);
  /** Who wants to see when we are there. */
  requests = $state.raw<readonly string[]>([]);

  /** Something unread mentions us. */
  readonly mentioned = $derived((this.rows ?? []).some((row) => row.mentions > 0 && row.notify !== "never"));
  /** What is to be seen, divided. `current` stays to be seen whatever the filter says. */
  sections(current: string | null): Section[] {
    return divide((this.rows ?? []).filter((row) => row.id === current || passes(row, this.filter)));
  }

  /** One of the rows. */
  row(id: string | null): Conversation | undefined {
    return id === null ? undefined : this.rows?.find((row) => row.id === id);
  }

  contact(account: string | null): Contact | undefined {
    return account === null ? undefined : this.contacts.find((contact) => contact.account === account);
  }

  /** Follows the engine until the returned function is called. */
  follow(): () => void {
    const ends = [
      core().subscribe({ view: "conversations" }, (list) => {
        this.rows = list.rows;
        this.unread = list.unread;
      }),
      core().subscribe({ view: "contacts" }, (contacts) => (this.contacts = contacts)),
      core().subscribe({ view: "contactRequests" }, (requests) => (this.requests = requests)),
    ];
    return () => ends.forEach((end) => end());
  }
}

export const conversations = new Conversations();

/** Whether a row is to be seen with a filter. */
export function passes(row: Conversation, filter: Filter): boolean {
  if (filter === "unread") return row.unread > 0;
  if (filter === "mentions") return row.mentions > 0;
  return true;
}

/** Pinned ones, people, groups, rooms of departments, other rooms; those without rows are left out. */
export function divide(rows: readonly Conversation[]): Section[] {
  const of = (row: Conversation): SectionName =>
    row.pinned ? "pinned" : row.kind === "person" ? "people" : row.department !== null ? "departments" : row.kind === "group" ? "groups" : "rooms";
  return (["pinned", "people", "groups", "departments", "rooms"] as const)
    .map((name) => ({ name, rows: rows.filter((row) => of(row) === name) }))
    .filter((section) => section.rows.length > 0);
}

/** The conversation that stands so many rows below another one, over the borders of sections. */
export function neighbour(sections: readonly Section[], current: string | null, step: 1 | -1, unread: boolean): string | null {
  const rows = sections.flatMap((section) => section.rows);
  const from = rows.findIndex((row) => row.id === current);
  const start = from < 0 ? (step > 0 ? -1 : rows.length) : from;
  for (let at = start + step; at >= 0 && at < rows.length; at += step) {
    const row = rows[at]!;
    if (!unread || row.unread > 0) return row.id;
  }
  return null;
}

export function isCollapsed(name: SectionName): boolean {
  return preferences.collapsed.includes(name);
}

export function setCollapsed(name: SectionName, collapsed: boolean): void {
  const others = preferences.collapsed.filter((one) => one !== name);
  keep({ collapsed: collapsed ? [...others, name] : others });
}
