// Addresses of people and rooms, as people type them and as links have them.
import { act } from "./core";
import { router } from "./router.svelte";

/** Whether it looks like an address: what is before the `@`, and a domain. The engine reads it in earnest. */
export function looksLikeAddress(text: string): boolean {
  return /^[^\s@/"&'<>:]+@[^\s@/]+$/u.test(text.trim());
}

/** Whether it can be the part before the `@`. */
export function looksLikeName(text: string): boolean {
  return /^[\p{L}\p{N}._-]+$/u.test(text.trim());
}

/** The address of a room, as it was typed or stands in a link: `xmpp:…?join`, or one of ours. */
export function roomOf(text: string): string | null {
  const trimmed = text.trim();
  const within = /#\/join\/([^/?]+)$/.exec(trimmed)?.[1] ?? /^xmpp:([^?/]+)(\?.*)?$/i.exec(trimmed)?.[1];
  try {
    const address = within === undefined ? trimmed : decodeURIComponent(within);
    return looksLikeAddress(address) ? address.toLowerCase() : null;
  } catch {
    return null;
  }
}

/** A link that leads into a room, for people of the house. */
export function roomLink(room: string): string {
  return `${location.origin}/#/join/${encodeURIComponent(room)}`;
}

/** What to pass on of an invitation: its page. Where the house does not say which it is, it is here. */
export function invitationLink({ page, uri }: { page: string | null; uri: string }): string {
  const token = /[?;]preauth=([^;&#]+)/.exec(uri)?.[1];
  return page ?? (token === undefined ? uri : `${location.origin}/invite/${token}`);
}

/** The part before the `@`. */
export function localPart(address: string): string {
  return address.split("@")[0] ?? address;
}

/** Opens the conversation with somebody, whether there was one or not. */
export async function writeTo(address: string): Promise<boolean> {
  const done = await act({ type: "openChat", with: address.trim() });
  if (done?.type !== "conversation") return false;
  router.open(done.conversation);
  return true;
}

/** Opens what an `xmpp:` link leads to (XEP-0147). */
export async function openAddress(url: string): Promise<void> {
  const [path = "", query = ""] = url.replace(/^xmpp:(\/\/[^/]*\/)?/i, "").split("?");
  let address: string;
  try {
    address = decodeURIComponent(path.split("/")[0] ?? "");
  } catch {
    return;
  }
  if (/(^|;)join(;|$)/.test(query)) {
    const done = await act({ type: "join", room: address, nick: null });
    if (done?.type === "conversation") router.open(done.conversation);
  } else await writeTo(address);
}
