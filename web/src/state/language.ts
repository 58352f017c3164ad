// The language of the page.
import { choose, speak } from "../i18n";
import { closeAll } from "./layers.svelte";
import { keep, preferences } from "./preferences.svelte";

let changed: () => void = () => {};

/** What is done when another language is spoken. */
export function onLanguage(then: () => void): void {
  changed = then;
}

/** Speaks the language that the person has chosen, else that of the browser. */
export function speakFirst(): Promise<void> {
  return speak(choose(preferences.language === null ? navigator.languages : [preferences.language]));
}

/** Another language, for good. */
export async function changeLanguage(code: string): Promise<void> {
  keep({ language: code });
  await speak(code);
  closeAll();
  changed();
}
