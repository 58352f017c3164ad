// How much of a text is shown at once: whatever somebody sends, drawing it stays cheap.
import type { Block, Span } from "../state/model";

/** Most characters that are shown before "Show all". */
export const MOST_CHARACTERS = 4_000;
/** Most lines and spans that are shown before "Show all". */
export const MOST_NODES = 400;

interface Budget {
  characters: number;
  nodes: number;
  cut: boolean;
}

/** The beginning of a text that is no larger than that, and whether something is left out. */
export function cut(blocks: readonly Block[], characters = MOST_CHARACTERS, nodes = MOST_NODES): { blocks: Block[]; cut: boolean } {
  const budget: Budget = { characters, nodes, cut: false };
  return { blocks: cutBlocks(blocks, budget), cut: budget.cut };
}

function cutBlocks(blocks: readonly Block[], budget: Budget): Block[] {
  const out: Block[] = [];
  for (const block of blocks) {
    if (--budget.nodes < 0 || budget.characters <= 0) {
      budget.cut = true;
      break;
    }
    if (block.type === "line") out.push({ ...block, spans: cutSpans(block.spans, budget) });
    else if (block.type === "quote") out.push({ ...block, blocks: cutBlocks(block.blocks, budget) });
    else out.push({ ...block, text: cutText(block.text, budget) });
  }
  return out;
}

function cutSpans(spans: readonly Span[], budget: Budget): Span[] {
  const out: Span[] = [];
  for (const span of spans) {
    if (--budget.nodes < 0 || budget.characters <= 0) {
      budget.cut = true;
      break;
    }
    if ("spans" in span) out.push({ ...span, spans: cutSpans(span.spans, budget) });
    else if (span.type === "text" || span.type === "code") out.push({ ...span, text: cutText(span.text, budget) });
    else {
      budget.characters -= span.text.length;
      out.push(span);
    }
  }
  return out;
}

function cutText(text: string, budget: Budget): string {
  if (text.length <= budget.characters) {
    budget.characters -= text.length;
    return text;
  }
  budget.cut = true;
  let end = budget.characters;
  budget.characters = 0;
  // Not through the middle of a pair.
  if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) end--;
  return `${text.slice(0, end)}…`;
}

/** How many emoji it consists of, if of nothing else; such messages are shown large. */
export function onlyEmoji(blocks: readonly Block[]): number {
  let count = 0;
  for (const block of blocks) {
    if (block.type !== "line") return 0;
    for (const span of block.spans) {
      if (span.type === "emoji") count++;
      else if (span.type !== "text" || span.text.trim() !== "") return 0;
      if (count > 12) return 0;
    }
  }
  return count;
}

/** The words without marks. */
export function plain(blocks: readonly Block[]): string {
  return blocks.map((block) => (block.type === "line" ? spansText(block.spans) : block.type === "pre" ? block.text : plain(block.blocks))).join("\n");
}

function spansText(spans: readonly Span[]): string {
  return spans.map((span) => ("spans" in span ? spansText(span.spans) : span.text)).join("");
}
