import { currentText, type Insertion, type Run, type SendContext, type SipMsg } from 'strowger';

const RULE = 77;

/** The message as it would leave now, and what of it is new or gone. */
export function dumpMessage(run: Run): string {
  const { msg } = run;
  const line = run.program.positions[run.position]?.line ?? 0;
  const { headers, body } = differences(msg);
  return [
    `CONFIG LINE ${line}`,
    title('START OF SIP message debug'),
    currentText(msg),
    title('SIP header diffs'),
    ...headers,
    title('SIP body diffs'),
    ...body,
    title('END OF SIP message debug'),
  ].join('\n');
}

function title(text: string): string {
  const dashes = RULE - text.length - 2;
  const left = dashes >> 1;
  return `${'-'.repeat(left)} ${text} ${'-'.repeat(dashes - left)}`;
}

/** What the edits delete, with a `-`, and what they insert, in order. */
function differences(msg: SipMsg): { readonly headers: readonly string[]; readonly body: readonly string[] } {
  const ctx: SendContext = { outgoing: msg.rcv.socket, incoming: msg.rcv.socket, branchLumps: null };
  const headers: string[] = [];
  const body: string[] = [];
  for (const lump of msg.lumpList?.items ?? []) {
    if (lump.isCancelled) continue;
    const lines = lump.offset < msg.bodyStart ? headers : body;
    if (lump.deleted > 0) lines.push(`- ${trimmed(msg.buf.slice(lump.offset, lump.offset + lump.deleted))}`);
    for (const text of [...(lump.before ?? []), ...(lump.after ?? [])]) lines.push(trimmed(textOf(text, ctx)));
  }
  return { headers: headers.filter((text) => text !== ''), body: body.filter((text) => text !== '') };
}

function textOf(text: Insertion, ctx: SendContext): string {
  return typeof text === 'string' ? text : text(ctx);
}

function trimmed(text: string): string {
  return text.replace(/\r?\n$/, '');
}
