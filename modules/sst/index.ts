import { command, defineModule, intParam, ONREPLY_ROUTE, REQUEST_ROUTE, type Run, strParam } from 'strowger';
import { SessionTimers } from './timers.ts';

export default defineModule<SessionTimers>({
  name: 'sst',
  summary: 'Session timers for proxies (RFC 4028): calls that nobody refreshes end.',
  depends: ['dialog', 'tm', 'sl'],
  params: {
    enable_stats: intParam({ default: 1, min: 0, max: 1, doc: '0: the statistic stays 0.' }),
    min_se: intParam({ default: 1800, min: 90, doc: 'The shortest session that is allowed, seconds.' }),
    timeout_avp: strParam({
      default: null,
      doc: 'The variable of dialog’s timeout_avp; without it the lifetime of dialogs stays as it is.',
    }),
    reject_to_small: intParam({
      default: 1,
      min: 0,
      max: 1,
      doc: '1: an INVITE whose session is too short is answered with 422, where its sender knows timers.',
    }),
    sst_flag: intParam({
      default: -1,
      min: -1,
      max: 31,
      doc: 'Flag of INVITEs whose sessions are timed; must be set.',
    }),
  },
  commands: {
    sstCheckMin: command({
      doc: 'Is the session that the request asks for too short? 1: it is answered with 422 then.',
      args: ['int'],
      argNames: ['send_reply_flag'],
      routes: REQUEST_ROUTE | ONREPLY_ROUTE,
      run: (run: Run, timers: SessionTimers, sendsReply) => timers.checkMin(run, sendsReply !== 0),
    }),
  },
  statistics: {
    expired_sst: { doc: 'Dialogs with a timed session whose time was over.' },
  },
  init: (ctx) => new SessionTimers(ctx),
  childInit: (timers) => timers.start(),
  destroy: (timers) => timers.stop(),
});
