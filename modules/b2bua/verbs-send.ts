import { ANY_ROUTE, command, EVENT_ROUTE } from 'strowger';
import type { Calls } from './calls.ts';
import { legOfRun } from './commands-call.ts';
import { sendDtmf } from './dtmf.ts';
import { LEG } from './leg.ts';
import { originate, parseOriginateMode } from './originate.ts';

/** Methods that have a life of their own in a dialog. */
const OWN_METHODS = new Set(['INVITE', 'ACK', 'CANCEL', 'BYE', 'PRACK']);

/** Commands that send something of our own. */
export const SEND_COMMANDS = {
  b2b_originate: command({
    doc: 'Calls one URI, then another, and joins them (RFC 3725): mode I, III (a-first) or IV; from: what both see.',
    args: ['str', 'str', 'str?', 'str?'],
    argNames: ['uriA', 'uriB', 'mode', 'from'],
    routes: ANY_ROUTE,
    check: ([, , mode]) =>
      typeof mode === 'string' && parseOriginateMode(mode) === null ? 'a mode is I, III, a-first or IV' : null,
    run: (_run, calls: Calls, a, b, text, from) => {
      const mode = parseOriginateMode(text ?? '');
      if (mode === null || a === '' || b === '') return -1;
      const target = (uri: string) => ({ uri, nextHop: '', socket: null });
      return originate(calls, { a: target(a), b: target(b), mode, from: from ?? '' }) === null ? -1 : 1;
    },
  }),
  b2b_send: command({
    doc: 'Sends a request in the dialog of a leg: any but INVITE, ACK, CANCEL, BYE and PRACK; headers are whole rows.',
    args: ['str', 'str', 'str?', 'str?', 'str?'],
    argNames: ['leg', 'method', 'body', 'contentType', 'headers'],
    routes: EVENT_ROUTE,
    run: (run, calls: Calls, name, method, body, contentType, headers) => {
      const leg = legOfRun(run, calls, name);
      if (leg === null || leg.state !== LEG.CONFIRMED || !/^[A-Z]+$/.test(method) || OWN_METHODS.has(method)) return -1;
      const rows = headers === undefined || headers === '' || headers.endsWith('\r\n') ? headers : `${headers}\r\n`;
      return leg.send(method, { body: body ?? '', contentType: contentType ?? 'text/plain', headers: rows ?? '' })
        ? 1
        : -1;
    },
  }),
  b2b_send_dtmf: command({
    doc: 'Sends digits (0-9, *, #, A-D) to a leg: through the media engine, or, without one, each in an INFO.',
    args: ['str', 'str'],
    argNames: ['leg', 'digits'],
    routes: EVENT_ROUTE,
    run: (run, calls: Calls, name, digits) => {
      const leg = legOfRun(run, calls, name);
      return leg !== null && sendDtmf(leg, digits) ? 1 : -1;
    },
  }),
  b2b_send_text: command({
    doc: 'Sends a text to a leg, in a MESSAGE in its dialog.',
    args: ['str', 'str'],
    argNames: ['leg', 'text'],
    routes: EVENT_ROUTE,
    run: (run, calls: Calls, name, body) => {
      const leg = legOfRun(run, calls, name);
      if (leg === null || leg.state !== LEG.CONFIRMED) return -1;
      leg.send('MESSAGE', { body, contentType: 'text/plain' });
      return 1;
    },
  }),
};
