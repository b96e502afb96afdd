import type { DestAttrs } from './destination.ts';
import type { OverloadBounds } from './overload.ts';

/** Reads `name=value;name="value"` into the attributes that mean something. Remarks are for the log. */
export function readAttributes(body: string): { readonly attrs: DestAttrs; readonly remarks: readonly string[] } {
  const values = new Map<string, string>();
  for (const [name, value] of splitAttributes(body)) values.set(name.toLowerCase(), value);
  const remarks: string[] = [];
  const text = (name: string): string => values.get(name) ?? '';
  const int = (name: string): number => {
    const value = text(name);
    if (value === '' || /^[-+]?\d{1,9}$/.test(value)) return Number(value);
    remarks.push(`${name}=${value} is no number`);
    return 0;
  };
  const percent = (name: string): number => {
    if (!values.has(name)) return 0;
    const value = int(name);
    if (value >= 1 && value <= 100) return value;
    remarks.push(`${name}=${text(name)} is not 1-100, so it does not count`);
    return 0;
  };
  const attrs: DestAttrs = {
    body,
    duid: text('duid'),
    maxLoad: int('maxload'),
    weight: percent('weight'),
    rweight: percent('rweight'),
    socket: text('socket'),
    sockname: text('sockname'),
    pingSocket: text('ping_socket'),
    pingFrom: text('ping_from'),
    obproxy: text('obproxy'),
    hasCongestionControl: int('cc') !== 0,
    latencyMs: Math.max(0, int('latency')),
    overload: bounds(int('ocmin'), values.has('ocmax') ? int('ocmax') : 100),
  };
  return { attrs, remarks };
}

/** Of a rate, percent; what can not be one bounds nothing. */
function bounds(min: number, max: number): OverloadBounds {
  const most = max >= 1 && max <= 100 ? max : 100;
  return { min: min >= 0 && min <= most ? min : 0, max: most };
}

/** The pairs of `a=1;b="x;y";c`, in order. */
export function splitAttributes(body: string): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  const pattern = /\s*([^=;\s]+)\s*(?:=\s*(?:"([^"]*)"|([^;]*)))?\s*(?:;|$)/gy;
  for (let match = pattern.exec(body); match !== null && match[0] !== ''; match = pattern.exec(body))
    pairs.push([match[1] ?? '', match[2] ?? (match[3] ?? '').trim()]);
  return pairs;
}
