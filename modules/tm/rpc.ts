import {
  HDR,
  mergeSum,
  parseUri,
  type RpcArgs,
  RpcFault,
  type RpcMethod,
  type RpcReply,
  type RpcValue,
  SipMsg,
  type SocketInfo,
} from 'strowger';
import type { TmCore } from './core.ts';
import type { LocalRequest } from './local.ts';
import type { Transaction } from './transaction.ts';

/** Longest that tm.t_uac_wait_block waits, in ms. */
const BLOCK_MS = 80_000;

/** tm's RPC methods, with Kamailio's replies. */
export const TM_RPC: Readonly<Record<string, RpcMethod<TmCore>>> = {
  'tm.stats': {
    doc: 'Transactions and replies now and so far.',
    scope: 'all',
    merge: mergeSum,
    run: (_args, tm) => statsOf(tm),
  },
  'tm.hash_stats': {
    scope: 'all',
    merge: mergeSum,
    doc: 'How full the transaction table is.',
    run: (_args, tm) => ({ transactions: tm.table.size, slots: tm.table.slots, keys: tm.table.keys }),
  },
  'tm.list': {
    doc: 'All transactions.',
    scope: 'all',
    run: (_args, tm) => [...tm.table.all()].map((t) => describe(t, tm)),
  },
  'tm.clean': {
    doc: 'Ends transactions that should have ended long ago.',
    scope: 'all',
    run: (_args, tm) => {
      tm.clean();
    },
  },
  'tm.t_uac_start': {
    doc: 'Sends a request.',
    params: ['method', 'ruri', 'nexthop', 'socket', 'headers', '[body]'],
    run: (args, tm) => {
      start(tm, args, () => {});
    },
  },
  'tm.t_uac_wait': {
    doc: 'Sends a request and answers with its final reply: code, reason, and the headers of a reply received.',
    params: ['method', 'ruri', 'nexthop', 'socket', 'headers', '[body]'],
    run: (args, tm) =>
      new Promise<RpcReply>((resolve) => {
        start(tm, args, (reply, code, reason) => {
          const headers = reply === null ? '' : reply.buf.slice(reply.firstLineEnd, reply.headersEnd);
          resolve({ code, text: reason, headers, body: reply?.body ?? '' });
        });
      }),
  },
  'tm.t_uac_wait_block': {
    doc: 'Sends a request and answers with code and reason of its final reply; waits at most 80 seconds.',
    params: ['method', 'ruri', 'nexthop', 'socket', 'headers', '[body]'],
    run: (args, tm) =>
      new Promise<RpcReply>((resolve, reject) => {
        const timer = tm.wheel.after(BLOCK_MS, () => reject(new RpcFault(500, 'No reply received')));
        start(tm, args, (_reply, code, reason) => {
          tm.wheel.cancel(timer);
          resolve({ code, text: reason });
        });
      }),
  },
  'tm.cancel': {
    scope: 'all',
    doc: 'Cancels an INVITE of our own.',
    params: ['callid', 'cseq'],
    run: (args, tm) => {
      if (args.length < 2) throw new RpcFault(400, 'Callid and CSeq expected as parameters');
      const t = tm.local.find(args.str(0), args.int(1));
      if (t === null) throw new RpcFault(400, 'Transaction not found');
      tm.local.cancel(t);
    },
  },
  'tm.reply': {
    scope: 'all',
    doc: 'Answers a received request.',
    params: ['code', 'reason', 'trans_id', 'to_tag', 'new_headers', '[body]'],
    run: (args, tm) => {
      const id = /^(\d+):(\d+)$/.exec(args.str(2, ''));
      if (id === null) throw new RpcFault(400, 'Transaction ID expected');
      const t = tm.table.bySlot(Number(id[1]), Number(id[2]));
      if (t === null || t.isLocal) throw new RpcFault(481, 'No such transaction');
      answer(tm, t, args, 3);
    },
  },
  'tm.reply_callid': {
    scope: 'all',
    doc: 'Answers a received request, found by Call-ID and CSeq.',
    params: ['code', 'reason', 'callid', 'cseq', 'to_tag', 'new_headers', '[body]'],
    run: (args, tm) => {
      if (args.length < 3) throw new RpcFault(400, 'Call-ID expected');
      if (args.length < 4) throw new RpcFault(400, 'CSeq expected');
      const callId = args.str(2);
      const cseq = args.int(3);
      for (const t of tm.table.all()) {
        if (t.isLocal || t.request.callId !== callId || t.request.cseqNumber !== cseq) continue;
        answer(tm, t, args, 4);
        return;
      }
      throw new RpcFault(404, 'Transaction not found');
    },
  },
};

function statsOf(tm: TmCore): Record<string, number> {
  const { stats } = tm;
  return {
    current: stats.current,
    waiting: stats.waiting,
    total: stats.created,
    total_local: stats.uac,
    rpl_received: stats.rplReceived,
    rpl_generated: stats.rplGenerated,
    rpl_sent: stats.rplSent,
    '6xx': stats.final(6),
    '5xx': stats.final(5),
    '4xx': stats.final(4),
    '3xx': stats.final(3),
    '2xx': stats.final(2),
    created: stats.created,
    freed: stats.freed,
    delayed_free: stats.delayedFree,
  };
}

