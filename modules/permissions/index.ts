import { ANY_ROUTE, type CommandDef, command, defineModule, FAILURE_ROUTE, PROTO_NAMES, REQUEST_ROUTE } from 'strowger';
import { PERMISSIONS_PARAMS } from './params.ts';
import { Permissions } from './permissions.ts';
import { allowRegister, allowRouting, allowUri } from './routing.ts';
import { PERMISSIONS_RPC } from './rpc.ts';

const ROUTES = REQUEST_ROUTE | FAILURE_ROUTE;
/** Group of allow_source_address() without one. */
const DEFAULT_GROUP = 1;

type Values = readonly (string | number | undefined)[];

/** Files are read when the script is compiled, not when a message needs them. A mere check has no server. */
function loadPair([basename]: Values, permissions: Permissions | undefined): null {
  if (basename !== undefined)
    for (const name of permissions?.pairOf(String(basename)) ?? []) permissions?.files.load(name);
  return null;
}

function loadFiles(names: Values, permissions: Permissions | undefined): null {
  for (const name of names) if (name !== undefined) permissions?.files.load(String(name));
  return null;
}

const allowRoutingForms: CommandDef<Permissions>[] = [
  command({
    doc: 'Do the default files allow the From URI to call the Request-URI and the branches?',
    args: [],
    routes: ANY_ROUTE,
    run: (run, permissions: Permissions) =>
      allowRouting(run, permissions.defaultRules, permissions.ctx.int('check_all_branches') !== 0) ? 1 : -1,
  }),
  command({
    doc: 'Do the files of this basename allow it?',
    args: ['const-str'],
    argNames: ['basename'],
    routes: ANY_ROUTE,
    check: loadPair,
    run: (run, permissions: Permissions, basename) => {
      const rules = permissions.rules(...permissions.pairOf(basename));
      return allowRouting(run, rules, permissions.ctx.int('check_all_branches') !== 0) ? 1 : -1;
    },
  }),
  command({
    doc: 'Do these two files allow it?',
    args: ['const-str', 'const-str'],
    argNames: ['allow_file', 'deny_file'],
    routes: ANY_ROUTE,
    check: loadFiles,
    run: (run, permissions: Permissions, allow, deny) => {
      const rules = permissions.rules(allow, deny);
      return allowRouting(run, rules, permissions.ctx.int('check_all_branches') !== 0) ? 1 : -1;
    },
  }),
];

export default defineModule<Permissions>({
  name: 'permissions',
  summary: 'Tells by addresses, sources and files what is allowed.',
  depends: ['db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: PERMISSIONS_PARAMS,
  commands: {
    allow_routing: allowRoutingForms,
    allow_register: [
      command({
        doc: 'Do the files of this basename allow the To URI to register these contacts?',
        args: ['const-str'],
        argNames: ['basename'],
        routes: ROUTES,
        check: loadPair,
        run: (run, permissions: Permissions, basename) =>
          allowRegister(run, permissions.rules(...permissions.pairOf(basename))) ? 1 : -1,
      }),
      command({
        doc: 'Do these two files allow it?',
        args: ['const-str', 'const-str'],
        argNames: ['allow_file', 'deny_file'],
        routes: ROUTES,
        check: loadFiles,
        run: (run, permissions: Permissions, allow, deny) =>
          allowRegister(run, permissions.rules(allow, deny)) ? 1 : -1,
      }),
    ],
    allow_uri: command({
      doc: 'Do the files of this basename allow the From URI to use the URI in a variable?',
      args: ['const-str', 'pv'],
      argNames: ['basename', 'uri'],
      routes: ROUTES,
      check: loadPair,
      run: (run, permissions: Permissions, basename, uri) => {
        const text = uri.get(run);
        if (text === null || text === '') return -1;
        return allowUri(run, permissions.rules(...permissions.pairOf(basename)), String(text)) ? 1 : -1;
      },
    }),
    allow_trusted: [
      command({
        doc: 'Is the source of the request trusted, with this protocol, From URI and Request-URI?',
        args: [],
        routes: ANY_ROUTE,
        isAsync: true,
        run: (run, { trusted }: Permissions) => {
          const { srcIp, proto } = run.msg.rcv;
          return trusted.allow(run, srcIp, PROTO_NAMES[proto], null);
        },
      }),
      command({
        doc: 'Is this source trusted, with this protocol and perhaps another URI than that of From?',
        args: ['str', 'str', 'str?'],
        argNames: ['source', 'proto', 'from_uri'],
        routes: ANY_ROUTE,
        isAsync: true,
        run: (run, { trusted }: Permissions, source, proto, from) => trusted.allow(run, source, proto, from ?? null),
      }),
    ],
    allow_source_address: command({
      doc: 'Is the source address, with its port, in this group? 1 unless told otherwise.',
      args: ['int?'],
      argNames: ['group'],
      routes: ANY_ROUTE,
      run: (run, { addresses }: Permissions, group) => {
        const { srcIp, srcPort } = run.msg.rcv;
        return addresses.isIn(run, group ?? DEFAULT_GROUP, srcIp, srcPort) ? 1 : -1;
      },
    }),
    allow_address: command({
      doc: 'Is this address or name, with this port, in the group?',
      args: ['int', 'str', 'int'],
      argNames: ['group', 'address', 'port'],
      routes: ANY_ROUTE,
      run: (run, { addresses }: Permissions, group, address, port) =>
        addresses.isIn(run, group, address, port) ? 1 : -1,
    }),
    allow_source_address_group: command({
      doc: 'The first group that has the source address with its port; -1 for none.',
      args: [],
      routes: ANY_ROUTE,
      run: (run, { addresses }: Permissions) => addresses.groupOf(run, run.msg.rcv.srcIp, run.msg.rcv.srcPort),
    }),
    allow_address_group: command({
      doc: 'The first group that has this address or name with this port; -1 for none.',
      args: ['str', 'int'],
      argNames: ['address', 'port'],
      routes: ANY_ROUTE,
      run: (run, { addresses }: Permissions, address, port) => addresses.groupOf(run, address, port),
    }),
  },
  rpc: PERMISSIONS_RPC,
  async init(ctx) {
    const permissions = new Permissions(ctx);
    await permissions.start();
    return permissions;
  },
  childInit: (permissions) => permissions.checkVariables(),
  destroy: (permissions) => permissions.close(),
});
