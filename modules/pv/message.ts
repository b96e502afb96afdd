import { currentText, type PvDef, type PvValue, readOnly, type SipMsg } from 'strowger';
import type { PvState } from './state.ts';

/** The message as a whole: buffer, body, kind, reply code. */
export const MESSAGE_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  mi: readOnly('Number of the message in this process.', (run) => run.msg.id),
  mb: readOnly('The message as received.', (run) => run.msg.buf),
  mbu: readOnly('The message with all changes applied.', (run) => currentText(run.msg)),
  ml: readOnly('Length of the message.', (run) => run.msg.buf.length),
  mt: readOnly('1 for a request, 2 for a reply.', (run) => (run.msg.isRequest ? 1 : 2)),
  mts: readOnly('rq for a request, rp for a reply.', (run) => (run.msg.isRequest ? 'rq' : 'rp')),
  rb: readOnly('Body.', (run) => run.msg.body),
  bs: readOnly('Length of the body.', (run) => run.msg.buf.length - run.msg.bodyStart),
  rs: readOnly('Status code of a reply.', (run) => (run.msg.isRequest ? null : run.msg.status)),
  rsi: readOnly('Status code of a reply, 0 on a request.', (run) => run.msg.status),
  rr: readOnly('Reason phrase of a reply.', (run) => (run.msg.isRequest ? null : run.msg.reason)),
  rv: readOnly('SIP version.', (run) => run.msg.version),
  ruid: readOnly('Unique id of the location record the Request-URI came from.', (run) => run.msg.ruid || null),
  location_ua: readOnly(
    'User-Agent of the location record the Request-URI came from.',
    (run) => run.msg.locationUa || null,
  ),
  msg: {
    doc: 'Part of the message: len, buf, fline, hdrs, hdrs_len, fpart (first line and headers), lpart (all but the first line), body, body_len.',
    name: 'required',
    bind: (use) => {
      const part = MESSAGE_PARTS.get(use.name ?? '');
      return part === undefined ? unknownKey(use.name, MESSAGE_PARTS.keys()) : { get: (run) => part(run.msg) };
    },
  },
};

const MESSAGE_PARTS: ReadonlyMap<string, (msg: SipMsg) => PvValue> = new Map<string, (msg: SipMsg) => PvValue>([
  ['len', (msg) => msg.buf.length],
  ['buf', (msg) => msg.buf],
  ['body', (msg) => (msg.body === '' ? null : msg.body)],
  ['body_len', (msg) => msg.buf.length - msg.bodyStart],
  ['fline', (msg) => msg.buf.slice(0, msg.firstLineEnd).trimEnd()],
  ['hdrs', headersText],
  ['hdrs_len', (msg) => headersText(msg).length],
  ['fpart', (msg) => msg.buf.slice(0, msg.headersEnd).trimEnd()],
  ['lpart', (msg) => msg.buf.slice(msg.firstLineEnd)],
]);

/** All header rows, without the last line end. */
function headersText(msg: SipMsg): string {
  return msg.buf.slice(msg.firstLineEnd, msg.headersEnd).trimEnd();
}

/** The text of an error for a key that a class does not have. */
export function unknownKey(name: string | null, keys: Iterable<string>): string {
  return `unknown key '${name ?? ''}': it is one of ${[...keys].join(', ')}`;
}