function describe(t: Transaction, tm: TmCore): RpcValue {
  const { request } = t;
  const row = (at: number): string => (at < 0 ? '' : request.buf.slice(request.hdrStart(at), request.hdrEnd(at)));
  return {
    cell: `0x${t.index.toString(16)}`,
    tindex: t.index,
    tlabel: t.label,
    method: request.methodName,
    from: row(request.fromAt),
    to: row(request.toAt),
    callid: row(request.callIdAt),
    cseq: `CSeq: ${request.cseqNumber}`,
    uas_request: t.isLocal ? 'no' : 'yes',
    tflags: t.flags,
    outgoings: t.branches.length,
    ref_count: 1,
    lifetime: Math.max(0, Math.floor((t.endOfLifeMs - tm.server.clock.now()) / 1000)),
  };
}

/** The arguments of t_uac_start and its like, checked, as a request that is on its way. */
function start(tm: TmCore, args: RpcArgs, done: (reply: SipMsg | null, code: number, reason: string) => void): void {
  if (args.length < 5) throw new RpcFault(400, `too few parameters (${args.length - 5}/5)`);
  const [method, uri, nextHop, socket, rows] = [0, 1, 2, 3, 4].map((at) => args.str(at)) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const problem = sendText(
    tm,
    { method, uri, nextHop: dotted(nextHop), socket: dotted(socket), rows, body: args.str(5, '') },
    done,
  );
  if (problem !== null) throw new RpcFault(400, problem);
}

/** A lone dot stands for nothing. */
function dotted(value: string): string {
  return value === '.' ? '' : value;
}

interface TextRequest {
  readonly method: string;
  readonly uri: string;
  readonly nextHop: string;
  readonly socket: string;
  /** Header rows: From and To at least; Call-ID and CSeq where the caller knows better. */
  readonly rows: string;
  readonly body: string;
}

/** Sends a request given as text (t_uac_start, t_uac_send). Returns what is wrong with it, or null. */
export function sendText(
  tm: TmCore,
  text: TextRequest,
  done: (reply: SipMsg | null, code: number, reason: string) => void,
): string | null {
  const { method, uri, nextHop, body } = text;
  if (!/^[A-Za-z0-9.!%*_+`'~-]+$/.test(method)) return `Invalid method "${method}"`;
  if (parseUri(uri) === null) return `Invalid request uri "${uri}"`;
  if (nextHop !== '' && parseUri(nextHop) === null) return `Invalid next-hop uri "${nextHop}"`;
  let socket: SocketInfo | null = null;
  if (text.socket !== '') {
    socket = tm.server.transport.findSocket(text.socket);
    if (socket === null) return `No local socket for "${text.socket}"`;
  }
  const rows = text.rows.replace(/\r?\n/g, '\r\n').replace(/(?:\r\n)*$/, text.rows.trim() === '' ? '' : '\r\n');
  const local = socket ?? tm.server.transport.sockets[0];
  if (local === undefined) return 'No local socket';
  const parsed = new SipMsg(`${method} ${uri} SIP/2.0\r\n${rows}\r\n`, receivedOn(local));
  if (parsed.error !== null) return `Invalid headers: ${parsed.error}`;
  if (parsed.fromAt < 0) return 'From missing';
  if (parsed.toAt < 0) return 'To missing';
  if (body !== '' && parsed.findHdr(HDR.CONTENTTYPE) < 0) return 'Content-Type missing';
  const request: LocalRequest = {
    method,
    uri,
    nextHop,
    from: parsed.hdrValue(parsed.fromAt),
    to: parsed.hdrValue(parsed.toAt),
    ...(parsed.callId === null ? {} : { callId: parsed.callId }),
    ...(parsed.cseqAt < 0 ? {} : { cseq: Number.parseInt(parsed.hdrValue(parsed.cseqAt), 10) || 1 }),
    headers: otherRows(parsed),
    body,
    socket,
    onReply: (reply, code) => done(reply, code, reply?.reason ?? 'No reply'),
  };
  return tm.local.send(request) === null ? 'No local socket' : null;
}

/** Rows that the request does not write itself. */
function otherRows(msg: SipMsg): string {
  let rows = '';
  for (let row = 0; row < msg.hdrCount; row++) {
    switch (msg.hdrKind(row)) {
      case HDR.FROM:
      case HDR.TO:
      case HDR.CALLID:
      case HDR.CSEQ:
      case HDR.VIA:
      case HDR.CONTENTLENGTH:
        break;
      default:
        rows += msg.buf.slice(msg.hdrStart(row), msg.hdrEnd(row));
    }
  }
  return rows;
}

function receivedOn(socket: SocketInfo): SipMsg['rcv'] {
  const { proto, address, port } = socket;
  return { proto, srcIp: address, srcPort: port, dstIp: address, dstPort: port, socket, conId: 0 };
}

/** The arguments from `at` on: To tag, header rows, body. */
function answer(tm: TmCore, t: Transaction, args: RpcArgs, at: number): void {
  const code = args.int(0);
  if (code < 100 || code > 699) throw new RpcFault(400, 'Reply code expected');
  const tag = dotted(args.str(at, ''));
  const rows = dotted(args.str(at + 1, ''));
  const text = rows === '' || rows.endsWith('\r\n') ? rows : `${rows}\r\n`;
  if (!tm.replies.reply(t, code, args.str(1), text, args.str(at + 2, ''), t.request, tag))
    throw new RpcFault(500, 'Reply could not be sent');
}
