// The worker: it holds the engine, and does for it what only a browser can do.
import type { Answer, Asked } from './wire';

const text = 'The engine is not part of this build: run cargo xtask web.';

self.onmessage = ({ data }: MessageEvent<Asked>) => {
  const failed: Answer = { type: 'failed', id: data.id, failure: { kind: 'protocol', text } };
  self.postMessage(failed);
};
