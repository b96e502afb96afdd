import { type SipMsg, valueToString } from 'strowger';
import type { LocalRequest } from '../tm/api.ts';
import { type Dialog, LEG, type Leg, otherLeg } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';

type OnFinal = (code: number, reply: SipMsg | null) => void;

/** Requests that we send within dialogs, in the name of the other side. */
export class OwnRequests {
  readonly #dialogs: Dialogs;

  constructor(dialogs: Dialogs) {
    this.#dialogs = dialogs;
  }

  /** False where nothing can be sent. */
  bye(dialog: Dialog, leg: Leg, headers: string, onFinal: OnFinal): boolean {
    return this.#send(dialog, leg, 'BYE', nextCseq(dialog, leg), headers, onFinal);
  }

  /**
   * A keepalive has the number of a request that has passed already, or none: the next of the other side shall not be out of
   * order (Kamailio: dialog, dlg_set_property).
   */
  options(dialog: Dialog, leg: Leg, onFinal: OnFinal): boolean {
    const cseq = Math.max(0, dialog.cseq(otherLeg(leg)) - 1);
    return this.#send(dialog, leg, 'OPTIONS', cseq, '', onFinal);
  }

  /** Asks a side to call `uri` instead. */
  refer(dialog: Dialog, leg: Leg, uri: string, onFinal: OnFinal): boolean {
    const { bridgeController, bridgeContact } = this.#dialogs.settings;
    const headers = `Referred-By: ${bridgeController}\r\nRefer-To: ${uri}\r\nContact: <${bridgeContact}>\r\n`;
    const cseq = nextCseq(dialog, leg);
    dialog.setCseq(otherLeg(leg), cseq);
    return this.#send(dialog, leg, 'REFER', cseq, headers, onFinal);
  }

  #send(dialog: Dialog, leg: Leg, method: string, cseq: number, headers: string, onFinal: OnFinal): boolean {
    const { tm } = this.#dialogs;
    const { uri, nextHop, routes } = routeTo(dialog, leg);
    if (uri === '') return false;
    const isToCaller = leg === LEG.CALLER;
    const [from, to] = isToCaller ? [dialog.toUri, dialog.fromUri] : [dialog.fromUri, dialog.toUri];
    const request: LocalRequest = {
      method,
      uri,
      nextHop,
      from: `<${from}>${tagParam(dialog.tag(otherLeg(leg)))}`,
      to: `<${to}>${tagParam(dialog.tag(leg))}`,
      callId: dialog.callId,
      cseq,
      headers: routes + this.#withExtra(method, leg, headers),
      socket: dialog.socket(leg),
      onReply: (reply, code) => onFinal(code, reply),
    };
    return tm.send(request) !== null;
  }

  /** With the rows that the parameters add, in Kamailio's order. */
  #withExtra(method: string, leg: Leg, headers: string): string {
    const { settings } = this.#dialogs;
    const first = method === 'BYE' ? `Max-Forwards: 70\r\n${settings.extraHeaders}` : '';
    return first + headers + (leg === LEG.CALLEE ? settings.calleeHeaders : '');
  }
}

/** The number after the last that the other side used towards this one, what was added to it on the way included. */
function nextCseq(dialog: Dialog, leg: Leg): number {
  const shift = leg === LEG.CALLEE ? Number.parseInt(valueToString(dialog.variable('cseq_diff')), 10) || 0 : 0;
  return dialog.cseq(otherLeg(leg)) + shift + 1;
}

function tagParam(tag: string): string {
  return tag === '' ? '' : `;tag=${tag}`;
}

/** Request-URI, next hop and Route rows to a side (RFC 3261 §12.2.1.1). */
function routeTo(
  dialog: Dialog,
  leg: Leg,
): { readonly uri: string; readonly nextHop: string; readonly routes: string } {
  const contact = dialog.contact(leg) || (leg === LEG.CALLER ? dialog.fromUri : dialog.toUri);
  const values = splitRoutes(dialog.routeSet(leg));
  const first = values[0];
  if (first === undefined) return { uri: contact, nextHop: '', routes: '' };
  const firstUri = uriOf(first);
  if (/;lr(?:[;=>]|$)/i.test(firstUri)) return { uri: contact, nextHop: firstUri, routes: rowsOf(values) };
  // A strict router: it takes its own URI, and ours at the end of the route.
  return { uri: firstUri, nextHop: firstUri, routes: rowsOf([...values.slice(1), `<${contact}>`]) };
}

function rowsOf(values: readonly string[]): string {
  return `Route: ${values.join(', ')}\r\n`;
}

function uriOf(value: string): string {
  return /<([^>]*)>/.exec(value)?.[1] ?? value.trim();
}

/** Values of a route set; commas within `<>` do not part them. */
function splitRoutes(text: string): string[] {
  return text.match(/(?:<[^>]*>|"(?:[^"\\]|\\.)*"|[^,<"])+/g)?.map((value) => value.trim()) ?? [];
}
