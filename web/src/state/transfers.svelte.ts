// Files on their way out.
import type { FileFacts } from "../core/core";
import { core } from "./core";
import { online } from "./session.svelte";

export interface Transfer {
  readonly id: string;
  readonly conversation: string;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  readonly failed: string | null;
  /** There is no network: it goes out when there is one. */
  readonly waiting: boolean;
  readonly file: Blob;
  readonly facts: FileFacts;
}

export const transfers: { list: Transfer[] } = $state({ list: [] });

/** Sends a file; how far it is stands in `transfers`. */
export function sendFile(conversation: string, file: Blob, facts: FileFacts): void {
  const id = core().sendFile(conversation, file, facts);
  transfers.list.push({ id, conversation, name: facts.name, size: file.size, sent: 0, failed: null, waiting: false, file, facts });
}

/** Tries again to send one that has failed. */
export function again(id: string): void {
  transfers.list = transfers.list.map((one) =>
    one.id === id && (one.failed !== null || one.waiting)
      ? { ...one, id: core().sendFile(one.conversation, one.file, $state.snapshot(one.facts)), sent: 0, failed: null, waiting: false }
      : one,
  );
}

/** Stops one, or takes away one that has failed. */
export function cancel(id: string): void {
  const transfer = transfers.list.find((one) => one.id === id);
  if (transfer !== undefined && transfer.failed === null && !transfer.waiting) core().cancel(id);
  transfers.list = transfers.list.filter((one) => one.id !== id);
}

/** Follows the engine until the returned function is called. */
export function follow(): () => void {
  const ends = [
    core().onEvent((event) => {
      if (event.type !== "transfer") return;
      if (event.done) transfers.list = transfers.list.filter((one) => one.id !== event.transfer);
      else
        transfers.list = transfers.list.map((one) => {
          if (one.id !== event.transfer) return one;
          const waiting = event.failed !== null && !online();
          return { ...one, sent: event.sent, failed: waiting ? null : event.failed, waiting };
        });
    }),
    core().subscribe({ view: "session" }, (session) => {
      if (session.type !== "signedIn" || session.connection.type !== "online") return;
      for (const { id, waiting } of transfers.list) if (waiting) again(id);
    }),
  ];
  return () => ends.forEach((end) => end());
}
