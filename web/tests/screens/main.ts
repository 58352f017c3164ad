// The page for pictures and tests in a browser: the real views with an engine that stands still.
import "../../src/styles";
import { start } from "../../src/start";
import { StillEngine } from "../fixtures/engine";
import type { Words } from "../fixtures/house";

const wanted = new URLSearchParams(location.search);
const words = (wanted.get("words") ?? "en") as Words;
localStorage.setItem(
  "hauspost.preferences",
  JSON.stringify({ theme: wanted.get("theme") ?? "light", language: words, detailsOpen: wanted.has("details") && innerWidth > 1180 }),
);
const engine = new StillEngine(words);
if (wanted.has("signedOut")) engine.signedOut();
if (wanted.has("long")) engine.long = Number(wanted.get("long"));
if (wanted.has("empty")) engine.rows = [];
if (wanted.has("offline") && engine.session.type === "signedIn") engine.session.connection = { type: "offline" };
if (wanted.has("member")) engine.entitled = false;
if (wanted.has("request")) engine.requests = ["kai@partner.example"];
if (wanted.has("rtl")) document.documentElement.dir = "rtl";
Object.assign(window, { engine });

// The preferences are read when their module is: it must not be loaded before they are set.
const { preferences } = await import("../../src/state/preferences.svelte");
Object.assign(preferences, JSON.parse(localStorage.getItem("hauspost.preferences")!));
await start(engine);
if (wanted.has("rtl")) document.documentElement.dir = "rtl";
