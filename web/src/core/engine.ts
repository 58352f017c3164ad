// The border itself: what `cargo xtask web` makes of crates/client-wasm, loaded when it is needed.
import type * as Generated from './border';
import type { Failure } from './types';

export type Engine = Generated.Engine;
type Module = typeof Generated;

const modules = import.meta.glob<Module>('./generated/engine.js');
const binaries = import.meta.glob<string>('./generated/engine_bg.wasm', { query: '?url', import: 'default' });

let loading: Promise<Module> | undefined;

/** The engine's code; it is fetched once. */
export function load(): Promise<Module> {
  loading ??= (async () => {
    const module = modules['./generated/engine.js'];
    const binary = binaries['./generated/engine_bg.wasm'];
    if (!module || !binary) {
      throw failure('protocol', 'The engine is not part of this build: run `cargo xtask web`.');
    }
    const [engine, address] = await Promise.all([module(), binary()]);
    await engine.default({ module_or_path: new URL(address, location.origin) });
    return engine;
  })();
  return loading;
}

/** What is thrown on this side of the border. */
export class Failed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.text);
    this.failure = failure;
  }
}

export function failure(kind: Failure['kind'], text: string): Failed {
  return new Failed({ kind, text });
}

/** What was thrown, as a failure: the engine throws failures as JSON. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failed) return error.failure;
  if (typeof error === 'string') {
    try {
      return JSON.parse(error) as Failure;
    } catch {
      return { kind: 'protocol', text: error };
    }
  }
  const text = error instanceof Error ? error.message : String(error);
  return { kind: 'protocol', text };
}
