// What lies above the page: dialogs, one above the other, and short messages below.
import type { Component } from "svelte";

export interface Layer {
  readonly id: number;
  readonly component: Component<Record<string, unknown> & { onclose: () => void }>;
  readonly properties: Record<string, unknown>;
}

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly error: boolean;
  readonly action: { label: string; run: () => void } | null;
}

let next = 1;

export const layers: { open: Layer[]; toasts: Toast[] } = $state({ open: [], toasts: [] });

type Module<P> = { default: Component<P & { onclose: () => void }> };

/** Opens a dialog. Its code is loaded when it is needed. */
export async function open<P extends Record<string, unknown>>(
  load: () => Promise<Module<P>>,
  properties: Omit<P, "onclose">,
): Promise<void> {
  const module = await load();
  layers.open.push({
    id: next++,
    component: module.default as unknown as Layer["component"],
    properties: properties as Record<string, unknown>,
  });
}

/** Closes one of them. */
export function close(id: number): void {
  layers.open = layers.open.filter((layer) => layer.id !== id);
}

/** Closes all of them. */
export function closeAll(): void {
  layers.open = [];
}

/** Says something in passing. Errors stay until they are closed. */
export function say(text: string, more: { error?: boolean; action?: Toast["action"] } = {}): void {
  const toast: Toast = { id: next++, text, error: more.error ?? false, action: more.action ?? null };
  layers.toasts = [...layers.toasts.filter((one) => one.text !== text), toast].slice(-3);
  if (!toast.error) setTimeout(() => dismiss(toast.id), toast.action ? 10_000 : 5_000);
}

/** Takes one of them away. */
export function dismiss(id: number): void {
  layers.toasts = layers.toasts.filter((toast) => toast.id !== id);
}
