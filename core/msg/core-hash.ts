/**
 * Kamailio's core hash (`core_hash`, `get_hash1_raw`) of latin1 text: four bytes at a time, the rest as one short word.
 * Tables that other servers must find by the same number are keyed by it. With a size (a power of two), the low bits
 * under `size - 1`. A second text continues the hash of the first.
 */
export function coreHash(text: string, size = 0, second = ''): number {
  let h = addText(0, text);
  if (second !== '') h = addText(h, second);
  h = (((h + (h >>> 11)) >>> 0) + (h >>> 13) + (h >>> 23)) >>> 0;
  return size > 0 ? (h & (size - 1)) >>> 0 : h;
}

function addText(hash: number, text: string): number {
  let h = hash;
  const whole = text.length - (text.length % 4);
  for (let i = 0; i < whole; i += 4) {
    const v =
      ((text.charCodeAt(i) << 24) +
        (signed(text.charCodeAt(i + 1)) << 16) +
        (signed(text.charCodeAt(i + 2)) << 8) +
        signed(text.charCodeAt(i + 3))) >>>
      0;
    h = (h + (v ^ (v >>> 3))) >>> 0;
  }
  let rest = 0;
  for (let i = whole; i < text.length; i++) rest = ((rest << 8) + signed(text.charCodeAt(i))) >>> 0;
  return (h + ((rest ^ (rest >>> 3)) >>> 0)) >>> 0;
}

/** A byte as C's `char` has it on Kamailio's platforms. */
function signed(byte: number): number {
  return (byte << 24) >> 24;
}
