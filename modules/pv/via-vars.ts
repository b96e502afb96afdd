import { type PvDef, type PvValue, type Run, type SipMsg, type Via, vias } from 'strowger';
import { unknownKey } from './message.ts';
import type { PvState } from './state.ts';

const PARTS: ReadonlyMap<string, (via: Via) => PvValue> = new Map<string, (via: Via) => PvValue>([
  ['host', (via) => via.host],
  ['port', (via) => via.port || 5060],
  ['proto', (via) => via.transport],
  ['protoid', (via) => via.proto],
  ['branch', (via) => via.param('branch') || null],
  ['rport', (via) => via.param('rport') || null],
  ['received', (via) => via.param('received') || null],
  ['i', (via) => via.param('i') || null],
  [
    'params',
    (via) =>
      via.buf
        .slice(via.paramsStart, via.end)
        .replace(/^[\s;]+/, '')
        .trimEnd() || null,
  ],
  // Overload control, RFC 7339.
  ['oc', (via) => overload(via.param('oc'))],
  ['ocval', (via) => via.param('oc') || null],
  ['ocalgo', (via) => via.param('oc-algo') || null],
  ['ocvalidity', (via) => via.param('oc-validity') || null],
  ['ocseq', (via) => via.param('oc-seq') || null],
]);

/** $via0(…) the topmost Via, $via1(…) the second, $viaZ(…) the last. */
export const VIA_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  via0: viaPv('Part of the topmost Via.', (msg) => msg.via1),
  via1: viaPv('Part of the second Via.', (msg) => msg.via2),
  viaZ: viaPv('Part of the last Via.', lastVia),
};

/** 0 without the parameter, 1 with, 2 with a value. */
function overload(value: string | null): number {
  return value === null ? 0 : value === '' ? 1 : 2;
}

function viaPv(doc: string, find: (msg: SipMsg) => Via | null): PvDef<PvState> {
  return {
    doc: `${doc} Keys: ${[...PARTS.keys()].join(', ')}.`,
    name: 'required',
    bind: (use) => {
      const part = PARTS.get(use.name ?? '');
      if (part === undefined) return unknownKey(use.name, PARTS.keys());
      return {
        get: (run: Run) => {
          const via = find(run.msg);
          return via === null ? null : part(via);
        },
      };
    },
  };
}

function lastVia(msg: SipMsg): Via | null {
  return vias(msg).at(-1) ?? null;
}
