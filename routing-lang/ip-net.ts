/** Addresses and networks as old-style comparisons have them: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `[::1]`, a host name. */

/** A test for one operand. What is no address and no network compares as text, without regard to case. */
export function addressTest(operand: string): (address: string) => boolean {
  const slash = operand.indexOf('/');
  const host = bare(slash < 0 ? operand : operand.slice(0, slash));
  const net = addressBytes(host);
  if (net === null) return (address) => address.toLowerCase() === host.toLowerCase();
  const mask = slash < 0 ? null : maskBytes(operand.slice(slash + 1), net.length);
  if (slash >= 0 && mask === null) return () => false;
  return (address) => {
    const bytes = addressBytes(bare(address));
    if (bytes === null || bytes.length !== net.length) return false;
    return bytes.every((byte, i) => ((byte ^ (net[i] ?? 0)) & (mask?.[i] ?? 255)) === 0);
  };
}

function bare(text: string): string {
  return text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
}

function maskBytes(text: string, length: number): number[] | null {
  if (!/^\d{1,3}$/.test(text)) {
    const mask = addressBytes(bare(text));
    return mask?.length === length ? mask : null;
  }
  const bits = Number(text);
  if (bits > length * 8) return null;
  return Array.from({ length }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 255);
}

/** 4 or 16 bytes; null for what is no address. */
export function addressBytes(text: string): number[] | null {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) {
    const bytes = text.split('.').map(Number);
    return bytes.every((byte) => byte < 256) ? bytes : null;
  }
  if (!text.includes(':') || text.length > 45) return null;
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return null;
  const first = groupBytes(head);
  const last = tail === undefined ? [] : groupBytes(tail);
  if (first === null || last === null) return null;
  const gap = 16 - first.length - last.length;
  if (tail === undefined ? gap !== 0 : gap < 2) return null;
  return [...first, ...Array<number>(gap).fill(0), ...last];
}

/** `1:2:3` or `ffff:10.0.0.1` as bytes. */
function groupBytes(text: string): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  for (const part of text.split(':')) {
    if (part.includes('.')) {
      const v4 = addressBytes(part);
      if (v4 === null) return null;
      bytes.push(...v4);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const group = Number.parseInt(part, 16);
      bytes.push(group >> 8, group & 255);
    } else return null;
  }
  return bytes.length > 16 ? null : bytes;
}
