/** A compiled POSIX extended regular expression, as scripts write them. Matching is bounded (architecture §3). */
export interface PosixRegex {
  readonly source: string;
  /** A JavaScript expression that `test` is nothing but: what compiled code calls. */
  readonly native?: RegExp;
  test(text: string): boolean;
  /** Match with groups: [whole, $1, …]; null when it does not match. `start` is where the match begins. */
  exec(text: string, from?: number): PosixMatch | null;
}

export interface PosixMatch {
  readonly start: number;
  readonly end: number;
  readonly groups: readonly (string | undefined)[];
}
