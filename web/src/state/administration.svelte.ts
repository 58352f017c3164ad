// The REST interface of the house, for those with a role in it. Access to it is asked for over the connection that the
// engine has: nothing is typed a second time, and nothing is kept.
import { ask, NotDone } from "./asking";
import type { Me, Problem } from "../core/rest";
import { language, t } from "../i18n";

/** Time before its end at which access is asked for anew, in milliseconds. */
const MARGIN = 60_000;

let access: { token: string; ends: number } | null = null;

/** Who we are to the house; `null` until it has said so. */
export const visitor: { me: Me | null } = $state({ me: null });

/** Whether the person may do this now, by the names of `docs/roles.md`. */
export function may(right: string): boolean {
  return visitor.me?.scopes.includes(right) ?? false;
}

async function token(): Promise<string> {
  if (access === null || access.ends - MARGIN < Date.now()) {
    const answer = await ask({ ask: "administration" }, "administration");
    access = { token: answer.token, ends: answer.expires };
  }
  return access.token;
}

async function exchanged(method: string, path: string, body: unknown, tag: string | null): Promise<Response> {
  const headers = new Headers({ authorization: `Bearer ${await token()}`, "accept-language": language });
  if (body !== undefined) headers.set("content-type", "application/json");
  if (tag !== null) headers.set("if-match", tag);
  const request: RequestInit = { method, headers, cache: "no-store", credentials: "omit" };
  if (body !== undefined) request.body = JSON.stringify(body);
  try {
    return await fetch(`/api/v1/${path}`, request);
  } catch {
    throw new NotDone(t.refused.noAnswer, 0, "");
  }
}

/**
 * Asks the REST interface. `path` stands behind `/api/v1/`, its parts already escaped; `tag` is what `tagged` gave, so that
 * what somebody else has changed meanwhile is not overwritten. Throws `NotDone`, or what `reasonOf` has words for.
 */
export async function rest<T>(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, tag: string | null = null): Promise<T> {
  return (await tagged<T>(method, path, body, tag)).value;
}

/** The same, with the mark of what was read. */
export async function tagged<T>(method: string, path: string, body?: unknown, tag: string | null = null): Promise<{ value: T; tag: string | null }> {
  let answer = await exchanged(method, path, body, tag);
  if (answer.status === 401) {
    // The server was started anew, or the connection was.
    access = null;
    answer = await exchanged(method, path, body, tag);
  }
  if (!answer.ok) {
    const problem = (await answer.json().catch(() => null)) as Problem | null;
    throw new NotDone(problem?.detail ?? problem?.title ?? t.refused.unavailable, answer.status, problem?.type.split(":").at(-1) ?? "");
  }
  const value = answer.status === 204 ? undefined : await answer.json();
  return { value: value as T, tag: answer.headers.get("etag") };
}

/** A file of the REST interface. Throws as `rest` does. */
export async function exported(path: string): Promise<Blob> {
  const answer = await exchanged("GET", path, undefined, null);
  if (!answer.ok) throw new NotDone(t.refused.unavailable, answer.status, "");
  return answer.blob();
}

/** A path of these parts and this query, what is `null` or empty left out. */
export function path(parts: readonly string[], query: Readonly<Record<string, string | number | boolean | null>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== null && value !== "") search.set(name, String(value));
  const text = search.toString();
  return parts.map(encodeURIComponent).join("/") + (text === "" ? "" : `?${text}`);
}

/** Learns who we are to the house. */
export async function enter(): Promise<void> {
  visitor.me = await rest<Me>("GET", "me");
}

/** Somebody else may sit here next. */
export function forget(): void {
  access = null;
  visitor.me = null;
}
