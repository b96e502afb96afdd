import { defineModule, intParam, listParam, strParam } from 'strowger';
import { COMMANDS } from './commands.ts';
import { parseDefinition } from './definition.ts';
import { isFirstStart, loadAll, startEvents, storeAll } from './lifecycle.ts';
import { RPC } from './rpc.ts';
import { Tables } from './tables.ts';
import { VARIABLES } from './variables.ts';

const NO_DMQ = 'there is no dmq module yet: tables are those of this server';

export default defineModule<Tables>({
  name: 'htable',
  summary: 'Hash tables in memory for the script, loaded from a database where wanted.',
  depends: ['db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: {
    htable: listParam({
      doc: 'Defines a table: name=>size=8;autoexpire=3600;dbtable=…;cols=…;dbmode=1;initval=0;updateexpire=0.',
      check: (value) => {
        const parsed = parseDefinition(String(value));
        return typeof parsed === 'string' ? parsed : null;
      },
    }),
    db_url: strParam({ default: null, doc: 'Database that tables with dbtable are loaded from.' }),
    key_name_column: strParam({ default: 'key_name', doc: 'Column with the key.' }),
    key_type_column: strParam({ default: 'key_type', doc: 'Column that is 1 for elements of an array, else 0.' }),
    value_type_column: strParam({
      default: 'value_type',
      doc: 'Column that is 1 where the value is an integer, else 0.',
    }),
    key_value_column: strParam({ default: 'key_value', doc: 'Column with the value.' }),
    expires_column: strParam({ default: 'expires', doc: 'Column with the second at which the item ends.' }),
    array_size_suffix: strParam({ default: '::size', doc: 'Behind the name of an array: the key of its size.' }),
    fetch_rows: intParam({
      default: 100,
      doc: 'Rows to fetch at once.',
      noEffect: 'the drivers read a table as one result',
    }),
    timer_interval: intParam({ default: 20, min: 1, doc: 'Seconds between two looks for expired items.' }),
    db_expires: intParam({ default: 0, min: 0, max: 1, doc: '1: the end of items is loaded and stored too.' }),
    enable_dmq: intParam({ default: 0, doc: 'Replication to other servers.', noEffect: NO_DMQ }),
    dmq_init_sync: intParam({ default: 0, doc: 'Ask other servers for the tables at start.', noEffect: NO_DMQ }),
    timer_procs: intParam({
      default: 0,
      doc: 'Processes that look for expired items.',
      noEffect: 'the sweep is cut into short parts between messages',
    }),
    event_callback: strParam({
      default: null,
      doc: 'Function of an embedded language for the events.',
      noEffect: 'scripts of embedded languages are not run here',
    }),
    event_callback_mode: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'When event_route[htable:mod-init] runs: 0 as the modules start, 1 when the first worker runs.',
    }),
  },
  commands: COMMANDS,
  pseudoVariables: VARIABLES,
  eventRoutes: {
    'mod-init': { doc: 'Once at the start, to fill tables.' },
    init: { doc: 'Allowed, as in Kamailio, and never run.' },
    'htable:expired:*': { doc: 'An item of the table has expired: $shtrecord(key), $shtrecord(value).' },
  },
  rpc: RPC,
  async init(ctx) {
    const tables = new Tables(ctx);
    if (isFirstStart(ctx.server)) await loadAll(tables);
    return tables;
  },
  async childInit(tables, ctx) {
    if (!ctx.server.isFirstWorker) return;
    tables.startSweeping(ctx.int('timer_interval'));
    await startEvents(tables);
  },
  async destroy(tables, ctx) {
    tables.close();
    if (ctx.server.isFirstWorker) await storeAll(tables);
    await tables.db.close();
  },
});
