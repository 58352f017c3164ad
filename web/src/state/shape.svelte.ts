// How wide the window is, in the three shapes that there are.

const narrowQuery = matchMedia("(max-width: 720px)");
const wideQuery = matchMedia("(min-width: 1180px)");

/** `narrow`: one column, list and conversation are two pages. `wide`: the details have a column of their own. */
export const shape: { narrow: boolean; wide: boolean } = $state({ narrow: narrowQuery.matches, wide: wideQuery.matches });

narrowQuery.addEventListener("change", () => (shape.narrow = narrowQuery.matches));
wideQuery.addEventListener("change", () => (shape.wide = wideQuery.matches));
