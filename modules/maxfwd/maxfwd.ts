import { HDR, insertHeader, type Lump, type ModuleContext, parseDecimal, type Run, type SipMsg } from 'strowger';

/** What this module did to a message: the value now, and the edit that writes it. */
interface Written {
  readonly buf: string;
  value: number;
  readonly lump: Lump;
}

export class MaxForwards {
  readonly ctx: ModuleContext;
  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
  }
}

/** What was written into this message before; nothing once its changes were applied. */
function written(msg: SipMsg, state: MaxForwards): Written | undefined {
  const before = msg.extension<Written>(state);
  return before?.buf === msg.buf && msg.lumpList?.items.includes(before.lump) === true ? before : undefined;
}

/** The value in the message: -1 when there is no header, -2 when it is no number 0 … 255 (RFC 3261 §20.22). */
function received(msg: SipMsg): number {
  const row = msg.findHdr(HDR.MAXFORWARDS);
  return row < 0 ? -1 : parseDecimal(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row), 255);
}

/** maxfwd_process: called again, it lowers what it wrote. */
export function processMaxfwd(run: Run, state: MaxForwards, value: number): number {
  const { msg } = run;
  const before = written(msg, state);
  if (before !== undefined) {
    if (before.value === 0) return -1;
    write(before, before.value - 1);
    return 1;
  }
  const current = received(msg);
  if (current === -1) return add(msg, state, value);
  if (current === -2) return -2;
  if (current === 0) return -1;
  const next = Math.min(current - 1, state.ctx.int('max_limit'));
  const row = msg.findHdr(HDR.MAXFORWARDS);
  const start = msg.hdrValueStart(row);
  const lump = msg.lumps.del(start, msg.hdrValueEnd(row) - start, HDR.MAXFORWARDS).insertAfter(String(next));
  msg.setExtension(state, { buf: msg.buf, value: next, lump });
  return 1;
}

function write(before: Written, value: number): void {
  before.value = value;
  before.lump.after = [String(value)];
}

function add(msg: SipMsg, state: MaxForwards, value: number): number {
  if (value < 0) return -2;
  insertHeader(msg, `Max-Forwards: ${Math.min(value, state.ctx.int('max_limit'))}\r\n`, HDR.MAXFORWARDS);
  return 2;
}

/** is_maxfwd_lt: of the value now, so also of one that was lowered. */
export function isMaxfwdLt(run: Run, state: MaxForwards, limit: number): number {
  if (limit < 0) return -3;
  const current = written(run.msg, state)?.value ?? received(run.msg);
  if (current === -1) return -2;
  if (current === -2) return -3;
  return current < limit ? 1 : -1;
}
