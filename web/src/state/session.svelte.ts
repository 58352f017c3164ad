// Who is signed in, and how far we are with the server.
import { core } from "./core";
import type { Availability, Session } from "./model";

export const session: { value: Session | null } = $state({ value: null });

/** Who is signed in; `null` for nobody. */
export function own(): Extract<Session, { type: "signedIn" }> | null {
  return session.value?.type === "signedIn" ? session.value : null;
}

/** Whether the server can be reached just now. */
export function online(): boolean {
  return own()?.connection.type === "online";
}

/** What may be chosen as one's own availability. */
export const availabilities: readonly Availability[] = ["online", "away", "busy", "offline"];

/** Follows the session until the returned function is called. */
export function follow(): () => void {
  return core().subscribe({ view: "session" }, (value) => (session.value = value));
}
