// Where we are. It stands in the address of the page, so that back, reload and a link do what one expects.

/** The pages of administration. */
export const adminPages = ["people", "invitations", "rooms", "audit", "server"] as const;
export type AdminPage = (typeof adminPages)[number];

class Router {
  /** The conversation that is open. */
  conversation = $state<string | null>(null);
  /** The message that is to be shown in it first. */
  message = $state<string | null>(null);
  /** The page of administration that is open, instead of a conversation. */
  administration = $state<AdminPage | null>(null);
  /** Whom or what it shows. */
  subject = $state<string | null>(null);
  /** The page is docked beside something else. */
  readonly docked = new URLSearchParams(location.search).get("view") === "sidebar";
  /** The window of its own shows one conversation. */
  readonly alone = new URLSearchParams(location.search).get("view") === "conversation";
  #pushed = 0;

  constructor() {
    this.#read();
    window.addEventListener("popstate", () => {
      this.#pushed = Math.max(0, this.#pushed - 1);
      this.#read();
    });
  }

  #read(): void {
    const [, place, id, message] = location.hash.split("/");
    const known = place === "chat" && id !== undefined && id !== "";
    this.conversation = known ? decode(id) : null;
    this.message = known && message ? decode(message) : null;
    const page = place === "administration" ? (adminPages.find((one) => one === id) ?? "people") : null;
    this.administration = page;
    this.subject = page !== null && message ? decode(message) : null;
  }

  /** Opens a page of administration, at somebody or something if it is given. */
  administer(page: AdminPage, subject: string | null = null): void {
    if (this.administration === page && this.subject === subject) return;
    history.pushState(null, "", `#/administration/${page}${subject === null ? "" : `/${encodeURIComponent(subject)}`}`);
    this.#pushed++;
    this.#read();
  }

  /** Leaves what is open for the conversations. */
  home(): void {
    if (this.administration === null) return;
    history.pushState(null, "", "#/");
    this.#pushed++;
    this.#read();
  }

  /** Opens a conversation, at a message if one is given. */
  open(conversation: string, message: string | null = null): void {
    if (this.conversation === conversation && message === null) return;
    const from = this.conversation;
    const hash = hashOf(conversation, message);
    // On a phone "back" leads to the list, however many conversations were seen from within one another.
    if (from === null) {
      history.pushState(null, "", hash);
      this.#pushed++;
    } else history.replaceState(null, "", hash);
    this.conversation = conversation;
    this.message = message;
    this.administration = null;
  }

  /** The message was shown. */
  arrived(): void {
    if (this.message === null || this.conversation === null) return;
    this.message = null;
    history.replaceState(null, "", hashOf(this.conversation, null));
  }

  /** Back to the list. */
  back(): void {
    if (this.#pushed > 0) history.back();
    else {
      history.replaceState(null, "", "#/");
      this.#read();
    }
  }

  /** The address of a window that shows the same. */
  windowAddress(conversation: string): string {
    return `${location.pathname}?view=conversation${hashOf(conversation, null)}`;
  }
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export function hashOf(conversation: string, message: string | null): string {
  return `#/chat/${encodeURIComponent(conversation)}${message === null ? "" : `/${encodeURIComponent(message)}`}`;
}

export const router = new Router();
