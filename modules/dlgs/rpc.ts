import { mergeSum, type RpcArgs, RpcFault, RpcMany, type RpcMethod, type RpcValue } from 'strowger';
import { type Dialog, STATE, type State } from './dialogs.ts';
import { filterOf } from './filter.ts';
import type { Tracker } from './tracker.ts';

type Method = RpcMethod<Tracker>;

const STATE_NAMES: Readonly<Record<State, string>> = {
  [STATE.INIT]: 'init',
  [STATE.PROGRESS]: 'progress',
  [STATE.ANSWERED]: 'answered',
  [STATE.CONFIRMED]: 'confirmed',
  [STATE.TERMINATED]: 'terminated',
  [STATE.NOT_ANSWERED]: 'notanswered',
};

function describe(dialog: Dialog, count: number): RpcValue {
  const { src, dst, data, ruid, callId, fromTag, toTag, initSec, answerSec, state } = dialog;
  return {
    count,
    src,
    dst,
    data,
    ruid,
    callid: callId,
    ftag: fromTag,
    ttag: toTag,
    ts_init: initSec,
    ts_answer: answerSec,
    state,
  };
}

function briefly({ src, dst, ruid, state }: Dialog, count: number): RpcValue {
  return { count, src, dst, ruid, state };
}

function matching(args: RpcArgs, { dialogs, regexes }: Tracker): Dialog[] {
  const test = filterOf(args.str(0), args.str(1), args.str(2), regexes);
  if (typeof test === 'string') throw new RpcFault(500, test);
  return [...dialogs.all()].filter(test);
}

const FILTER = ['field', 'operator', 'text'];

export const RPC: Readonly<Record<string, Method>> = {
  'dlgs.list': {
    doc: 'Shows all dialogs.',
    scope: 'all',
    run: (_args, { dialogs }) => new RpcMany([...dialogs.all()].map((dialog, i) => describe(dialog, i + 1))),
  },
  'dlgs.briefing': {
    doc: 'Shows all dialogs, the most important of each.',
    scope: 'all',
    run: (_args, { dialogs }) => new RpcMany([...dialogs.all()].map((dialog, i) => briefly(dialog, i + 1))),
  },
  'dlgs.get': {
    doc: 'Shows the first dialog that fits.',
    params: FILTER,
    scope: 'all',
    merge: (replies) => replies[0],
    run: (args, tracker) => {
      const [first] = matching(args, tracker);
      if (first === undefined) throw new RpcFault(404, 'No dialog fits');
      return describe(first, 1);
    },
  },
  'dlgs.getall': {
    doc: 'Shows all dialogs that fit.',
    params: FILTER,
    scope: 'all',
    run: (args, tracker) => new RpcMany(matching(args, tracker).map((dialog, i) => describe(dialog, i + 1))),
  },
  'dlgs.stats': {
    doc: 'How many dialogs are in each state.',
    scope: 'all',
    merge: mergeSum,
    run: (_args, { dialogs }) => {
      const counts: Record<string, number> = {};
      for (const name of Object.values(STATE_NAMES)) counts[name] = 0;
      for (const { state } of dialogs.all()) counts[STATE_NAMES[state]] = (counts[STATE_NAMES[state]] ?? 0) + 1;
      return counts;
    },
  },
};
