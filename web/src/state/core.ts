// The engine, as the stores and components reach it.
import type { Core } from "../core/core";
import type { Command, Done, FailureKind } from "./model";
import { say } from "./layers.svelte";
import { t } from "../i18n";

let engine: Core | null = null;

/** The engine; there is one from the start of the page on. */
export function core(): Core {
  if (engine === null) throw new Error("the engine has not been given yet");
  return engine;
}

/** Says which engine it is. */
export function use(it: Core): void {
  engine = it;
}

const kinds: readonly unknown[] = ["notFound", "notPossible", "offline", "storage", "protocol"] satisfies FailureKind[];

/** What went wrong, in words for the person. */
export function wordsOf(error: unknown): string {
  const kind = error instanceof Error && "kind" in error && kinds.includes(error.kind) ? error.kind : null;
  if (kind === "offline") return t.error.offline;
  if (kind === "storage") return t.error.storage;
  if (kind === "notFound" || kind === "notPossible") return (error as Error).message;
  return t.error.unknown;
}

/** Does what the person wants, and says so when it is not possible. Gives `null` then. */
export async function act(command: Command): Promise<Done | null> {
  try {
    return await core().command(command);
  } catch (error) {
    say(wordsOf(error), { error: true });
    return null;
  }
}

/** Tells the engine something of which the person need not hear whether it was heard. */
export function tell(command: Command): void {
  core()
    .command(command)
    .catch(() => {});
}
