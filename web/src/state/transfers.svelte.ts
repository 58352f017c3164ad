// Files on their way out.
import type { FileFacts } from "../core/core";
import { core } from "./core";

export interface Transfer {
  readonly id: string;
  readonly conversation: string;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  readonly failed: string | null;
}

export const transfers: { list: Transfer[] } = $state({ list: [] });

/** Sends a file; how far it is stands in `transfers`. */
export function sendFile(conversation: string, file: Blob, facts: FileFacts): void {
  const id = core().sendFile(conversation, file, facts);
  transfers.list.push({ id, conversation, name: facts.name, size: file.size, sent: 0, failed: null });
}

/** Stops one, or takes away one that has failed. */
export function cancel(id: string): void {
  const transfer = transfers.list.find((one) => one.id === id);
  if (transfer !== undefined && transfer.failed === null) core().cancel(id);
  transfers.list = transfers.list.filter((one) => one.id !== id);
}

/** Follows the engine until the returned function is called. */
export function follow(): () => void {
  return core().onEvent((event) => {
    if (event.type !== "transfer") return;
    if (event.done) transfers.list = transfers.list.filter((one) => one.id !== event.transfer);
    else
      transfers.list = transfers.list.map((one) =>
        one.id === event.transfer ? { ...one, sent: event.sent, failed: event.failed } : one,
      );
  });
}
