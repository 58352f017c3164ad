// Pictures of people and rooms, fetched when they are first to be seen.
import { SvelteMap } from "svelte/reactivity";
import { core } from "./core";

const urls = new SvelteMap<string, string | null>();
const asked = new Set<string>();

/** The address of a picture; `null` while it is not here. */
export function pictureUrl(id: string | null | undefined): string | null {
  if (id == null) return null;
  if (!asked.has(id)) {
    asked.add(id);
    core()
      .picture(id)
      .then(
        (url) => urls.set(id, url),
        // It may come later: the next who wants it asks again.
        () => asked.delete(id),
      );
  }
  return urls.get(id) ?? null;
}
