// Notifications of the browser, the count on the icon, and what screen readers hear, when something new has come. What they say
// is what this device has decrypted; it goes to nobody but the browser.
import { announce } from "./announcer.svelte";
import { composerOf } from "./composer.svelte";
import { act, core } from "./core";
import { say } from "./layers.svelte";
import type { Event } from "./model";
import { preferences } from "./preferences.svelte";
import { router } from "./router.svelte";
import { t } from "../i18n";

/** What the service worker says when somebody has clicked. */
export interface Clicked {
  readonly type: "open" | "reply";
  readonly conversation: string;
  readonly message: string;
  /** An answer that was written in the notification. */
  readonly text: string;
}

/** Held by every page that somebody looks at, so that the others know. */
const LOOKING = "hauspost looking";

/** Whether the browser shows notifications for us. */
export function allowed(): boolean {
  return "Notification" in window && Notification.permission === "granted";
}

/** Asks the person; gives whether they allow it. */
export async function ask(): Promise<boolean> {
  if (!("Notification" in window)) return false;
  return (await Notification.requestPermission()) === "granted";
}

const looking = (): boolean => document.visibilityState === "visible" && document.hasFocus();

/** Whether somebody looks at another one of our pages. */
async function lookedAt(): Promise<boolean> {
  const { held } = await navigator.locks.query();
  return held?.some((lock) => lock.name === LOOKING) ?? false;
}

/** Holds the lock while somebody looks at this page. Returns how to end that. */
function tellLooking(): () => void {
  let release: (() => void) | null = null;
  const look = () => {
    if (looking() === (release !== null)) return;
    release?.();
    release = null;
    if (!looking()) return;
    // By the time that it is ours nobody may look any more.
    let over = false;
    let end = () => {};
    release = () => {
      over = true;
      end();
    };
    void navigator.locks.request(LOOKING, { mode: "shared" }, () => (over ? undefined : new Promise<void>((resolve) => (end = resolve))));
  };
  look();
  addEventListener("focus", look);
  addEventListener("blur", look);
  document.addEventListener("visibilitychange", look);
  return () => {
    removeEventListener("focus", look);
    removeEventListener("blur", look);
    document.removeEventListener("visibilitychange", look);
    release?.();
  };
}

async function show(event: Extract<Event, { type: "message" }>, from: string): Promise<void> {
  if (!preferences.notify || !allowed() || (await lookedAt())) return;
  const content = preferences.notifyContent;
  const { conversation, message } = event;
  const title = content ? from : t.app.name;
  // Browsers that can take an answer right there know the type `text`; the others show a button that leads to the composer.
  const reply = { action: "reply", type: "text", title: t.timeline.reply, placeholder: t.composer.placeholder(event.title) };
  const options: NotificationOptions & { actions?: unknown[] } = {
    body: content ? event.text || t.list.noText : t.list.unreadCount(1),
    tag: conversation,
    silent: !preferences.sound,
    icon: "/icon-192.png",
    data: { conversation, message },
  };
  const registration = await navigator.serviceWorker?.getRegistration();
  if (registration?.active) return registration.showNotification(title, { ...options, actions: [reply] } as NotificationOptions);
  const notification = new Notification(title, options);
  notification.onclick = () => {
    window.focus();
    clicked({ type: "open", conversation, message, text: "" });
    notification.close();
  };
}

function clicked({ type, conversation, message, text }: Clicked): void {
  if (type === "reply" && text.trim() !== "") {
    void act({ type: "send", conversation, draft: { text, mentions: [], reply: null } });
    return;
  }
  router.open(conversation, message || null);
  composerOf(conversation).wanted++;
}

/** How many conversations wait, on the icon of the installed app. */
export function badge(count: number): void {
  if (!("setAppBadge" in navigator)) return;
  void (count > 0 ? navigator.setAppBadge(count) : navigator.clearAppBadge()).catch(() => {});
}

/** Takes away what was shown of a conversation: it is open now. */
export async function seen(conversation: string): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const notification of (await registration?.getNotifications({ tag: conversation })) ?? []) notification.close();
}

/** The person wanted to be reminded of a message about now. */
function remind(event: Extract<Event, { type: "reminder" }>): void {
  const open = () => router.open(event.conversation, event.message);
  const words = t.notice.reminder(event.text);
  say(`${event.title}: ${words}`, { action: { label: t.notice.show, run: open } });
  if (looking() || !preferences.notify || !allowed()) return;
  const content = preferences.notifyContent;
  const notification = new Notification(content ? event.title : t.app.name, {
    body: content ? words : t.timeline.remind,
    tag: `reminder ${event.message}`,
    silent: !preferences.sound,
    icon: "/icon-192.png",
  });
  notification.onclick = () => {
    window.focus();
    open();
    notification.close();
  };
}

/** Follows the engine until the returned function is called. */
export function follow(): () => void {
  const heard = ({ data }: MessageEvent<Clicked>) => {
    if (data?.type === "open" || data?.type === "reply") clicked(data);
  };
  navigator.serviceWorker?.addEventListener("message", heard);
  navigator.serviceWorker?.startMessages();
  const ends = [
    tellLooking(),
    core().onEvent((event) => {
      if (event.type === "reminder") return remind(event);
      if (event.type !== "message" || !event.notify) return;
      const from = event.sender === "" ? event.title : `${event.sender}, ${event.title}`;
      const words = event.text || t.list.noText;
      if (!looking()) return void show(event, from).catch(() => {});
      announce(router.conversation === event.conversation ? `${event.sender || event.title}: ${words}` : t.timeline.newFrom(from));
    }),
    () => navigator.serviceWorker?.removeEventListener("message", heard),
  ];
  return () => ends.forEach((end) => end());
}
