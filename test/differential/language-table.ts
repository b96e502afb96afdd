import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The cases of `testdata/language/table.txt` as scripts, for both servers. */

const FOLDER = join(import.meta.dirname, 'testdata', 'language');
export const ANSWERS_FILE = join(FOLDER, 'answers.txt');

export interface LanguageCase {
  readonly text: string;
  /** The statements it stands for, in one line; `@N` marks what it prints. */
  readonly statements: string;
  /** Our answer where it is another than Kamailio's, and why. */
  readonly ours: { readonly answer: string; readonly reason: string } | null;
}

interface LanguageSection {
  readonly title: string;
  readonly cases: readonly LanguageCase[];
}

/** Sections of the table, in order. */
export function readTable(): LanguageSection[] {
  const sections: { title: string; cases: LanguageCase[] }[] = [];
  for (const line of readFileSync(join(FOLDER, 'table.txt'), 'latin1').split('\n')) {
    if (line.startsWith('## ')) sections.push({ title: line.slice(3), cases: [] });
    else if (line !== '' && !line.startsWith('#')) addLine(sections.at(-1)?.cases ?? [], line, countCases(sections));
  }
  return sections;
}

function countCases(sections: readonly LanguageSection[]): number {
  return sections.reduce((sum, section) => sum + section.cases.length, 0);
}

function addLine(cases: LanguageCase[], line: string, index: number): void {
  const ours = /^\s+ours: (.*?) -- (.*)$/.exec(line);
  const last = cases.at(-1);
  if (ours === null) cases.push({ text: line, statements: statementsOf(line, index), ours: null });
  else if (last !== undefined)
    cases[cases.length - 1] = { ...last, ours: { answer: ours[1] ?? '', reason: ours[2] ?? '' } };
}

function statementsOf(line: string, index: number): string {
  const cut = line.indexOf(' ;; ');
  const setup = cut < 0 ? '' : line.slice(0, cut);
  const rest = cut < 0 ? line : line.slice(cut + 4);
  const before = setup === '' ? '' : `${setup}${/[;}]$/.test(setup) ? ' ' : '; '}`;
  const text = rest.slice(2);
  const print = (what: string): string => `xlog("L_ERR", "@@${index} ${what}\\n");`;
  if (rest.startsWith('=')) return `${before}$vn(r) = $null; $vn(r) = ${text}; ${print('[$vn(r)]')}`;
  if (rest.startsWith('?')) return `${before}if (${text}) ${print('T')} else ${print('F')}`;
  return `${before}${text.replace(/\bprint "((?:[^"\\]|\\.)*)";/g, (_all, what: string) => print(what))}`;
}

/** A script whose n-th line of cases is the n-th of `indexes`; a message's CSeq number chooses the case, from 1. */
export function scriptOf(
  cases: readonly LanguageCase[],
  indexes: readonly number[],
  head: string,
): { text: string; firstLine: number } {
  const modules = ['sl', 'pv', 'xlog', 'textops', 'siputils'];
  const lines = [
    head,
    'flags fa, fb:3, fc, fd',
    'avpflags fa, fb',
    ...modules.map((name) => `loadmodule "${name}.so"`),
    'modparam("xlog", "prefix", "")',
    'request_route {',
    'if ($rU == "ready") { sl_send_reply("200", "OK"); exit; }',
    'sl_send_reply("200", "OK");',
    'switch ($cs) {',
    ...indexes.map((i) => `case ${i + 1}: route(Q${i}); break;`),
    '} exit; }',
    readFileSync(join(FOLDER, 'routes.cfg'), 'latin1').trimEnd(),
  ];
  const text = lines.join('\n');
  const firstLine = text.split('\n').length + 1;
  const routes = indexes.map((i) => `route[Q${i}] { ${cases[i]?.statements ?? ';'} return 1; }`);
  return { text: `${text}\n${routes.join('\n')}\n`, firstLine };
}

/** The message for the case of an index. */
export function requestOf(index: number, listenPort: number, sourcePort: number): string {
  return [
    `OPTIONS sip:bob@127.0.0.1:${listenPort};transport=udp SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${sourcePort};branch=z9hG4bKlang${index};rport`,
    'From: "Alice" <sip:alice@example.org>;tag=1',
    'To: <sip:bob@example.com>',
    `Call-ID: case-${index}`,
    `CSeq: ${index + 1} OPTIONS`,
    'Max-Forwards: 70',
    'X-Test: hello',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

/** What was printed for each case, from lines of a log; ports become the ones of the records. */
export function answersIn(log: string, count: number, listenPort: number, sourcePort: number): string[] {
  const printed = Array.from({ length: count }, (): string[] => []);
  for (const [, index = '', text = ''] of log.matchAll(/@@(\d+) ?(.*)/g)) {
    const fixed = text.trimEnd().replaceAll(String(listenPort), 'PORT').replaceAll(String(sourcePort), 'SOURCE');
    printed[Number(index)]?.push(fixed);
  }
  return printed.map((lines) => (lines.length === 0 ? '-' : lines.join('|')));
}

export function readAnswers(): string[] {
  return readFileSync(ANSWERS_FILE, 'latin1').trimEnd().split('\n');
}
