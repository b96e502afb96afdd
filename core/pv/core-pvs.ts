import { env } from 'node:process';
import { quoted, unquoted } from '../../routing-lang/pp-subst.ts';
import { stringToInt } from './convert.ts';
import { type PvDef, readOnly } from './spec.ts';

/** The pseudo-variables that Kamailio's core has without any module loaded. */
export const CORE_PVS: Readonly<Record<string, PvDef>> = {
  '?': readOnly('Code the last command or route returned.', (run) => run.rc),
  rc: readOnly('Code the last command or route returned.', (run) => run.rc),
  retcode: readOnly('Code the last command or route returned.', (run) => run.rc),
  null: readOnly('The null value.', () => null),
  env: {
    doc: 'Environment variable, as the process saw it when the script was compiled.',
    name: 'required',
    bind: (use) => {
      const value = latin1(env[use.name ?? '']);
      return { get: () => value };
    },
  },
  envn: {
    doc: 'Environment variable as an integer.',
    name: 'required',
    bind: (use) => {
      const value = numberOf(latin1(env[use.name ?? '']));
      return { get: () => value };
    },
  },
  def: {
    doc: 'Value of a #!define.',
    name: 'required',
    bind: (use) => {
      const value = use.define?.(use.name ?? '') ?? null;
      return { get: () => value };
    },
  },
  defs: {
    doc: 'Value of a #!define in double quotes, unless it is in quotes (Kamailio 5.8).',
    name: 'required',
    bind: (use) => {
      const value = use.define?.(use.name ?? '') ?? null;
      return { get: () => (value === null ? null : quoted(value)) };
    },
  },
  defv: {
    doc: 'Value of a #!define without the quotes around it (Kamailio 5.8).',
    name: 'required',
    bind: (use) => {
      const value = use.define?.(use.name ?? '') ?? null;
      return { get: () => (value === null ? null : unquoted(value)) };
    },
  },
  defn: {
    doc: 'Value of a #!define as an integer.',
    name: 'required',
    bind: (use) => {
      const value = numberOf(use.define?.(use.name ?? '') ?? null);
      return { get: () => value };
    },
  },
};

/** Text from outside enters the script as its UTF-8 bytes, one char each. */
function latin1(text: string | undefined): string | null {
  return text === undefined ? null : Buffer.from(text, 'utf8').toString('latin1');
}

/** What is no number counts as 0, as in Kamailio; what is not there at all is null. */
function numberOf(text: string | null): number | null {
  return text === null ? null : (stringToInt(text) ?? 0);
}
