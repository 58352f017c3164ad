// The page begins here: words first, then the engine, then what is to be seen.
import "./styles";
import { start } from "./start";
import { open } from "./core/core";
import { scriptAddress } from "./core/trusted";

void start(open());

// Built pages start without a network, too.
if (import.meta.env.PROD) void navigator.serviceWorker?.register(scriptAddress("/service-worker.js"));
