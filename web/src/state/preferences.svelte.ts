// What this browser keeps about how things look and behave here. Nothing of it is secret.

export type Theme = "system" | "light" | "dark";

interface Kept {
  theme: Theme;
  language: string | null;
  enterSends: boolean;
  spelling: boolean;
  previews: boolean;
  notify: boolean;
  notifyContent: boolean;
  sound: boolean;
  detailsOpen: boolean;
  collapsed: string[];
  recentEmoji: string[];
  voiceSpeed: number;
  /** 0 for none, 1 to 5 from light to dark. */
  skinTone: number;
  /** Somebody has signed in here, and was not asked yet whether to bring the history. */
  offerHistory: boolean;
}

const name = "hauspost.preferences";
const initial: Kept = {
  theme: "system",
  language: null,
  enterSends: true,
  spelling: true,
  previews: true,
  notify: false,
  notifyContent: true,
  sound: true,
  detailsOpen: false,
  collapsed: [],
  recentEmoji: [],
  voiceSpeed: 1,
  skinTone: 0,
  offerHistory: false,
};

function read(): Partial<Kept> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(name) ?? "{}");
    if (typeof value !== "object" || value === null) return {};
    // Only what has the type that it should have.
    const entries = Object.entries(value).filter(([key, one]) => {
      const like = (initial as unknown as Record<string, unknown>)[key];
      return like === null ? typeof one === "string" : typeof one === typeof like && Array.isArray(one) === Array.isArray(like);
    });
    return Object.fromEntries(entries) as Partial<Kept>;
  } catch {
    return {};
  }
}

/** Read them as they are; change them by `keep`. */
export const preferences: Kept = $state({ ...initial, ...read() });

/** Changes some of them, for good. */
export function keep(changes: Partial<Kept>): void {
  Object.assign(preferences, changes);
  try {
    localStorage.setItem(name, JSON.stringify(preferences));
  } catch {
    // The storage is full or forbidden: they hold until the page is closed.
  }
}

const dark = typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : null;

/** Draws in the colours that are wanted. */
export function applyTheme(): void {
  const theme = preferences.theme === "system" ? (dark?.matches ? "dark" : "light") : preferences.theme;
  document.documentElement.dataset["theme"] = theme;
  const color = getComputedStyle(document.documentElement).getPropertyValue("--canvas").trim();
  document.querySelector<HTMLMetaElement>('meta[name="theme-color"]')?.setAttribute("content", color);
}

dark?.addEventListener("change", applyTheme);

const usual = ["👍", "❤️", "😂", "🎉", "👀", "🙏"];

/** The six emoji that are at hand: those used last, filled up with usual ones. */
export function quickEmoji(): string[] {
  return [...new Set([...preferences.recentEmoji, ...usual])].slice(0, 6);
}

/** An emoji was used: often used ones stay in front. */
export function usedEmoji(emoji: string): void {
  keep({ recentEmoji: [emoji, ...preferences.recentEmoji.filter((one) => one !== emoji)].slice(0, 36) });
}
