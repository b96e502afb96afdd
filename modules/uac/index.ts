import { defineModule, type StatDef } from 'strowger';
import { uacApi } from './api.ts';
import { REG_FLAG } from './client-registration.ts';
import { UAC_COMMANDS } from './commands.ts';
import { UAC_PARAMS } from './params.ts';
import { UAC_RPC } from './reg-rpc.ts';
import { FIELD_NAMES, isFieldName } from './request-fields.ts';
import { Uac } from './uac.ts';
import { fieldsOf } from './uac-req.ts';

/** A number that all workers know is counted in one. */
function counted(doc: string, get: (uac: Uac) => number): StatDef<Uac> {
  return { doc, get: (uac) => (uac.ctx.server.isFirstWorker ? get(uac) : 0) };
}

export default defineModule<Uac>({
  name: 'uac',
  summary: 'What a user agent client does: other names in From and To, credentials, own requests, registrations.',
  depends: ['tm', 'rr?', 'dialog?', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: UAC_PARAMS,
  commands: UAC_COMMANDS,
  pseudoVariables: {
    uac_req: {
      doc: 'The request that uac_req_send() sends; in event_route[uac:reply] the one that was answered.',
      name: 'required',
      writable: true,
      bind: ({ name }, uac) => {
        if (!isFieldName(name)) return `$uac_req(${name}): expected ${FIELD_NAMES.join(', ')}`;
        return {
          get: (run) => fieldsOf(run).get(name),
          set: (run, value) => {
            if (name === 'sock' && typeof value === 'string' && uac.requests.socket(value) === undefined) {
              uac.ctx.log.error(`$uac_req(sock): ${value} is none of our sockets`);
              return false;
            }
            return fieldsOf(run).set(name, value);
          },
        };
      },
    },
  },
  eventRoutes: {
    reply: { doc: 'A request of uac_req_send() was answered or given up, as $uac_req(evroute) asked for.' },
  },
  rpc: UAC_RPC,
  statistics: {
    regtotal: counted('Registrations.', ({ registrations }) => registrations.size),
    regactive: counted('Registrations that are there.', ({ registrations }) => registrations.count(REG_FLAG.ONLINE)),
    regdisabled: counted('Registrations that are disabled.', ({ registrations }) =>
      registrations.count(REG_FLAG.DISABLED),
    ),
  },
  procs: [{ name: 'TIMER UAC REG', start: ({ registrations }) => registrations.own() }],
  async init(ctx) {
    const uac = new Uac(ctx);
    if (uac.database.isNamed) await uac.database.load();
    return uac;
  },
  childInit: (uac) => uac.check(),
  destroy: (uac) => uac.close(),
  api: uacApi,
});
