/**
 * The table of pseudo-variables, transformations and selects that both servers evaluate: `testdata/pv/cases.txt` holds the
 * cases, `answers.json` what Kamailio 5.6.3 says to each. `pv.test.ts` compares ours with the answers, `pv.peer.test.ts`
 * the answers with Kamailio (or writes them anew with STROWGER_RECORD=1).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'testdata', 'pv');
export const ANSWERS_FILE = join(FOLDER, 'answers.json');

export interface PvCase {
  /** Statements that run first, '' for none. */
  readonly setup: string;
  /** An expression, or a command whose truth is asked for. */
  readonly expression: string;
  readonly isCommand: boolean;
  readonly text: string;
  /** Where we differ on purpose: our answer, and why. */
  readonly ours: string | null;
  readonly reason: string;
}

export interface PvSection {
  readonly message: string;
  readonly cases: readonly PvCase[];
}

/** `N`, `I 5`, `S text`, or `refused` for what Kamailio does not load. */
export type Answer = string;

/** The sections of the file, in order. */
export function readSections(): PvSection[] {
  const sections: { message: string; cases: PvCase[] }[] = [];
  for (const line of readFileSync(join(FOLDER, 'cases.txt'), 'utf8').split('\n')) {
    if (line.startsWith('#') || line.trim() === '') continue;
    const section = sections.at(-1);
    if (line.startsWith('@message ')) sections.push({ message: line.slice(9), cases: [] });
    else if (line.startsWith('  ours: ')) {
      const last = section?.cases.pop();
      const [ours = '', reason = ''] = line.slice(8).split(' because ');
      if (last !== undefined)
        section?.cases.push({
          ...last,
          ours: ours.startsWith('S ') ? `S ${String(JSON.parse(ours.slice(2)))}` : ours,
          reason,
        });
    } else section?.cases.push(parseCase(line));
  }
  return sections;
}

function parseCase(text: string): PvCase {
  const at = text.indexOf(' ;; ');
  const expression = at < 0 ? text : text.slice(at + 4);
  const isCommand = expression.startsWith('?');
  return {
    setup: at < 0 ? '' : text.slice(0, at),
    expression: isCommand ? expression.slice(1) : expression,
    isCommand,
    text,
    ours: null,
    reason: '',
  };
}

/** One of the sample messages, with CRLF line ends. */
export function readMessage(name: string): string {
  return readFileSync(join(FOLDER, `${name}.sip`), 'latin1').replaceAll('\n', '\r\n');
}

/** Kamailio's answers, by section, in the order of its cases. */
export function readAnswers(): Answer[][] {
  return JSON.parse(readFileSync(ANSWERS_FILE, 'utf8')) as Answer[][];
}
