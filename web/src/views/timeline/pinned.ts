import type { Message } from "../../state/model";
import { t } from "../../i18n";

/** One line of a message. */
export function lineOf(message: Message): string {
  const { body } = message;
  if (body.type !== "text") return t.list.unreadable;
  return body.source.split(/\s+/).slice(0, 60).join(" ") || t.list.noText;
}
