// Consistent colours (XEP-0392): the same name has the same hue in every client.

function sha1(bytes: Uint8Array): Uint8Array {
  const length = ((bytes.length + 8) >> 6) + 1;
  const words = new Uint32Array(length * 16);
  bytes.forEach((byte, at) => (words[at >> 2]! |= byte << (24 - (at & 3) * 8)));
  words[bytes.length >> 2]! |= 0x80 << (24 - (bytes.length & 3) * 8);
  words[words.length - 1] = bytes.length * 8;
  const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by));
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  const schedule = new Int32Array(80);
  for (let block = 0; block < words.length; block += 16) {
    let [a, b, c, d, e] = state as [number, number, number, number, number];
    for (let round = 0; round < 80; round++) {
      schedule[round] =
        round < 16
          ? words[block + round]!
          : rotate(schedule[round - 3]! ^ schedule[round - 8]! ^ schedule[round - 14]! ^ schedule[round - 16]!, 1);
      const [mixed, constant] =
        round < 20
          ? [(b & c) | (~b & d), 0x5a827999]
          : round < 40
            ? [b ^ c ^ d, 0x6ed9eba1]
            : round < 60
              ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc]
              : [b ^ c ^ d, 0xca62c1d6];
      const next = (rotate(a, 5) + mixed + e + constant + schedule[round]!) | 0;
      [e, d, c, b, a] = [d, c, rotate(b, 30), a, next];
    }
    [a, b, c, d, e].forEach((value, at) => (state[at] = (state[at]! + value) | 0));
  }
  return Uint8Array.from(state.flatMap((word) => [24, 16, 8, 0].map((by) => (word >>> by) & 255)));
}

/** The hue of a name, in degrees (XEP-0392 §5.1). */
export function hueOf(name: string): number {
  const hash = sha1(new TextEncoder().encode(name));
  return ((hash[0]! | (hash[1]! << 8)) / 65536) * 360;
}

const known = new Map<string, string>();

/** The colour of a name, for CSS. Lightness and chroma are tokens; white is readable on each. */
export function colorOf(name: string): string {
  let color = known.get(name);
  if (color === undefined) {
    // The hue angle of CIELUV, which XEP-0392 §5.4 counts in, and that of CIELAB are alike enough for a person's eye.
    color = `lch(var(--name-lightness) var(--name-chroma) ${hueOf(name).toFixed(1)})`;
    known.set(name, color);
  }
  return color;
}

const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** One or two letters that stand for a name. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._@-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = (word: string) => [...segments.segment(word)].map((one) => one.segment).find((one) => /[\p{L}\p{N}]/u.test(one)) ?? "";
  const [one, ...others] = words;
  if (one === undefined) return "";
  // "Ada B. Lovelace" is AL, "Umzug Halle 4" is UH.
  const last = others.findLast((word) => /\p{L}/u.test(word));
  if (last !== undefined) return (first(one) + first(last)).toLocaleUpperCase();
  return [...segments.segment(one)]
    .map(({ segment }) => segment)
    .filter((letter) => /[\p{L}\p{N}]/u.test(letter))
    .slice(0, 2)
    .join("")
    .toLocaleUpperCase();
}
