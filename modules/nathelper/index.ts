import {
  ANY_ROUTE,
  BRANCH_ROUTE,
  command,
  defineModule,
  FAILURE_ROUTE,
  HDR,
  LOCAL_ROUTE,
  nameAddrs,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  RpcFault,
  type Run,
  readOnly,
} from 'strowger';
import {
  addContactAlias,
  addContactAliasOf,
  addRcvParam,
  fixNatedContact,
  rewrittenContact,
  setAliasToPv,
  setContactAlias,
} from './contact.ts';
import { Nathelper } from './nathelper.ts';
import { NH_PARAMS } from './params.ts';
import { handleRuriAlias } from './ruri-alias.ts';
import { fixNatedSdp } from './sdp.ts';

const MOST = REQUEST_ROUTE | ONREPLY_ROUTE | BRANCH_ROUTE | LOCAL_ROUTE;
const MOST_AND_FAILURE = MOST | FAILURE_ROUTE;

export default defineModule<Nathelper>({
  name: 'nathelper',
  summary: 'Helps clients behind NATs: finds them out, corrects their contacts and SDP, keeps their bindings open.',
  depends: ['usrloc?'],
  params: NH_PARAMS,
  commands: {
    fix_nated_contact: command({
      doc: 'Puts the address and port the message came from into its Contact.',
      args: [],
      routes: MOST,
      run: (run: Run, _state: Nathelper) => fixNatedContact(run),
    }),
    add_contact_alias: [
      command({
        doc: 'Adds an alias parameter with the source to the Contact, where they differ.',
        args: [],
        routes: MOST,
        run: (run: Run, { aliasName }: Nathelper) => addContactAlias(run, aliasName),
      }),
      command({
        doc: 'Adds an alias parameter with this address, port and protocol to the Contact.',
        args: ['str', 'str', 'str'],
        argNames: ['ip', 'port', 'proto'],
        routes: MOST_AND_FAILURE,
        run: (run: Run, { aliasName, ctx }: Nathelper, ip, port, proto) =>
          addContactAliasOf(run, ctx.log, aliasName, ip, port, proto),
      }),
    ],
    set_contact_alias: command({
      doc: 'Adds an alias parameter with the source to the Contact that is registered; 1 removes an old one.',
      args: ['int?'],
      argNames: ['trim'],
      routes: MOST_AND_FAILURE,
      run: (run: Run, { aliasName }: Nathelper, trim) => setContactAlias(run, aliasName, (trim ?? 0) !== 0),
    }),
    handle_ruri_alias: command({
      doc: 'Takes the alias out of the Request-URI (the first, or with a mode other than 0 the last) and sends there.',
      args: ['int?'],
      argNames: ['mode'],
      routes: REQUEST_ROUTE | BRANCH_ROUTE | LOCAL_ROUTE,
      run: (run: Run, { aliasName, ctx }: Nathelper, mode) =>
        handleRuriAlias(run, ctx.log, aliasName, (mode ?? 0) !== 0),
    }),
    fix_nated_sdp: command({
      doc: 'Corrects the SDP: 1 a=direction:active, 2 media addresses, 4 the marker, 8 the origin; flags are added up.',
      args: ['int', 'str?'],
      argNames: ['flags', 'ip'],
      routes: MOST_AND_FAILURE,
      run: (run: Run, { sdp, ctx }: Nathelper, flags, ip) =>
        fixNatedSdp(run, ctx.log, sdp, flags, ip ?? run.msg.rcv.srcIp),
    }),
    nat_uac_test: command({
      doc: 'Does the message show one of these signs of a NAT? Flags are added up.',
      args: ['int'],
      argNames: ['flags'],
      routes: MOST_AND_FAILURE,
      run: (run: Run, { natTest }: Nathelper, flags) => (natTest.run(run, flags) ? 1 : -1),
    }),
    fix_nated_register: command({
      doc: 'Puts the source into received_avp, for registrar.',
      args: [],
      routes: REQUEST_ROUTE,
      run: (run: Run, state: Nathelper) => state.fixNatedRegister(run),
    }),
    add_rcv_param: command({
      doc: 'Adds a received parameter with the source to the Contacts, or with 1 to their URIs.',
      args: ['int?'],
      argNames: ['flag'],
      routes: REQUEST_ROUTE,
      run: (run: Run, { ctx }: Nathelper, flag) => addRcvParam(run, ctx.log, (flag ?? 0) !== 0),
    }),
    is_rfc1918: command({
      doc: 'Is the address one of a private network?',
      args: ['str'],
      argNames: ['ip'],
      routes: ANY_ROUTE,
      run: (_run: Run, { natTest }: Nathelper, ip) => (ip === '' ? -2 : natTest.isPrivate(ip) ? 1 : -1),
    }),
    set_alias_to_pv: command({
      doc: "Puts the Contact's alias into a variable, as a URI.",
      args: ['pvw'],
      argNames: ['target'],
      routes: ANY_ROUTE,
      run: (run: Run, { aliasName, ctx }: Nathelper, target) => setAliasToPv(run, ctx.log, aliasName, target),
    }),
  },
  pseudoVariables: {
    rr_count: readOnly('Number of Record-Routes.', ({ msg }) => nameAddrs(msg, HDR.RECORDROUTE).length),
    rr_top_count: readOnly('Record-Routes of the topmost hop: 2 where it added two, 1, or 0.', ({ msg }) => {
      const [first] = nameAddrs(msg, HDR.RECORDROUTE);
      if (first === undefined) return 0;
      return (first?.uri?.param('r2') ?? null) === null ? 1 : 2;
    }),
  },
  selects: {
    nathelper: {
      doc: '@nathelper.rewrite_contact[n]: the n-th Contact with the address and port of the source.',
      bind: ([, part]) => {
        if (part?.name !== 'rewrite_contact' || typeof part.index !== 'number' || part.index < 1)
          return '@nathelper has one select: rewrite_contact[n], n from 1';
        const n = part.index;
        return ({ msg }) => rewrittenContact(msg, n);
      },
    },
  },
  rpc: {
    'nathelper.enable_ping': {
      scope: 'all',
      doc: 'Pings contacts (not 0), or stops that (0).',
      params: ['state'],
      run: (args, { pinger }) => {
        if (pinger === null) throw new RpcFault(500, 'NATping disabled');
        pinger.isEnabled = args.int(0) !== 0;
        return undefined;
      },
    },
  },
  procs: [{ name: 'nathelper pings', start: (state) => state.startPings() }],
  init: (ctx) => new Nathelper(ctx),
  childInit: (state) => state.childInit(),
  onReply: (reply, state) => state.onReply(reply),
});
