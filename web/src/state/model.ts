// The types that the core publishes.
export type * from "../core/types";
