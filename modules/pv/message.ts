import { applyLumps, type PvDef, type PvValue, readOnly, type SipMsg } from 'strowger';
import type { PvState } from './state.ts';

/** The message as a whole: buffer, body, kind, reply code. */
export const MESSAGE_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  mi: readOnly('Number of the message in this process.', (run) => run.msg.id),
  mb: readOnly('The message as received.', (run) => run.msg.buf),
  mbu: readOnly('The message with all changes applied.', (run) => updatedBuffer(run.msg)),
  ml: readOnly('Length of the message.', (run) => run.msg.buf.length),
  mt: readOnly('1 for a request, 2 for a reply.', (run) => (run.msg.isRequest ? 1 : 2)),
  mts: readOnly('rq for a request, rp for a reply.', (run) => (run.msg.isRequest ? 'rq' : 'rp')),
  rb: readOnly('Body.', (run) => run.msg.body),
  bs: readOnly('Length of the body.', (run) => run.msg.buf.length - run.msg.bodyStart),
  rs: readOnly('Status code of a reply.', (run) => (run.msg.isRequest ? null : run.msg.status)),
  rsi: readOnly('Status code of a reply, 0 on a request.', (run) => run.msg.status),
  rr: readOnly('Reason phrase of a reply.', (run) => (run.msg.isRequest ? null : run.msg.reason)),
  rv: readOnly('SIP version.', (run) => sipVersion(run.msg)),
  ruid: readOnly('Unique id of the location record the Request-URI came from.', (run) => run.msg.ruid || null),
  location_ua: readOnly(
    'User-Agent of the location record the Request-URI came from.',
    (run) => run.msg.locationUa || null,
  ),
  msg: {
    doc: 'Part of the message: len, buf, body, body_len, hdrs (headers as received) or fpart (first line and headers), lpart (what follows).',
    name: 'required',
    bind: (use) => {
      const part = MESSAGE_PARTS.get(use.name ?? '');
      return part === undefined ? unknownKey(use.name, MESSAGE_PARTS.keys()) : { get: (run) => part(run.msg) };
    },
  },
};

const MESSAGE_PARTS: ReadonlyMap<string, (msg: SipMsg) => PvValue> = new Map([
  ['len', (msg) => msg.buf.length],
  ['buf', (msg) => msg.buf],
  ['body', (msg) => (msg.body === '' ? null : msg.body)],
  ['body_len', (msg) => msg.buf.length - msg.bodyStart],
  ['hdrs', (msg) => msg.buf.slice(msg.firstLineEnd, msg.headersEnd)],
  ['fpart', (msg) => msg.buf.slice(0, msg.bodyStart)],
  ['lpart', (msg) => msg.buf.slice(msg.firstLineEnd)],
] satisfies [string, (msg: SipMsg) => PvValue][]);

/** The text of an error for a key that a class does not have. */
export function unknownKey(name: string | null, keys: Iterable<string>): string {
  return `unknown key '${name ?? ''}': it is one of ${[...keys].join(', ')}`;
}

function updatedBuffer(msg: SipMsg): string {
  const context = { outgoing: msg.rcv.socket, incoming: msg.rcv.socket };
  const lumps = msg.lumpList?.items ?? [];
  if (!msg.isRequest || msg.newUri === null) return applyLumps(msg.buf, 0, msg.buf.length, lumps, context);
  return msg.buf.slice(0, msg.uriStart) + msg.newUri + applyLumps(msg.buf, msg.uriEnd, msg.buf.length, lumps, context);
}

function sipVersion(msg: SipMsg): PvValue {
  if (!msg.isRequest) return msg.buf.slice(0, 7);
  return msg.buf.slice(msg.uriEnd + 1, msg.uriEnd + 8);
}
