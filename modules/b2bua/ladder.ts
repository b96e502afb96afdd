import type { HistoryLine } from './call.ts';

/** One side of the drawing. */
export interface LadderLeg {
  readonly id: string;
  /** What stands above its line. */
  readonly label: string;
}

/** Width of a column of the drawing. */
const WIDTH = 26;
const TIME_WIDTH = 9;

interface Step {
  readonly ms: number;
  /** Index of the leg; -1: of the call as a whole. */
  readonly leg: number;
  /** `in` from the leg to us, `out` from us to it, `note` neither. */
  readonly kind: 'in' | 'out' | 'note';
  readonly text: string;
}

function stepsOf(history: readonly HistoryLine[], legs: readonly LadderLeg[], startMs: number): Step[] {
  const columns = new Map(legs.map(({ id }, i) => [id, i]));
  return history.map(({ atMs, leg, what }) => {
    const arrow = /^([<>]) (.*)$/s.exec(what);
    const at = columns.get(leg) ?? -1;
    const kind = arrow === null || at < 0 ? 'note' : arrow[1] === '<' ? 'in' : 'out';
    return { ms: atMs - startMs, leg: at, kind, text: arrow === null ? what : (arrow[2] ?? '') };
  });
}

/** A call's history as a drawing of text: a column for us, then one for each leg, with arrows between. */
export function textLadder(history: readonly HistoryLine[], legs: readonly LadderLeg[], startMs: number): string[] {
  const names = ['b2bua', ...legs.map(({ label }) => label)];
  const head = ' '.repeat(TIME_WIDTH) + names.map((name) => name.slice(0, WIDTH - 2).padEnd(WIDTH)).join('');
  return [head.trimEnd(), ...stepsOf(history, legs, startMs).map((step) => lineOf(step, legs.length))];
}

/** Our line is the first, a leg's the one `WIDTH` further right for each. */
function lineOf({ ms, leg, kind, text }: Step, legCount: number): string {
  const time = (ms / 1000)
    .toFixed(3)
    .padStart(TIME_WIDTH - 2)
    .padEnd(TIME_WIDTH);
  if (kind === 'note') return `${time}|  (${text})`;
  const cells: string[] = Array.from({ length: legCount * WIDTH + 1 }, (_, i) => (i % WIDTH === 0 ? '|' : ' '));
  const end = (leg + 1) * WIDTH;
  for (let i = 1; i < end; i++) cells[i] = cells[i] === '|' ? '+' : '-';
  if (kind === 'in') cells[1] = '<';
  else cells[end - 1] = '>';
  const label = ` ${text.slice(0, WIDTH - 6)} `;
  const start = end - WIDTH + Math.max(2, Math.floor((WIDTH - label.length) / 2));
  for (let i = 0; i < label.length; i++) cells[start + i] = label[i] ?? ' ';
  return `${time}${cells.join('')}`.trimEnd();
}

/** The same as a sequence diagram in Mermaid's language. */
export function mermaidLadder(history: readonly HistoryLine[], legs: readonly LadderLeg[], startMs: number): string[] {
  const lines = ['sequenceDiagram', '  participant us as b2bua'];
  for (const [i, { label }] of legs.entries()) lines.push(`  participant l${i} as ${plain(label)}`);
  for (const { ms, leg, kind, text } of stepsOf(history, legs, startMs)) {
    const said = `${plain(text)} (${(ms / 1000).toFixed(3)})`;
    if (kind === 'in') lines.push(`  l${leg}->>us: ${said}`);
    else if (kind === 'out') lines.push(`  us->>l${leg}: ${said}`);
    else lines.push(`  Note over us${leg < 0 ? '' : `,l${leg}`}: ${said}`);
  }
  return lines;
}

/** Without what Mermaid would read as its own. */
function plain(text: string): string {
  return text.replace(/[;#\r\n<>]/g, ' ').trim();
}
