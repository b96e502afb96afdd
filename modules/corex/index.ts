import {
  ANY_ROUTE,
  command,
  defineModule,
  FAILURE_ROUTE,
  forwardReply,
  intParam,
  listParam,
  MSG_FLAG,
  PROTO,
  REQUEST_ROUTE,
  ROUTE,
  type Run,
  type Server,
  strParam,
} from 'strowger';
import { appendBranch } from './branches.ts';
import { addDnsRecord } from './dns-cache.ts';
import { fileRead, fileWrite } from './files.ts';
import {
  checkInternalFlag,
  hasExtendedFlag,
  hasInternalFlag,
  resetExtendedFlag,
  resetInternalFlag,
  setExtendedFlag,
  setInternalFlag,
} from './message-flags.ts';
import { interceptNetwork, isIncoming, parseAvpName, watchReplies } from './network.ts';
import { COREX_RPC } from './rpc.ts';
import { sendData, sendFromSocket, sendReceived } from './send.ts';
import {
  claimSubdomains,
  isSocketName,
  parseSocketAddress,
  SOCK_TRANSFORMS,
  setRecvSocket,
  setRecvSocketName,
  setSendSocket,
  setSendSocketName,
  setSourceAddress,
  socketExpression,
} from './sockets.ts';
import { viaAddSrvid, viaAddXavpParams, viaUseXavpFields } from './via.ts';

interface CorexState {
  readonly server: Server;
  readonly undo: (() => void)[];
}

const SENDING = REQUEST_ROUTE | FAILURE_ROUTE;

const oneText = (doc: string, argName: string, run: (run: Run, state: unknown, text: string) => number) =>
  command<CorexState, ['str']>({ doc, args: ['str'], argNames: [argName], routes: ANY_ROUTE, run });
const oneNumber = (doc: string, argName: string, run: (run: Run, state: unknown, value: number) => number) =>
  command<CorexState, ['int']>({ doc, args: ['int'], argNames: [argName], routes: ANY_ROUTE, run });
const internalFlag = (doc: string, run: (run: Run, state: unknown, name: string) => number) =>
  command<CorexState, ['const-str']>({
    doc,
    args: ['const-str'],
    argNames: ['flagname'],
    routes: ANY_ROUTE,
    check: checkInternalFlag,
    run,
  });

