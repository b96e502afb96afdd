import { defineModule, intParam, type StatDef } from 'strowger';
import { TMX_COMMANDS } from './commands.ts';
import { TMX_PVS } from './pvs.ts';
import { Tmx } from './tmx.ts';

const stat = (doc: string, get: (tmx: Tmx) => number): StatDef<Tmx> => ({ doc, get });

export default defineModule<Tmx>({
  name: 'tmx',
  summary: 'Extensions of tm: variables of the transaction, suspending, statistics.',
  depends: ['tm'],
  params: {
    precheck_trans: intParam({
      default: 1,
      min: 0,
      max: 1,
      doc: 'Whether t_precheck_trans() looks.',
      noEffect: 'requests that are being processed are kept from the script anyway',
    }),
  },
  commands: TMX_COMMANDS,
  pseudoVariables: TMX_PVS,
  statistics: {
    UAS_transactions: stat('Transactions of received requests so far.', ({ tm }) => tm.stats.uas),
    UAC_transactions: stat('Transactions of own requests so far.', ({ tm }) => tm.stats.uac),
    '2xx_transactions': stat('Transactions that ended with 2xx.', ({ tm }) => tm.stats.final(2)),
    '3xx_transactions': stat('Transactions that ended with 3xx.', ({ tm }) => tm.stats.final(3)),
    '4xx_transactions': stat('Transactions that ended with 4xx.', ({ tm }) => tm.stats.final(4)),
    '5xx_transactions': stat('Transactions that ended with 5xx.', ({ tm }) => tm.stats.final(5)),
    '6xx_transactions': stat('Transactions that ended with 6xx.', ({ tm }) => tm.stats.final(6)),
    inuse_transactions: stat('Transactions there are now.', ({ tm }) => tm.stats.current),
    active_transactions: stat('Of these, those that are not answered yet.', ({ tm }) => tm.stats.active),
    rpl_received: stat('Replies received in transactions.', ({ tm }) => tm.stats.rplReceived),
    rpl_absorbed: stat('Of these, those that were not passed on.', ({ tm }) => tm.stats.rplAbsorbed),
    rpl_generated: stat('Replies made here.', ({ tm }) => tm.stats.rplGenerated),
    rpl_relayed: stat('Replies received and passed on.', ({ tm }) => tm.stats.rplRelayed),
    rpl_sent: stat('Replies sent, passed on or made here.', ({ tm }) => tm.stats.rplSent),
  },
  init: (ctx) => new Tmx(ctx),
});
