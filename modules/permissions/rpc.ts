import { type RpcArgs, RpcFault, RpcMany, type RpcMethod, RpcStruct, type RpcValue } from 'strowger';
import { bucketOf } from './address-table.ts';
import type { Permissions } from './permissions.ts';
import { isAllowed } from './rule-files.ts';
import { inDumpOrder, protoNumber } from './trusted-rules.ts';

type Method = RpcMethod<Permissions>;

/** permissions.*, with Kamailio's replies. */
export const PERMISSIONS_RPC: Readonly<Record<string, Method>> = {
  'permissions.addressReload': reloading('Reads the addresses anew.', ({ addresses }) => addresses.load()),
  'permissions.trustedReload': reloading('Reads the table of allow_trusted() anew.', ({ trusted }) => trusted.reload()),
  'permissions.addressDump': {
    doc: 'Shows single addresses.',
    run: (_args, { addresses: { table } }) => {
      if (table === null) throw new RpcFault(500, 'No address table');
      return new RpcMany(
        table.addresses.map((entry) => ({
          table: bucketOf(entry),
          group: entry.group,
          item: { ip: entry.shown, port: entry.port, tag: entry.tag ?? 'NULL' },
        })),
      );
    },
  },
  'permissions.subnetDump': {
    doc: 'Shows subnets.',
    run: (_args, { addresses: { table } }) => {
      if (table === null) throw new RpcFault(500, 'No subnet table');
      return new RpcMany(
        table.subnets.map((entry, id) => ({
          id,
          group: entry.group,
          item: { ip: entry.shown, mask: entry.mask, port: entry.port, tag: entry.tag ?? '' },
        })),
      );
    },
  },
  'permissions.domainDump': {
    doc: 'Shows names among the addresses.',
    run: (_args, { addresses: { table } }) => {
      if (table === null) throw new RpcFault(500, 'No domain list table');
      return inOneStruct(table.names, (entry) => ({
        table: bucketOf(entry),
        group: entry.group,
        item: { domain_name: entry.shown, port: entry.port, tag: entry.tag ?? 'NULL' },
      }));
    },
  },
  'permissions.trustedDump': {
    doc: 'Shows the table of allow_trusted(), where it is in memory.',
    run: (_args, { trusted: { table } }) => {
      if (table === null) throw new RpcFault(500, 'No trusted table');
      return inOneStruct(inDumpOrder(table), ({ bucket, row }) => ({
        table: bucket,
        item: {
          ip: row.source,
          proto: protoNumber(row.proto) ?? 0,
          pattern: row.fromPattern ?? 'NULL',
          ruri_pattern: row.ruriPattern ?? 'NULL',
          tag: row.tag ?? 'NULL',
          priority: row.priority,
        },
      }));
    },
  },
  'permissions.testUri': testing('Do the files of a basename allow this pair, as allow_register() asks?'),
  'permissions.allowUri': testing('The same, as allow_uri() asks.'),
};

function reloading(doc: string, reload: (permissions: Permissions) => Promise<void>): Method {
  return {
    scope: 'all',
    doc,
    isReload: true,
    run: async (_args, permissions) => {
      if (!permissions.mayReload()) throw new RpcFault(500, 'ongoing reload');
      try {
        await reload(permissions);
      } catch (error) {
        permissions.ctx.log.error(`reload: ${(error as Error).message}`);
        throw new RpcFault(500, 'Reload failed.');
      }
      return 'Reload OK';
    },
  };
}

function testing(doc: string): Method {
  return {
    doc,
    params: ['basename', 'uri', 'contact'],
    run: (args, permissions) => (isPairAllowed(args, permissions) ? 'Allowed' : 'Denied'),
  };
}

function isPairAllowed(args: RpcArgs, permissions: Permissions): boolean {
  if (args.length < 3) throw new RpcFault(500, 'Not enough parameters (basename, URI and contact)');
  const [allowFile, denyFile] = permissions.pairOf(args.str(0));
  const [allow, deny] = [permissions.files.get(allowFile), permissions.files.get(denyFile)];
  if (allow === null || deny === null) {
    permissions.ctx.log.error(`the files of ${args.str(0)} are not loaded: no script function names them`);
    return false;
  }
  return isAllowed({ allow, deny }, [[args.str(1), args.str(2)]]);
}

/** Kamailio puts all entries into one struct, side by side. */
function inOneStruct<T extends object>(
  entries: readonly T[],
  members: (entry: T) => { readonly [name: string]: RpcValue },
): RpcStruct {
  const struct = new RpcStruct();
  for (const entry of entries) for (const [name, value] of Object.entries(members(entry))) struct.add(name, value);
  return struct;
}