export default defineModule<CorexState>({
  name: 'corex',
  summary: 'Sockets, Via, sending and other things near the core.',
  params: {
    alias_subdomains: listParam({
      doc: 'A domain that is ours with all below it: [proto:]domain[:port].',
      check: (value) => (parseSocketAddress(String(value)) === null ? '[proto:]domain[:port] expected' : null),
    }),
    dns_cache: listParam({ doc: 'A record for the DNS cache: type=A;name=…;addr=…;ttl=…;flags=….' }),
    nio_intercept: intParam({ default: 0, doc: 'Run event_route[network:msg] for all that comes and goes.' }),
    nio_min_msg_len: intParam({ default: 0, min: 0, doc: 'Shortest text for which it runs, bytes.' }),
    nio_msg_avp: strParam({
      default: '',
      doc: 'AVP with the text to go on with, $avp(name).',
      check: (value) => (value === '' || parseAvpName(String(value)) !== null ? null : '$avp(name) expected'),
    }),
    evcb_reply_out: strParam({
      default: '',
      doc: 'KEMI function for replies going out.',
      noEffect: 'there is no KEMI; use event_route[corex:reply-out]',
    }),
  },
  commands: {
    append_branch: command({
      doc: 'Adds a branch: of a URI, or of the Request-URI as it is now.',
      args: ['str?', 'str?'],
      argNames: ['uri', 'q'],
      routes: SENDING,
      run: appendBranch,
    }),
    send_udp: command({
      doc: 'Sends the message as received over UDP, to a host or where the request goes.',
      args: ['str?'],
      argNames: ['host[:port]'],
      routes: SENDING,
      isAsync: true,
      run: sendReceived(PROTO.UDP),
    }),
    send_tcp: command({
      doc: 'Sends the message as received over TCP, to a host or where the request goes.',
      args: ['str?'],
      argNames: ['host[:port]'],
      routes: SENDING,
      isAsync: true,
      run: sendReceived(PROTO.TCP),
    }),
    send_data: command({
      doc: 'Sends any text to a SIP URI.',
      args: ['str', 'str'],
      argNames: ['uri', 'data'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: sendData,
    }),
    sendx: command({
      doc: 'Sends any text to a SIP URI from one of our sockets.',
      args: ['str', 'str', 'str'],
      argNames: ['uri', 'socket', 'data'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: sendFromSocket,
    }),
    forward_reply: command({
      doc: 'Forwards the reply at once.',
      args: [],
      routes: ROUTE.CORE_ONREPLY,
      run: (run) => (forwardReply(run.server, run.msg) ? 1 : -1),
    }),
    is_incoming: command({
      doc: 'In event_route[network:msg]: has the text been received?',
      args: [],
      routes: ANY_ROUTE,
      run: isIncoming,
    }),
    msg_iflag_set: internalFlag('Sets an internal flag of the message.', setInternalFlag),
    msg_iflag_reset: internalFlag('Clears an internal flag of the message.', resetInternalFlag),
    msg_iflag_is_set: internalFlag('Is the internal flag of the message set?', hasInternalFlag),
    file_read: command({
      doc: 'Reads a file into a variable.',
      args: ['str', 'pvw'],
      argNames: ['path', 'variable'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: fileRead,
    }),
    file_write: command({
      doc: 'Writes a text to a file.',
      args: ['str', 'str'],
      argNames: ['path', 'content'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: fileWrite,
    }),
    setxflag: oneNumber('Sets an extended flag, 0 … 63, of the message.', 'flag', setExtendedFlag),
    resetxflag: oneNumber('Clears an extended flag of the message.', 'flag', resetExtendedFlag),
    isxflagset: oneNumber('Is the extended flag of the message set?', 'flag', hasExtendedFlag),
    set_send_socket: oneText('Sends from the socket at this address.', 'address', setSendSocket),
    set_send_socket_name: oneText('Sends from the socket of this name.', 'name', setSendSocketName),
    set_recv_socket: oneText('Counts as received on the socket at this address.', 'address', setRecvSocket),
    set_recv_socket_name: oneText('Counts as received on the socket of this name.', 'name', setRecvSocketName),
    set_source_address: oneText('Counts as received from this address.', 'address', setSourceAddress),
    is_socket_name: oneText('Is there a socket of this name?', 'name', isSocketName),
    via_add_srvid: oneNumber('Adds srvid (server_id) to our Via: 1 does, 0 does not.', 'flag', viaAddSrvid),
    via_add_xavp_params: oneNumber('Adds the XAVP xavp_via_params to our Via.', 'flag', viaAddXavpParams),
    via_use_xavp_fields: oneNumber('Takes sent-by of our Via from the XAVP xavp_via_fields.', 'flag', viaUseXavpFields),
    is_faked_msg: command({
      doc: 'Is the message one the server has made for an event route?',
      args: [],
      routes: ANY_ROUTE,
      run: (run) => ((run.msg.msgFlags & MSG_FLAG.FAKED) === 0 ? -1 : 1),
    }),
  },
  pseudoVariables: {
    cfg: {
      doc: 'Where the script stands: line, name or file, route.',
      name: 'required',
      bind: ({ name }) => {
        if (name === 'line') return { get: (run) => run.program.positions[run.position]?.line ?? 0 };
        if (name === 'name' || name === 'file') {
          return { get: (run) => run.program.positions[run.position]?.file ?? null };
        }
        if (name === 'route') return { get: routeName };
        return 'line, name, file or route expected';
      },
    },
    atkv: {
      doc: 'Attribute of an event of event_route[core:tkv]: type, key, val, gname. Null: there are no such events here.',
      name: 'required',
      bind: ({ name }) =>
        ['type', 'key', 'val', 'gname'].includes(name ?? '')
          ? { get: () => null }
          : `'${name ?? ''}' is none of type, key, val, gname`,
    },
    lsock: {
      doc: 'A listening socket: n/NAME, l/ADDRESS or i/INDEX, then /listen, /name, /advertise or /index.',
      name: 'required',
      bind: (use) => {
        if (!use.isNameDynamic) {
          const read = socketExpression(use.name ?? '');
          return read === null ? 'key/value/attribute expected' : { get: (run) => read(run.server) };
        }
        const format = use.nameFormat();
        return { get: (run) => socketExpression(format(run))?.(run.server) ?? null };
      },
    },
  },
  transformations: { sock: SOCK_TRANSFORMS },
  rpc: COREX_RPC,
  eventRoutes: {
    'network:msg': { doc: 'Data has been received or is about to be sent (nio_intercept).' },
    'reply-out': { doc: 'A reply is about to be sent; drop keeps it back.' },
  },

  async init(ctx) {
    const { server } = ctx;
    for (const text of ctx.list('alias_subdomains')) {
      const error = claimSubdomains(server, text);
      if (error !== null) throw new Error(`alias_subdomains: ${error}`);
    }
    for (const text of ctx.list('dns_cache')) await addDnsRecord(server.rpc, text);
    const undo = [watchReplies(server)];
    if (ctx.int('nio_intercept') !== 0) {
      const avp = ctx.str('nio_msg_avp') === '' ? null : parseAvpName(ctx.str('nio_msg_avp'));
      undo.push(interceptNetwork(server, { minLength: ctx.int('nio_min_msg_len'), avp }));
    }
    return { server, undo };
  },
  destroy({ undo }) {
    for (const remove of undo.splice(0)) remove();
  },
});

/** Kamailio's name of the block: `route[A]` is A, the main one DEFAULT_ROUTE. */
function routeName(run: Run): string | null {
  const route = run.program.positions[run.position]?.route;
  if (route === undefined) return null;
  const name = /\[(.*)\]$/.exec(route)?.[1];
  if (name !== undefined) return name;
  if (/^(?:reply|onreply)/.test(route)) return 'DEFAULT_ONREPLY';
  return route.startsWith('onsend') ? 'DEFAULT_ONSEND' : 'DEFAULT_ROUTE';
}
