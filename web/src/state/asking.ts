// Asking the server, and its answers in words.
import { core, wordsOf } from "./core";
import type { Answer, Question } from "./model";
import { t } from "../i18n";

/** Asks, and gives what was answered. Throws what `reasonOf` has words for. */
export async function ask<A extends Answer["answer"]>(question: Question, answer: A): Promise<Extract<Answer, { answer: A }>> {
  const came = await core().ask(question);
  if (came.answer !== answer) throw new Error(`answered ${came.answer}`);
  return came as Extract<Answer, { answer: A }>;
}

/** The REST interface has not done it. `message` says why and what to do; `kind` is the end of the problem's type, `status` that of HTTP. */
export class NotDone extends Error {
  constructor(
    text: string,
    readonly status: number,
    readonly kind: string,
  ) {
    super(text);
    this.name = "NotDone";
  }
}

/** Why something was refused: what happened, and what to do. */
export function reasonOf(error: unknown): string {
  if (error instanceof NotDone) return error.message;
  if (!(error instanceof Error) || !("condition" in error)) return wordsOf(error);
  switch (error.condition) {
    case null:
      return t.refused.noAnswer;
    case "forbidden":
    case "registration-required":
    case "not-authorized":
      return t.refused.forbidden;
    case "not-allowed":
      return t.refused.notAllowed;
    case "conflict":
      return t.refused.conflict;
    case "item-not-found":
    case "gone":
      return t.refused.notFound;
    case "resource-constraint":
    case "policy-violation":
      return t.refused.tooMuch;
    case "service-unavailable":
    case "feature-not-implemented":
    case "remote-server-not-found":
    case "remote-server-timeout":
      return t.refused.unavailable;
    case "bad-request":
    case "jid-malformed":
      return t.refused.notAcceptable;
    default:
      // Words of the server itself, such as what it does not take in a form.
      return error.message === "" ? t.refused.notAcceptable : t.refused.other(error.message);
  }
}
