import { type RpcArgs, RpcFault, RpcMany, type RpcMethod, RpcStruct } from 'strowger';
import { contactAddr } from './plans.ts';
import { recordOf, type UacregColumn } from './records.ts';
import { FILTERS, type FilterName, type RegEntry } from './registrations.ts';
import type { Uac } from './uac.ts';

/** uac.reg_*, with Kamailio's replies. State is the same in all workers, so any of them answers. */
export const UAC_RPC: Readonly<Record<string, RpcMethod<Uac>>> = {
  'uac.reg_dump': {
    doc: 'Shows all registrations.',
    run: (_args, uac) => new RpcMany(uac.registrations.all().map((entry) => describe(uac, entry))),
  },
  'uac.reg_info': {
    doc: 'Shows a registration, found by an attribute: l_uuid, l_username, r_username or auth_username.',
    params: ['attribute', 'value'],
    run: (args, uac) => describe(uac, found(args, uac)),
  },
  'uac.reg_enable': switching('enable', 'Registers from now on.'),
  'uac.reg_disable': switching('disable', 'Registers no more; what is registered ends by itself.'),
  'uac.reg_unregister': switching('unregister', 'Takes the binding away, and registers no more.'),
  'uac.reg_reload': {
    doc: 'Reads the table anew; what has not changed stays registered.',
    isReload: true,
    run: async (_args, uac) => {
      try {
        await uac.database.reload();
      } catch (error) {
        uac.ctx.log.error(`uac.reg_reload: ${(error as Error).message}`);
        throw new RpcFault(500, 'Failed to shift records - check log messages');
      }
    },
  },
  'uac.reg_refresh': {
    doc: 'Reads one record anew from the table, and registers it anew.',
    params: ['l_uuid'],
    run: async (args, uac) => {
      const uuid = needed(() => args.str(0));
      try {
        if (await uac.database.refresh(uuid)) return;
      } catch (error) {
        uac.ctx.log.error(`uac.reg_refresh: ${(error as Error).message}`);
        throw new RpcFault(500, 'Failed to refresh record - check log messages');
      }
      throw new RpcFault(404, 'Record not found');
    },
  },
  'uac.reg_remove': {
    doc: 'Forgets a registration, in memory.',
    params: ['l_uuid'],
    run: (args, { registrations }) => {
      const uuid = needed(() => args.str(0));
      if (registrations.get(uuid) === undefined) throw new RpcFault(404, 'Record not found');
      registrations.remove(uuid);
    },
  },
  'uac.reg_add': {
    doc: 'Adds a registration, in memory. A dot stands for nothing.',
    params: addParams(),
    run: (args, { registrations, ctx }) => {
      const record = recordOf(addedColumns(args));
      if ('error' in record) {
        ctx.log.error(`uac.reg_add: ${record.error}`);
        const why = record.isSecret ? 'invalid password or ha1' : 'check log messages';
        throw new RpcFault(500, `Failed to add record - ${why}`);
      }
      if (registrations.get(record.uuid) !== undefined) throw new RpcFault(409, 'uuid already exists');
      registrations.put(record);
    },
  },
  'uac.reg_active': {
    doc: 'Whether anything is registered at all: 0 or 1.',
    params: ['mode'],
    run: (args, { registrations }) => {
      let nmode: number;
      try {
        nmode = args.int(0);
      } catch {
        throw new RpcFault(500, 'Missing parameter');
      }
      const omode = registrations.active;
      registrations.setActive(nmode === 0 ? 0 : 1);
      return { omode, nmode };
    },
  },
};

function switching(op: 'enable' | 'disable' | 'unregister', doc: string): RpcMethod<Uac> {
  return {
    doc,
    params: ['attribute', 'value'],
    run: (args, uac) => {
      uac.registrations[op](found(args, uac).record.uuid);
    },
  };
}

function needed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RpcFault) throw new RpcFault(400, 'Invalid Parameters');
    throw error;
  }
}

function found(args: RpcArgs, { registrations }: Uac): RegEntry {
  const [name, value] = needed(() => [args.str(0), args.str(1)] as const);
  if (!isFilter(name)) throw new RpcFault(400, 'Unsupported filter attribute');
  const entry = registrations.find(name, value);
  if (entry === undefined) throw new RpcFault(404, 'Record not found');
  return entry;
}

export function isFilter(name: string): name is FilterName {
  return Object.hasOwn(FILTERS, name);
}

/** Parameters of uac.reg_add in their order. */
function addParams(): readonly UacregColumn[] {
  return [
    'l_uuid',
    'l_username',
    'l_domain',
    'r_username',
    'r_domain',
    'realm',
    'auth_username',
    'auth_password',
    'auth_ha1',
    'auth_proxy',
    'expires',
    'flags',
    'reg_delay',
    'socket',
    'contact_addr',
  ];
}

const NUMBERS: ReadonlySet<string> = new Set(['expires', 'flags', 'reg_delay']);

function addedColumns(args: RpcArgs): (column: UacregColumn) => string {
  const values = new Map<UacregColumn, string>();
  for (const [at, name] of addParams().entries()) {
    const value = needed(() => (NUMBERS.has(name) ? String(args.int(at)) : args.str(at)));
    values.set(name, value === '.' ? '' : value);
  }
  return (column) => values.get(column) ?? '';
}

function describe({ ctx }: Uac, { record, state, delaySec, initSec }: RegEntry): RpcStruct {
  const nowSec = Math.floor(ctx.server.clock.wall() / 1000);
  return new RpcStruct()
    .add('l_uuid', record.uuid)
    .add('l_username', record.localUser)
    .add('l_domain', record.localDomain)
    .add('r_username', record.remoteUser)
    .add('r_domain', record.remoteDomain)
    .add('realm', record.realm || null)
    .add('auth_username', record.authUser)
    .add('auth_password', record.authPassword || 'none')
    .add('auth_ha1', record.authHa1 || 'none')
    .add('auth_proxy', record.authProxy)
    .add('expires', state.expiresSec)
    .add('flags', state.flags)
    .add('diff_expires', state.timerExpires - nowSec)
    .add('timer_expires', state.timerExpires)
    .add('reg_init', initSec)
    .add('reg_delay', delaySec)
    .add('contact_addr', contactAddr(ctx, record))
    .add('socket', record.socket || null);
}
