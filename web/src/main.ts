// The page begins here: words first, then the engine, then what is to be seen.
import "./styles";
import { start } from "./start";
import { open } from "./core/core";

void start(open());
