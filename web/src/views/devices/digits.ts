// The digits that two devices compare.

/** The digits of a fingerprint, in their groups; without one there are none. */
export function groupsOf(fingerprint: string | null): string[] {
  return fingerprint?.split(/\s+/).filter((group) => group !== "") ?? [];
}
