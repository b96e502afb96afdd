import { didYouMean } from '../suggest.ts';

/** One option of a program: parsing, `--help` and the documents read the same record. */
export interface OptionDef {
  /** Key of its values. */
  readonly name: string;
  /** As written, short ones first: `-f`, `--file`. */
  readonly flags: readonly string[];
  /** What its argument is called in the help; without it the option takes none. */
  readonly arg?: string;
  readonly help: string;
  /** Shown behind the help. */
  readonly default?: string;
  /** Accepted for compatibility; says why nothing happens. */
  readonly noEffect?: string;
}

interface ParsedOptions {
  /** Values in order of appearance; an option without argument has one `''` per use. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
  /** What is wrong, in words; empty when nothing. */
  readonly errors: readonly string[];
}

/**
 * Parses like getopt_long(3): `-DD`, `-f x`, `-fx`, `--debug=3`, `--debug 3`, unique beginnings of long options, `--`,
 * operands anywhere. With `stopAtOperand` the first operand ends the options (for verbs).
 */
export function getopt(
  argv: readonly string[],
  options: readonly OptionDef[],
  settings: { readonly stopAtOperand?: boolean } = {},
): ParsedOptions {
  const byFlag = new Map(options.flatMap((option) => option.flags.map((flag) => [flag, option] as const)));
  const values = new Map<string, string[]>();
  const operands: string[] = [];
  const errors: string[] = [];
  const add = (option: OptionDef, value: string): void => {
    const list = values.get(option.name);
    if (list === undefined) values.set(option.name, [value]);
    else list.push(value);
  };

  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--') {
      operands.push(...argv.slice(i + 1));
      break;
    }
    if (word.startsWith('--')) i += parseLong(word, argv[i + 1], byFlag, add, errors);
    else if (word.startsWith('-') && word !== '-') i += parseShort(word, argv[i + 1], byFlag, add, errors);
    else if (settings.stopAtOperand === true) {
      operands.push(...argv.slice(i));
      break;
    } else operands.push(word);
  }
  return { values, operands, errors };
}

type Add = (option: OptionDef, value: string) => void;
type ByFlag = ReadonlyMap<string, OptionDef>;

/** Returns how many further words it used. */
function parseLong(word: string, next: string | undefined, byFlag: ByFlag, add: Add, errors: string[]): number {
  const equals = word.indexOf('=');
  const flag = equals < 0 ? word : word.slice(0, equals);
  const found = longOption(flag, byFlag);
  if (typeof found === 'string') {
    errors.push(found);
    return 0;
  }
  if (found.arg === undefined) {
    if (equals >= 0) errors.push(`option '${flag}' takes no argument`);
    else add(found, '');
    return 0;
  }
  if (equals >= 0) {
    add(found, word.slice(equals + 1));
    return 0;
  }
  if (next === undefined) {
    errors.push(`option '${flag}' requires an argument`);
    return 0;
  }
  add(found, next);
  return 1;
}

function longOption(flag: string, byFlag: ByFlag): OptionDef | string {
  const exact = byFlag.get(flag);
  if (exact !== undefined) return exact;
  const beginning = [...new Set([...byFlag].filter(([name]) => name.startsWith(flag)).map(([, option]) => option))];
  const [only] = beginning;
  if (only !== undefined && beginning.length === 1) return only;
  return `unknown option '${flag}'${didYouMean(flag, byFlag.keys())}`;
}

function parseShort(word: string, next: string | undefined, byFlag: ByFlag, add: Add, errors: string[]): number {
  for (let at = 1; at < word.length; at++) {
    const flag = `-${word[at]}`;
    const option = byFlag.get(flag);
    if (option === undefined) {
      errors.push(`unknown option '${flag}'${at === 1 ? didYouMean(`-${word}`, byFlag.keys()) : ''}`);
      return 0;
    }
    if (option.arg === undefined) {
      add(option, '');
      continue;
    }
    const rest = word.slice(at + 1);
    if (rest !== '') {
      add(option, rest);
      return 0;
    }
    if (next === undefined) {
      errors.push(`option '${flag}' requires an argument`);
      return 0;
    }
    add(option, next);
    return 1;
  }
  return 0;
}

/** Lines of help for a table of options, flags to the left. */
export function optionHelp(options: readonly OptionDef[]): string {
  return options
    .map((option) => {
      const flags = option.flags.map((flag) => flagText(flag, option.arg)).join(', ');
      const notes = [
        option.default === undefined ? '' : ` (default: ${option.default})`,
        option.noEffect === undefined ? '' : ` (no effect: ${option.noEffect})`,
      ];
      const help = `${option.help}${notes.join('')}`;
      return flags.length > 24 ? `  ${flags}\n${' '.repeat(28)}${help}` : `  ${flags.padEnd(26)}${help}`;
    })
    .join('\n');
}

function flagText(flag: string, arg: string | undefined): string {
  if (arg === undefined) return flag;
  return flag.startsWith('--') ? `${flag}=${arg}` : `${flag} ${arg}`;
}
