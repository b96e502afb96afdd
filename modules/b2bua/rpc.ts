import { type RpcArgs, RpcFault, type RpcMethod, type RpcReply, type RpcValue } from 'strowger';
import type { Call } from './call.ts';
import { detailsOf, historyOf, insideOf, summaryOf } from './call-report.ts';
import type { Calls } from './calls.ts';
import { mermaidLadder, textLadder } from './ladder.ts';

/** A call of this worker; a fault where there is none: with several workers another may have it. */
function callOfRpc(calls: Calls, id: string): Call {
  const call = calls.recent(id);
  if (call === null) throw new RpcFault(404, `no call ${id}`);
  return call;
}

/** One that has not ended. */
function liveCallOfRpc(calls: Calls, id: string): Call {
  const call = callOfRpc(calls, id);
  if (call.isEnded) throw new RpcFault(410, `call ${id} has ended`);
  return call;
}

function ladder(args: RpcArgs, calls: Calls): RpcValue {
  const call = callOfRpc(calls, args.str(0));
  const kind = args.str(1, 'text');
  const legs = call.legs.map((leg) => ({ id: leg.id, label: leg.dialog.remote.replace(/[<>]/g, '') }));
  if (kind === 'text') return textLadder(call.history, legs, call.startedMs);
  if (kind === 'mermaid') return mermaidLadder(call.history, legs, call.startedMs);
  throw new RpcFault(400, `"${kind}" is no kind of ladder: text or mermaid`);
}

/** The counts of several workers added up, by name. */
function addUp(replies: readonly RpcReply[]): RpcReply {
  return replies.reduce((total, reply) => plus(total as RpcValue, reply as RpcValue));
}

function plus(a: RpcValue, b: RpcValue): RpcValue {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (!isStruct(a) || !isStruct(b)) return a;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      name in a && name in b ? plus(a[name] ?? 0, b[name] ?? 0) : (a[name] ?? b[name] ?? 0),
    ]),
  );
}

function isStruct(value: RpcValue): value is { readonly [name: string]: RpcValue } {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

const ID = 'call id';

/** b2bua.*: calls, limits, statistics. Calls belong to a worker, so most are asked of all. */
export const CALL_RPC: Readonly<Record<string, RpcMethod<Calls>>> = {
  'b2bua.list': {
    scope: 'all',
    doc: 'Calls that are there, with state, caller, callee, age and duration in seconds.',
    run: (_args, calls) => [...calls].map(summaryOf),
  },
  'b2bua.get': {
    scope: 'all',
    doc: 'All of a call and its legs; also for half a minute after its end.',
    params: [ID],
    run: (args, calls) => detailsOf(callOfRpc(calls, args.str(0))),
  },
  'b2bua.history': {
    scope: 'all',
    doc: 'What happened in a call: seconds, leg, < received or > sent.',
    params: [ID],
    run: (args, calls) => historyOf(callOfRpc(calls, args.str(0))),
  },
  'b2bua.ladder': {
    scope: 'all',
    doc: "A call's messages as a drawing: text, or mermaid.",
    params: [ID, '[kind]'],
    run: ladder,
  },
  'b2bua.dump': {
    scope: 'all',
    doc: 'Everything known of a call, or of all calls: for looking for a defect.',
    params: [`[${ID}]`],
    run: (args, calls) => (args.has(0) ? [callOfRpc(calls, args.str(0))] : [...calls]).map(insideOf),
  },
  'b2bua.end': {
    scope: 'all',
    doc: 'Ends a call: BYE, CANCEL or a refusal to each leg; the reason is the value of a Reason header.',
    params: [ID, '[reason]'],
    run(args, calls) {
      const call = liveCallOfRpc(calls, args.str(0));
      const reason = args.str(1, '').replace(/[\r\n]/g, ' ');
      call.post(() => call.end(reason || 'ended by RPC', reason === '' ? '' : `Reason: ${reason}\r\n`));
      return 'Ok';
    },
  },
  'b2bua.limits': {
    doc: 'Slots of limits that are taken, over all workers.',
    run: (_args, calls) => calls.limits.list().map(({ name, key, count }) => ({ name, key, count })),
  },
  'b2bua.stats': {
    scope: 'all',
    merge: addUp,
    doc: 'Counters; failures by status; post-dial delays: how many took up to so many ms.',
    run(_args, calls) {
      const counters = calls.server.counters.members('b2bua');
      const own = calls.stats.own();
      return {
        ...Object.fromEntries(counters.map((counter) => [counter.name, counter.own])),
        failures: own.failures,
        pdd: own.pdd,
        pdd_count: own.pddCount,
        pdd_sum_ms: own.pddSumMs,
      };
    },
  },
};
