import { plain } from "../../ui/richtext";
import type { Message } from "../../state/model";
import { t } from "../../i18n";

/** One line of a message, as it reads. */
export function lineOf(message: Message): string {
  const { body } = message;
  if (body.type === "removed") return t.list.removed;
  if (body.type !== "text") return t.list.unreadable;
  return plain(body.blocks.slice(0, 3)).slice(0, 300).trim() || (body.attachments[0]?.name ?? t.list.noText);
}
