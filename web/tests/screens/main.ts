// The page for pictures and tests in a browser: the real views with an engine that stands still.
import "../../src/styles";
import { start } from "../../src/start";
import { administration, type Asked } from "../fixtures/administration";
import { StillEngine } from "../fixtures/engine";
import type { RoleName } from "../../src/core/rest";
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
if (wanted.has("person") && engine.session.type === "signedIn") engine.session.administers = false;
if (wanted.has("offline") && engine.session.type === "signedIn") engine.session.connection = { type: "offline" };
const invite = wanted.get("invite");
if (invite !== null) {
  // What the server would say of an invitation: the page asks its own address.
  engine.signedOut();
  history.replaceState(null, "", "/invite/mrqx4kdz7t2v");
  const gone = words === "de" ? "Diese Einladung wurde schon benutzt. Bitte um eine neue." : "This invitation was used already. Ask for another one.";
  const facts = { domain: "brenner.example", inviter: "Anton Lindqvist", name: null, makesAccounts: true, inBand: invite !== "page", ends: "2026-11-30", shortestPassword: 10 };
  window.fetch = () => Promise.resolve(invite === "gone" ? Response.json({ text: gone }, { status: 410 }) : Response.json(facts));
}
if (wanted.has("pinned")) engine.pinned = true;
if (wanted.has("member")) engine.entitled = false;
if (wanted.has("request")) engine.requests = ["kai@partner.example"];
if (wanted.has("rtl")) document.documentElement.dir = "rtl";
const asked: Asked[] = [];
if (location.hash.startsWith("#/administration")) window.fetch = administration(words, (wanted.get("role") ?? "owner") as RoleName, asked);
Object.assign(window, { engine, asked });

// The preferences are read when their module is: it must not be loaded before they are set.
const { preferences } = await import("../../src/state/preferences.svelte");
Object.assign(preferences, JSON.parse(localStorage.getItem("hauspost.preferences")!));
await start(engine);
if (wanted.has("rtl")) document.documentElement.dir = "rtl";
