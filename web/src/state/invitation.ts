// Invitations to this house (`/invite/…`), as the server tells of them. The token goes nowhere else.
import { t } from "../i18n";

/** What an invitation says. */
export interface Invited {
  readonly domain: string;
  /** Who invites. */
  readonly inviter: string | null;
  /** The name that it is for. */
  readonly name: string | null;
  readonly makesAccounts: boolean;
  /** The engine makes the account with the login (XEP-0445); else the page of the invitation does. */
  readonly inBand: boolean;
  readonly ends: string;
  readonly shortestPassword: number;
}

/** The token of the invitation that this page was opened with. */
export function tokenOf(path: string): string | null {
  return /^\/invite\/([^/]+)$/.exec(path)?.[1] ?? null;
}

async function fetched(token: string, more: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(`/invite/${token}`, { ...more, headers: { accept: "application/json", ...more.headers }, cache: "no-store" });
  } catch {
    throw refused(t.signUp.unreachable);
  }
  if (answer.ok) return answer;
  const said = (await answer.json().catch(() => null)) as { text?: string } | null;
  throw refused(said?.text ?? t.signUp.unreachable);
}

function refused(text: string): Error {
  return Object.assign(new Error(text), { name: "Refused" });
}

/** What it says. Throws an error with words for the person when it is not open. */
export async function invited(token: string): Promise<Invited> {
  return (await (await fetched(token, {})).json()) as Invited;
}

/** Makes the account where programs may not. Throws an error with words for the person. */
export async function register(token: string, name: string, shown: string, password: string): Promise<void> {
  const body = new URLSearchParams({ name, display_name: shown, password, again: password });
  await fetched(token, { method: "POST", body });
}
