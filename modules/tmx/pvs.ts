import { type PvDef, type PvUse, type PvValue, ROUTE, type Run, readOnly, type SipMsg } from 'strowger';
import type { Transaction } from '../tm/api.ts';
import type { Tmx } from './tmx.ts';

/** $T…: what is known of the transaction of the message (Kamailio: pseudo-variables, TMX Module). */
export const TMX_PVS: Readonly<Record<string, PvDef<Tmx>>> = {
  T_branch_idx: readOnly(
    'In branch, onreply and branch failure routes the number of the branch; elsewhere how many branches there are.',
    branchIndex,
  ),
  T_reply_code: readOnly(
    'Status of the reply (onreply route), of the best reply (failure route), or the last one sent; 0 for none.',
    replyCode,
  ),
  T_reply_reason: readOnly('Reason phrase of that reply; null in a request route.', replyReason),
  T_reply_last: readOnly('In an onreply route the status last received on the branch; null elsewhere.', replyLast),
  T_reply_ruid: readOnly('Unique id of the registered contact that the branch went to.', ruid),
  T_req: inner('Another variable, of the request the reply belongs to.', (run, tmx) => tmx.of(run)?.request ?? null),
  T_rpl: inner('Another variable, of the best reply, in a failure route.', (run, tmx) => bestReply(run, tmx)),
  T_inv: inner(
    'Another variable, of the INVITE that a CANCEL cancels.',
    (run, tmx) => tmx.inviteOf(run)?.request ?? null,
  ),
  T: {
    doc: 'An attribute of the transaction: id_index, id_label, id_index_n, id_label_n, reply_code, reply_reason, reply_last, branch_index, ruid, reply_type.',
    name: 'required',
    bind: (use, tmx) => {
      const attribute = ATTRIBUTES.get(use.name ?? '');
      return attribute === undefined ? unknown(use, ATTRIBUTES.keys()) : { get: (run) => attribute(run, tmx) };
    },
  },
  T_branch: {
    doc: 'An attribute of the branch: flags, uri.',
    name: 'required',
    bind: (use, tmx) => {
      if (use.name === 'flags') return { get: (run) => branchFlags(run, tmx) };
      if (use.name !== 'uri') return unknown(use, ['flags', 'uri']);
      return { get: (run) => (run.routeType === ROUTE.TM_ONREPLY ? (tmx.branchOf(run)?.uri ?? null) : null) };
    },
  },
};

const ATTRIBUTES: ReadonlyMap<string, (run: Run, tmx: Tmx) => PvValue> = new Map<
  string,
  (run: Run, tmx: Tmx) => PvValue
>([
  ['id_index', (run, tmx) => tmx.of(run)?.index ?? null],
  ['id_label', (run, tmx) => tmx.of(run)?.label ?? null],
  ['id_index_n', (run, tmx) => tmx.ofOrNew(run)?.index ?? null],
  ['id_label_n', (run, tmx) => tmx.ofOrNew(run)?.label ?? null],
  ['reply_code', replyCode],
  ['reply_reason', replyReason],
  ['reply_last', replyLast],
  ['branch_index', branchIndex],
  ['ruid', ruid],
  ['reply_type', replyType],
]);

function unknown(use: PvUse, known: Iterable<string>): string {
  return `${use.text}: the name is one of ${[...known].join(', ')}`;
}

function isFailure(run: Run): boolean {
  return run.routeType === ROUTE.FAILURE || run.routeType === ROUTE.BRANCH_FAILURE;
}

function branchIndex(run: Run, tmx: Tmx): PvValue {
  switch (run.routeType) {
    case ROUTE.BRANCH:
    case ROUTE.ONSEND:
    case ROUTE.TM_ONREPLY:
    case ROUTE.BRANCH_FAILURE:
      return run.branch;
    case ROUTE.REQUEST:
    case ROUTE.FAILURE:
      return tmx.of(run)?.branches.length ?? 0;
    default:
      return -1;
  }
}

function replyCode(run: Run, tmx: Tmx): PvValue {
  if (!run.msg.isRequest) return run.msg.status;
  const t = tmx.of(run);
  if (t === null) return 0;
  return isFailure(run) ? (tmx.branchOf(run)?.status ?? 0) : t.status;
}

function replyReason(run: Run, tmx: Tmx): PvValue {
  if (!run.msg.isRequest) return run.msg.reason;
  if (!isFailure(run)) return null;
  const branch = tmx.branchOf(run);
  if (branch === undefined) return null;
  return branch.reply === null ? tmx.reasonOf(branch.status) : branch.reply.reason;
}

function replyLast(run: Run, tmx: Tmx): PvValue {
  if (run.routeType !== ROUTE.TM_ONREPLY && run.routeType !== ROUTE.CORE_ONREPLY) return null;
  return tmx.of(run) === null ? null : run.msg.status;
}

function ruid(run: Run, tmx: Tmx): PvValue {
  return tmx.branchOf(run)?.ruid ?? '';
}

/** 1 where the reply a failure route is about was made here. */
function replyType(run: Run, tmx: Tmx): PvValue {
  const branch = isFailure(run) ? tmx.branchOf(run) : undefined;
  return branch !== undefined && branch.reply === null ? 1 : 0;
}

function branchFlags(run: Run, tmx: Tmx): PvValue {
  const branch = tmx.branchOf(run);
  return branch === undefined ? null : run.routeType === ROUTE.TM_ONREPLY ? run.msg.bflags | 0 : branch.flags | 0;
}

function bestReply(run: Run, tmx: Tmx): SipMsg | null {
  if (!run.msg.isRequest) return run.msg;
  return isFailure(run) ? (tmx.branchOf(run)?.reply ?? null) : lastReply(tmx.of(run));
}

function lastReply(t: Transaction | null): SipMsg | null {
  return t?.branches[t.winner]?.reply ?? null;
}

/** A variable that shows another one as it is for another message. */
function inner(doc: string, messageOf: (run: Run, tmx: Tmx) => SipMsg | null): PvDef<Tmx> {
  return {
    doc,
    name: 'required',
    indexed: false,
    bind: (use, tmx) => {
      if (!/^\s*\$/.test(use.name ?? '')) return `${use.text}: a variable stands in the parentheses`;
      const pv = use.pv((use.name ?? '').trim());
      return {
        get: (run) => {
          const msg = messageOf(run, tmx);
          if (msg === null) return null;
          const own = run.msg;
          run.msg = msg;
          try {
            return pv.get(run);
          } finally {
            run.msg = own;
          }
        },
      };
    },
  };
}
