import {
  command,
  defineModule,
  EVENT_ROUTE,
  REQUEST_ROUTE,
  strParam,
  type TransformDef,
  valueToString,
} from 'strowger';
import type { XhttpApi } from './api.ts';
import { pathOf, queryOf } from './url.ts';
import { Xhttp } from './xhttp.ts';

const ofUrl = (doc: string, part: (url: string) => string): TransformDef<Xhttp> => ({
  doc,
  params: [0, 0],
  bind: () => (_run, value) => (value === null ? null : part(valueToString(value))),
});

export default defineModule<Xhttp>({
  name: 'xhttp',
  summary: 'HTTP requests on SIP sockets, answered by the script.',
  params: {
    url_skip: strParam({ default: null, doc: 'Requests whose URL fits this expression do not run the event route.' }),
    url_match: strParam({ default: null, doc: 'Only requests whose URL fits this expression run the event route.' }),
    event_callback: strParam({
      default: null,
      doc: 'KEMI function for requests.',
      noEffect: 'there is no KEMI; use event_route[xhttp:request]',
    }),
  },
  commands: {
    xhttp_reply: command({
      doc: 'Answers the HTTP request; 1 sent, -1 not.',
      args: ['int', 'str', 'str', 'str'],
      argNames: ['code', 'reason', 'ctype', 'body'],
      routes: REQUEST_ROUTE | EVENT_ROUTE,
      run: (run, xhttp: Xhttp, code, reason, contentType, body) => xhttp.reply(run, code, reason, contentType, body),
    }),
  },
  pseudoVariables: {
    hu: {
      doc: 'URL of the HTTP request; the Request-URI as received of a SIP one, null in a reply.',
      name: 'none',
      bind: () => ({ get: ({ msg }) => (msg.isRequest ? msg.originalUri : null) }),
    },
  },
  transformations: {
    url: {
      path: ofUrl('The URL without its query.', pathOf),
      querystring: ofUrl('The query of the URL, without the question mark.', queryOf),
    },
  },
  eventRoutes: { request: { doc: 'An HTTP request came.' } },
  init: (ctx) => new Xhttp(ctx),
  destroy: (xhttp) => xhttp.stop(),
  api: (xhttp): XhttpApi => ({
    reply: (run, code, reason, contentType, body) => xhttp.reply(run, code, reason, contentType, body),
  }),
});
