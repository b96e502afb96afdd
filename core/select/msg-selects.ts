import { findParam } from '../parser/params.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import { addressReader } from './address-selects.ts';
import { firstNameAddrIn } from './header-address.ts';
import { isLeaf, noSuchPart, paramName, type SelectDef, type SelectGetter, type SelectPart } from './select.ts';

const MSG_PARTS: ReadonlyMap<string, (msg: SipMsg) => string> = new Map<string, (msg: SipMsg) => string>([
  ['first_line', (msg) => msg.buf.slice(0, msg.firstLineEnd).trimEnd()],
  ['type', (msg) => (msg.isRequest ? '1' : '2')],
  ['len', (msg) => String(msg.buf.length)],
  ['id', (msg) => String(msg.id)],
  ['flags', (msg) => String(msg.flags >>> 0)],
  ['body', (msg) => msg.body],
  ['header', (msg) => msg.buf.slice(msg.firstLineEnd, msg.bodyStart)],
]);

const REQUEST_PARTS: ReadonlyMap<string, (msg: SipMsg) => string> = new Map<string, (msg: SipMsg) => string>([
  ['method', (msg) => msg.methodName],
  ['uri', (msg) => msg.uri],
  ['version', (msg) => msg.version],
]);

const RESPONSE_PARTS: ReadonlyMap<string, (msg: SipMsg) => string> = new Map<string, (msg: SipMsg) => string>([
  ['version', (msg) => msg.version],
  ['status', (msg) => String(msg.status)],
  ['code', (msg) => String(msg.status)],
  ['reason', (msg) => msg.reason],
]);

/** @msg, @message: the message, its first line, headers by name, body. */
export const MSG_SELECT: SelectDef = {
  doc: 'The message: first_line, type, len, id, flags, body, header["Name"], request.…, response.….',
  bind(parts) {
    const [, first, second] = parts;
    if (first === undefined) return (run) => run.msg.buf;
    switch (first.name) {
      case 'req':
      case 'request':
        return lineSelect(parts.slice(2), REQUEST_PARTS, true);
      case 'response':
        return lineSelect(parts.slice(2), RESPONSE_PARTS, false);
      case 'h':
      case 'header':
        return headerSelect(parts.slice(1));
      case 'id':
        if (second?.name === 'hex' && parts.length === 3) return (run) => run.msg.id.toString(16).padStart(8, '0');
        break;
      case 'body':
        if (second?.name === 'sdp' && parts.length === 3) return (run) => run.msg.body;
        break;
      default:
        break;
    }
    const read = isLeaf(parts.slice(1)) ? MSG_PARTS.get(first.name) : undefined;
    return read === undefined
      ? noSuchPart(parts.slice(1), [...MSG_PARTS.keys(), 'request', 'response'])
      : (run) => read(run.msg);
  },
};

/** Parts of a first line; '' on a message of the other kind. */
function lineSelect(
  parts: readonly SelectPart[],
  known: ReadonlyMap<string, (msg: SipMsg) => string>,
  isRequest: boolean,
): SelectGetter | string {
  const [first] = parts;
  const read = first === undefined ? (msg: SipMsg) => msg.buf : isLeaf(parts) ? known.get(first.name) : undefined;
  if (read === undefined) return noSuchPart(parts, known.keys());
  return (run) => (run.msg.isRequest === isRequest ? read(run.msg) : '');
}

/** `header`, `header["X-A"]`, `header.x_a`, and of that `params["p"]` or `nameaddr.…`. An underscore stands for a dash. */
function headerSelect(parts: readonly SelectPart[]): SelectGetter | string {
  const [header, second] = parts;
  if (parts.length === 1 && header?.index === null) return (run) => MSG_PARTS.get('header')?.(run.msg) ?? '';
  const isIndexed = header !== undefined && header.index !== null;
  const name = String(isIndexed ? header.index : (second?.name ?? '')).replaceAll('_', '-');
  const rest = parts.slice(isIndexed ? 1 : 2);
  const [first] = rest;
  if (first === undefined)
    return (run) => {
      const row = run.msg.findHdrByName(name);
      return row < 0 ? '' : run.msg.hdrValue(row);
    };
  if (first.name === 'nameaddr') {
    const read = addressReader(rest.slice(1), []);
    if (typeof read === 'string') return read;
    return (run) => {
      const addr = firstNameAddrIn(run.msg, name);
      return addr === null ? '' : read(addr);
    };
  }
  const param = first.name === 'params' ? paramName(rest) : null;
  if (param === null) return noSuchPart(rest, ['nameaddr', 'params']);
  return (run) => {
    const { msg } = run;
    const row = msg.findHdrByName(name);
    return row < 0 ? '' : (findParam(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row), param) ?? '');
  };
}
