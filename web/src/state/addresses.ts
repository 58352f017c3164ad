// Addresses of people and rooms, as people type them and as links have them.
import { act } from "./core";
import { router } from "./router.svelte";

/** Whether it looks like an address: what is before the `@`, and a domain. The engine reads it in earnest. */
export function looksLikeAddress(text: string): boolean {
  return /^[^\s@/"&'<>:]+@[^\s@/]+$/u.test(text.trim());
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
