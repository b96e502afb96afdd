import { command, defineModule, EVENT_ROUTE, intParam, REQUEST_ROUTE, strParam } from 'strowger';
import { XmlRpc } from './xmlrpc.ts';

export default defineModule<XmlRpc>({
  name: 'xmlrpc',
  summary: 'RPC over XML-RPC.',
  params: {
    route: strParam({ default: null, doc: 'Route that HTTP requests run; request_route where not set.' }),
    mode: intParam({ default: 0, min: 0, max: 1, doc: '1 leaves HTTP requests to other modules (xhttp).' }),
    url_skip: strParam({ default: null, doc: 'Requests whose URL fits this expression are left to other modules.' }),
    url_match: strParam({ default: null, doc: 'Only requests whose URL fits this expression are taken.' }),
    escape_cr: intParam({ default: 1, min: 0, max: 1, doc: 'Write CR as &#xD;.' }),
    double_lf_to_crlf: intParam({ default: 0, min: 0, max: 1, doc: 'Two LF in a string that comes are CR LF.' }),
    autoconversion: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'Convert parameters to the type a method wants.',
      noEffect: 'numbers and strings are always converted where a method wants the other',
    }),
    event_callback: strParam({
      default: null,
      doc: 'KEMI function for requests.',
      noEffect: 'there is no KEMI; use the parameter route',
    }),
  },
  commands: {
    dispatch_rpc: command({
      doc: 'Runs the XML-RPC document in the body of the request and answers it; -1 when no answer could be sent.',
      args: [],
      routes: REQUEST_ROUTE | EVENT_ROUTE,
      isAsync: true,
      run: (run, xmlrpc: XmlRpc) => xmlrpc.dispatch(run),
    }),
    xmlrpc_reply: command({
      doc: 'Answers with a fault (code 300 and above), or with success.',
      args: ['int', 'str'],
      argNames: ['code', 'reason'],
      routes: REQUEST_ROUTE | EVENT_ROUTE,
      run: (run, xmlrpc: XmlRpc, code, reason) => xmlrpc.reply(run, code, reason),
    }),
  },
  init: (ctx) => new XmlRpc(ctx),
  destroy: (xmlrpc) => xmlrpc.stop(),
});
