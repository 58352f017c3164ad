// Notifications of the browser, and what screen readers hear, when something new has come.
import { announce } from "./announcer.svelte";
import { core } from "./core";
import { preferences } from "./preferences.svelte";
import { router } from "./router.svelte";
import { t } from "../i18n";

/** Whether the browser shows notifications for us. */
export function allowed(): boolean {
  return "Notification" in window && Notification.permission === "granted";
}

/** Asks the person; gives whether they allow it. */
export async function ask(): Promise<boolean> {
  if (!("Notification" in window)) return false;
  return (await Notification.requestPermission()) === "granted";
}

/** Follows the engine until the returned function is called. */
export function follow(): () => void {
  return core().onEvent((event) => {
    if (event.type !== "message" || !event.notify) return;
    const from = event.sender === "" ? event.title : `${event.sender}, ${event.title}`;
    const looking = document.visibilityState === "visible" && document.hasFocus();
    if (looking) {
      announce(router.conversation === event.conversation ? `${event.sender || event.title}: ${event.text}` : t.timeline.newFrom(from));
      return;
    }
    if (!preferences.notify || !allowed()) return;
    const shown = preferences.notifyContent;
    const notification = new Notification(shown ? from : t.app.name, {
      body: shown ? event.text : t.list.unreadCount(1),
      tag: event.conversation,
      silent: !preferences.sound,
    });
    notification.onclick = () => {
      window.focus();
      router.open(event.conversation, event.message);
      notification.close();
    };
  });
}
