/**
 * An error the world caused (a socket, DNS, a database, a peer, a configuration file), as opposed to a bug of ours:
 * its text is for the administrator and names what failed and why. `code` is stable, upper case, for programs.
 */
export class StrowgerError extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StrowgerError';
    this.code = code;
  }
}
