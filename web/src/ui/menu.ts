import type { IconName } from "./icons";

/** A line of a menu. */
export interface MenuEntry {
  readonly id: string;
  readonly label: string;
  readonly icon?: IconName | undefined;
  /** It destroys something. */
  readonly danger?: boolean | undefined;
  /** It is one of several of which one holds. */
  readonly checked?: boolean | undefined;
  /** A line stands above it. */
  readonly separated?: boolean | undefined;
  readonly run: () => void;
}
