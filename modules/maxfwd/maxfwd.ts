import { HDR, insertHeader, type Lump, type ModuleContext, parseDecimal, type Run, type SipMsg } from 'strowger';

export class MaxForwards {
  readonly ctx: ModuleContext;
  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
  }

  get maxLimit(): number {
    return this.ctx.params['max_limit'] as number;
  }
}

/** The edit that wrote a value into this message before; nothing once its changes were applied. */
function written(msg: SipMsg): Lump | undefined {
  const items = msg.lumpList?.items;
  if (items === undefined || items.length === 0) return undefined;
  const row = msg.findHdr(HDR.MAXFORWARDS);
  const at = row < 0 ? -1 : msg.hdrValueStart(row);
  return items.find((lump) => lump.kind === HDR.MAXFORWARDS && lump.offset === at && lump.after !== null);
}

function valueOf(edit: Lump): number {
  return Number(edit.after?.[0]);
}

/** The value in the message: -1 when there is no header, -2 when it is no number 0 … 255 (RFC 3261 §20.22). */
function received(msg: SipMsg): number {
  const row = msg.findHdr(HDR.MAXFORWARDS);
  return row < 0 ? -1 : parseDecimal(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row), 255);
}

/** maxfwd_process: called again, it lowers what it wrote. */
export function processMaxfwd(run: Run, state: MaxForwards, value: number): number {
  const { msg } = run;
  const before = written(msg);
  if (before !== undefined) {
    const lower = valueOf(before) - 1;
    if (lower < 0) return -1;
    before.after = [String(lower)];
    return 1;
  }
  const current = received(msg);
  if (current === -1) return add(msg, state, value);
  if (current === -2) return -2;
  if (current === 0) return -1;
  const next = Math.min(current - 1, state.maxLimit);
  const row = msg.findHdr(HDR.MAXFORWARDS);
  const start = msg.hdrValueStart(row);
  msg.lumps.del(start, msg.hdrValueEnd(row) - start, HDR.MAXFORWARDS).insertAfter(String(next));
  return 1;
}

function add(msg: SipMsg, state: MaxForwards, value: number): number {
  if (value < 0) return -2;
  insertHeader(msg, `Max-Forwards: ${Math.min(value, state.maxLimit)}\r\n`, HDR.MAXFORWARDS);
  return 2;
}

/** is_maxfwd_lt: of the value now, so also of one that was lowered. */
export function isMaxfwdLt(run: Run, limit: number): number {
  if (limit < 0) return -3;
  const edit = written(run.msg);
  const current = edit === undefined ? received(run.msg) : valueOf(edit);
  if (current === -1) return -2;
  if (current === -2) return -3;
  return current < limit ? 1 : -1;
}
