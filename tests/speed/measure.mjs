// Runs the program `speed` as WebAssembly and prints what it costs: node tests/speed/measure.mjs PATH/TO/speed.wasm
import { readFileSync } from 'node:fs';

const kinds = [
  'encrypting for 300 devices',
  'encrypting for 300 devices, sessions started with it',
  'list of 1,000 conversations from storage',
  'catch-up of 10,000 archived encrypted messages',
];
const path = process.argv[2] ?? 'target/wasm32-unknown-unknown/release/speed.wasm';
const { instance } = await WebAssembly.instantiate(readFileSync(path), {});
const times = kinds.map(() => []);
for (;;) {
  const began = performance.now();
  const done = instance.exports.main(0, 0);
  const took = performance.now() - began;
  if (done === 0) break;
  if (done >= 2) times[done - 2].push(took);
}
kinds.forEach((kind, at) => {
  const sorted = times[at].sort((one, other) => one - other);
  const show = (index) => sorted[index].toFixed(2);
  console.log(`${kind}: ${show(0)} / ${show(sorted.length >> 1)} / ${show(sorted.length - 1)} ms`);
});
