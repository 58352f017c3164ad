// Places something that floats beside what opened it, inside the window.

export type Side = "below" | "above";
export type Align = "start" | "end";

/** Puts `floating` (position: fixed) to `anchor`, and keeps it there until the returned function is called. */
export function place(floating: HTMLElement, anchor: Element, side: Side = "below", align: Align = "start"): () => void {
  const put = () => {
    const gap = 6;
    const edge = 8;
    const to = anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = floating;
    const view = window.visualViewport;
    const right = view?.width ?? window.innerWidth;
    const bottom = view?.height ?? window.innerHeight;
    const below = to.bottom + gap;
    const above = to.top - gap - height;
    let top = side === "below" ? below : above;
    if (side === "below" && below + height > bottom - edge && above >= edge) top = above;
    if (side === "above" && above < edge && below + height <= bottom - edge) top = below;
    const toRight = (align === "start") === (getComputedStyle(anchor).direction === "ltr");
    const left = toRight ? to.left : to.right - width;
    floating.style.setProperty("top", `${Math.max(edge, Math.min(top, bottom - edge - height))}px`);
    floating.style.setProperty("left", `${Math.max(edge, Math.min(left, right - edge - width))}px`);
  };
  put();
  const watch = new ResizeObserver(put);
  watch.observe(floating);
  window.addEventListener("resize", put);
  window.addEventListener("scroll", put, true);
  return () => {
    watch.disconnect();
    window.removeEventListener("resize", put);
    window.removeEventListener("scroll", put, true);
  };
}
