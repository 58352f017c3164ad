// Commands as objects: menus, keys and the palette all draw from them.
import type { IconName } from "../ui/icons";
import type { MenuEntry } from "../ui/menu";

export interface Action {
  readonly id: string;
  readonly label: () => string;
  readonly icon: IconName;
  /** Such as `Mod+Shift+K`; `Mod` is Ctrl, on a Mac Cmd. */
  readonly keys?: string;
  /** Whether it can be done just now. */
  readonly when?: () => boolean;
  readonly danger?: boolean;
  readonly run: () => void;
}

export const isMac = /Mac|iPhone|iPad/.test(globalThis.navigator?.userAgent ?? "");

/** Whether a key press is this combination. */
export function matches(event: KeyboardEvent, keys: string): boolean {
  const parts = keys.split("+");
  const key = parts.at(-1)!;
  const mod = isMac ? event.metaKey : event.ctrlKey;
  const other = isMac ? event.ctrlKey : event.metaKey;
  return (
    mod === parts.includes("Mod") &&
    !other &&
    event.altKey === parts.includes("Alt") &&
    // A sign such as `/` may itself need Shift.
    (event.shiftKey === parts.includes("Shift") || (key.length === 1 && !/[a-z]/i.test(key))) &&
    event.key.toLowerCase() === key.toLowerCase()
  );
}

/** Those that can be done just now. */
export function possible(actions: readonly Action[]): Action[] {
  return actions.filter((action) => action.when?.() ?? true);
}

/** As lines of a menu. */
export function entries(actions: readonly Action[]): MenuEntry[] {
  return possible(actions).map((action, at, all) => ({
    id: action.id,
    label: action.label(),
    icon: action.icon,
    danger: action.danger,
    separated: action.danger === true && all[at - 1]?.danger !== true && at > 0,
    run: action.run,
  }));
}
