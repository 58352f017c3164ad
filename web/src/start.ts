// Puts the page together.
import { mount, unmount } from "svelte";
import App from "./views/App.svelte";
import type { Core } from "./core/core";
import { use } from "./state/core";
import { onLanguage, speakFirst } from "./state/language";
import { applyTheme } from "./state/preferences.svelte";

/** Draws everything with this engine. */
export async function start(core: Core): Promise<void> {
  use(core);
  applyTheme();
  await speakFirst();
  const target = document.getElementById("app")!;
  let app = mount(App, { target });
  // Another language: all is drawn anew.
  onLanguage(async () => {
    await unmount(app);
    app = mount(App, { target });
  });
}
