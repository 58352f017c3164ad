// Builds and serves the pages of the tests, once for all files of them.
import type { TestProject } from "vitest/node";
// @ts-expect-error: plain JavaScript, shared with the pictures.
import { serve } from "../screens/browser.js";

declare module "vitest" {
  interface ProvidedContext {
    address: string;
  }
}

export default async function served(project: TestProject): Promise<() => Promise<void>> {
  const { address, end } = (await serve()) as { address: string; end: () => Promise<void> };
  project.provide("address", address);
  return end;
}
