import { type ModuleContext, PosixCache, type PosixRegex } from 'strowger';
import { methodBits } from './strings.ts';

/** One server's textops. */
export class Textops {
  readonly ctx: ModuleContext;
  /** As Kamailio compiles them: REG_EXTENDED, REG_ICASE, REG_NEWLINE. */
  readonly #lines = new PosixCache({ ignoreCase: true, newline: true });
  readonly #whole = new PosixCache({ ignoreCase: true });
  readonly #plain = new PosixCache({});

  /** Method bits by the lists that the script names: constants, so the map is small. */
  readonly #methods = new Map<string, number | null>();

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
  }

  methodBits(list: string): number | null {
    let bits = this.#methods.get(list);
    if (bits === undefined) this.#methods.set(list, (bits = methodBits(list)));
    return bits;
  }

  /** Case is ignored, lines count. Null, and a log line, when it is no regular expression. */
  regex(source: string): PosixRegex | null {
    return this.#checked(this.#lines.get(source));
  }

  /** Case is ignored, the text is one line: replace_body_atonce. */
  wholeRegex(source: string): PosixRegex | null {
    return this.#checked(this.#whole.get(source));
  }

  /** Case counts, lines do not: regex_substring. */
  plainRegex(source: string): PosixRegex | null {
    return this.#checked(this.#plain.get(source));
  }

  #checked(compiled: PosixRegex | string): PosixRegex | null {
    if (typeof compiled !== 'string') return compiled;
    this.ctx.log.error(compiled);
    return null;
  }
}
