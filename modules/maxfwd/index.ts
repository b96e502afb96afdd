import { BRANCH_ROUTE, type CommandDef, command, defineModule, FAILURE_ROUTE, intParam, REQUEST_ROUTE } from 'strowger';
import { isMaxfwdLt, MaxForwards, processMaxfwd } from './maxfwd.ts';

const process: CommandDef<MaxForwards> = command({
  doc: 'Lowers Max-Forwards, or adds it. 2 added, 1 lowered, -1 it was 0, -2 it could not be read.',
  args: ['int'],
  argNames: ['max_value'],
  routes: REQUEST_ROUTE,
  run: (run, state: MaxForwards, value) => processMaxfwd(run, state, value),
});

const isLess: CommandDef<MaxForwards> = command({
  doc: 'True when Max-Forwards is below the value; -2 when there is none, -3 when it can not be read.',
  args: ['int'],
  argNames: ['max_value'],
  routes: REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE,
  run: (run, _state: MaxForwards, value) => isMaxfwdLt(run, value),
});

export default defineModule<MaxForwards>({
  name: 'maxfwd',
  summary: 'Checks, lowers and adds Max-Forwards (RFC 3261 §16.3).',
  params: {
    max_limit: intParam({
      default: 70,
      min: 1,
      max: 255,
      runtime: true,
      doc: 'Highest value let through: a higher one is lowered to it.',
    }),
  },
  commands: {
    maxfwd_process: process,
    mf_process_maxfwd_header: process,
    process_maxfwd: process,
    is_maxfwd_lt: isLess,
    maxfwd_at_least: isLess,
    mf_lowlimit: isLess,
  },
  init: (ctx) => new MaxForwards(ctx),
});
