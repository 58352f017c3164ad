// Files of messages, fetched and opened when they are wanted.
import { SvelteMap } from "svelte/reactivity";
import { core } from "./core";
import type { Attachment } from "./model";

export type Fetched =
  /** How much of it is here, from 0 to 1. */
  | { readonly state: "loading"; readonly transfer: string; readonly part: number }
  | { readonly state: "here"; readonly url: string; readonly blob: Blob }
  | { readonly state: "failed" };

/** How many are kept at hand. */
const most = 96;
const files = new SvelteMap<string, Fetched>();

const nameOf = (conversation: string, message: string, index: number): string => `${conversation}\n${message}\n${index}`;

/** How far a file is; `undefined` when nobody has asked for it. */
export function fetched(conversation: string, message: string, attachment: Attachment): Fetched | undefined {
  return files.get(nameOf(conversation, message, attachment.index));
}

/** Fetches it; gives it when it is here, `null` when it could not be had. */
export async function fetchFile(conversation: string, message: string, attachment: Attachment): Promise<Extract<Fetched, { state: "here" }> | null> {
  const name = nameOf(conversation, message, attachment.index);
  const known = files.get(name);
  if (known?.state === "here") return known;
  if (known?.state === "loading") return null;
  const transfer = crypto.randomUUID();
  files.set(name, { state: "loading", transfer, part: 0 });
  const end = core().onEvent((event) => {
    if (event.type === "transfer" && event.transfer === transfer && event.size > 0)
      files.set(name, { state: "loading", transfer, part: Math.min(1, event.sent / event.size) });
  });
  try {
    const blob = await core().download(conversation, message, attachment.index, transfer);
    end();
    const here = { state: "here", url: URL.createObjectURL(blob), blob } as const;
    files.set(name, here);
    forgetOldest();
    return here;
  } catch {
    end();
    // Who has stopped it knows that it is not here.
    if (files.get(name)?.state === "loading") files.set(name, { state: "failed" });
    return null;
  }
}

/** Stops fetching it. */
export function stopFile(conversation: string, message: string, attachment: Attachment): void {
  const name = nameOf(conversation, message, attachment.index);
  const known = files.get(name);
  if (known?.state !== "loading") return;
  files.delete(name);
  core().cancel(known.transfer);
}

function forgetOldest(): void {
  const here = [...files].filter(([, file]) => file.state === "here");
  for (const [name, file] of here.slice(0, Math.max(0, here.length - most))) {
    if (file.state === "here") URL.revokeObjectURL(file.url);
    files.delete(name);
  }
}

/** Gives a file to the person. */
export function saveAs(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}
