/** q of contacts and of Accept values (RFC 3261 §25.1 qvalue), in thousandths: 0 … 1000. */

/** -1 for a text that is no q value. Digits past the third are cut off, as are those a sender may not write. */
export function parseQ(text: string): number {
  const match = /^(?:(0|1)(?:\.(\d{0,9}))?|\.(\d{1,9}))$/.exec(text);
  if (match === null) return -1;
  const fraction = Number((match[2] ?? match[3] ?? '').padEnd(3, '0').slice(0, 3));
  if (match[1] === '1') return fraction === 0 ? 1000 : -1;
  return fraction;
}

/** `0.5`, `1`, `0`: the shortest text of a q value. */
export function formatQ(thousandths: number): string {
  if (thousandths >= 1000) return '1';
  if (thousandths <= 0) return '0';
  return `0.${String(thousandths).padStart(3, '0').replace(/0+$/, '')}`;
}
