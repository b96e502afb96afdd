import type { PosixRegex } from './posix-regex.ts';
import { compileRegex } from './regex-compile.ts';

export interface PosixFlags {
  /** REG_ICASE. */
  readonly ignoreCase?: boolean;
  /** REG_NEWLINE: `.` and `[^…]` stop at a line feed, `^` and `$` match at each. */
  readonly newline?: boolean;
}

/** Longer expressions are refused. */
export const MAX_REGEX_LENGTH = 8192;

/** A POSIX extended expression compiled with just these flags, or what is wrong with it. */
export function compilePosix(source: string, flags: PosixFlags = {}): PosixRegex | string {
  if (source.length > MAX_REGEX_LENGTH) return 'the regular expression is too long';
  const compiled = compileRegex(source, { ignoreCase: flags.ignoreCase === true, newline: flags.newline === true });
  return typeof compiled === 'string' ? `bad regular expression '${source}': ${compiled}` : compiled;
}

/** Expressions made from variables: the last few of them stay compiled. */
export class PosixCache {
  readonly #flags: PosixFlags;
  readonly #compiled = new Map<string, PosixRegex | string>();

  constructor(flags: PosixFlags) {
    this.#flags = flags;
  }

  /** The compiled expression, or what is wrong with it. */
  get(source: string): PosixRegex | string {
    let found = this.#compiled.get(source);
    if (found === undefined) {
      found = compilePosix(source, this.#flags);
      if (this.#compiled.size >= CACHE_SIZE) this.#forgetOldest();
      this.#compiled.set(source, found);
    }
    return found;
  }

  #forgetOldest(): void {
    for (const oldest of this.#compiled.keys()) {
      this.#compiled.delete(oldest);
      return;
    }
  }
}

const CACHE_SIZE = 256;
