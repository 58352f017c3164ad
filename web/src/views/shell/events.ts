// Lines that come by themselves and go again.
import { core } from "../../state/core";
import { linkFound } from "../../state/composer.svelte";
import { say } from "../../state/layers.svelte";
import { openSettings } from "../../actions/general";
import { t } from "../../i18n";

/** Follows the engine until the returned function is called. */
export function follow(): () => void {
  return core().onEvent((event) => {
    if (event.type === "refused") say(event.text, { error: true });
    else if (event.type === "preview") linkFound(event.link, event.preview);
    else if (event.type === "newOwnDevice")
      say(t.notice.ownDevice, { error: true, action: { label: t.notice.look, run: () => openSettings("devices") } });
  });
}
