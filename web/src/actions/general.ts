// What can be done everywhere.
import type { Action } from "./action";
import { conversationActions } from "./conversation";
import { act } from "../state/core";
import { conversations, neighbour } from "../state/conversations.svelte";
import { open } from "../state/layers.svelte";
import type { Availability } from "../state/model";
import { applyTheme, keep, preferences, type Theme } from "../state/preferences.svelte";
import { router } from "../state/router.svelte";
import { availabilities, own } from "../state/session.svelte";
import { t } from "../i18n";

export function openSwitcher(query = ""): void {
  void open(() => import("../views/switcher/Switcher.svelte"), { query });
}

export function openSettings(page: "general" | "profile" | "devices" | "keyboard" | "privacy" = "general"): void {
  void open(() => import("../views/settings/Settings.svelte"), { page });
}

export function setTheme(theme: Theme): void {
  keep({ theme });
  applyTheme();
}

function go(step: 1 | -1, unread: boolean): void {
  const to = neighbour(conversations.sections(router.conversation), router.conversation, step, unread);
  if (to !== null) router.open(to);
}

const current = () => conversations.row(router.conversation);

const statusAction = (availability: Availability): Action => ({
  id: `status ${availability}`,
  label: () => t.commands.setStatus(t.availability[availability]),
  icon: "person",
  when: () => own() !== null && own()?.availability !== availability,
  run: () => void act({ type: "setAvailability", availability, status: own()?.status ?? "" }),
});

/** Those of the palette and of the keys. */
export function generalActions(): Action[] {
  const conversation = current();
  return [
    { id: "switcher", label: () => t.keyboard.switcher, icon: "find", keys: "Mod+K", run: () => openSwitcher() },
    {
      id: "newChat",
      label: () => t.commands.newChat,
      icon: "plus",
      keys: "Mod+Shift+K",
      run: () => void open(() => import("../views/dialogs/NewConversation.svelte"), { step: "choose" as const }),
    },
    {
      id: "newGroup",
      label: () => t.commands.newGroup,
      icon: "people",
      run: () => void open(() => import("../views/dialogs/NewConversation.svelte"), { step: "group" as const }),
    },
    {
      id: "newRoom",
      label: () => t.commands.newRoom,
      icon: "room",
      run: () => void open(() => import("../views/dialogs/NewConversation.svelte"), { step: "room" as const }),
    },
    {
      id: "joinRoom",
      label: () => t.commands.joinRoom,
      icon: "room",
      run: () => void open(() => import("../views/dialogs/NewConversation.svelte"), { step: "join" as const }),
    },
    {
      id: "invitePerson",
      label: () => t.invitation.action,
      icon: "personAdd",
      run: () => void open(() => import("../views/dialogs/InvitePerson.svelte"), {}),
    },
    {
      id: "details",
      label: () => t.commands.toggleDetails,
      icon: "panel",
      keys: "Mod+.",
      when: () => current() !== undefined,
      run: () => keep({ detailsOpen: !preferences.detailsOpen }),
    },
    {
      id: "searchHere",
      label: () => t.commands.searchHere,
      icon: "find",
      keys: "Mod+Shift+F",
      when: () => current() !== undefined,
      run: () => openSwitcher(`in:${current()!.id} `),
    },
    ...(conversation === undefined ? [] : conversationActions(conversation)),
    ...availabilities.map(statusAction),
    { id: "settings", label: () => t.commands.settings, icon: "cog", keys: "Mod+,", run: () => openSettings() },
    { id: "profile", label: () => t.commands.profile, icon: "person", run: () => openSettings("profile") },
    { id: "devices", label: () => t.commands.devices, icon: "device", run: () => openSettings("devices") },
    { id: "keyboard", label: () => t.commands.keyboard, icon: "keyboard", keys: "Mod+/", run: () => openSettings("keyboard") },
    {
      id: "themeLight",
      label: () => t.commands.themeLight,
      icon: "sun",
      when: () => document.documentElement.dataset["theme"] !== "light",
      run: () => setTheme("light"),
    },
    {
      id: "themeDark",
      label: () => t.commands.themeDark,
      icon: "moon",
      when: () => document.documentElement.dataset["theme"] !== "dark",
      run: () => setTheme("dark"),
    },
    {
      id: "signOut",
      label: () => t.commands.signOut,
      icon: "logout",
      danger: true,
      run: () => void open(() => import("../views/dialogs/SignOut.svelte"), {}),
    },
  ];
}

/** Those that only keys reach. */
export function movingActions(): Action[] {
  return [
    { id: "next", label: () => t.keyboard.nextConversation, icon: "down", keys: "Alt+ArrowDown", run: () => go(1, false) },
    { id: "previous", label: () => t.keyboard.previousConversation, icon: "down", keys: "Alt+ArrowUp", run: () => go(-1, false) },
    { id: "nextUnread", label: () => t.keyboard.nextUnread, icon: "down", keys: "Alt+Shift+ArrowDown", run: () => go(1, true) },
    { id: "previousUnread", label: () => t.keyboard.previousUnread, icon: "down", keys: "Alt+Shift+ArrowUp", run: () => go(-1, true) },
  ];
}
