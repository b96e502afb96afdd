import { ScriptError, type StartedServer, type StartOptions } from '../../core/cli/start-options.ts';
import type { Log } from '../../core/log/log.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { answersIn, type LanguageCase, requestOf, scriptOf } from './language-table.ts';

/** Port that stands in for the sender's: nothing is sent to it that a test would look at. */
const SOURCE_PORT = 50909;

/** This server on the language table's cases, without those it refuses; messages are handed to it, not sent. */
export class LanguageServer {
  readonly #started: StartedServer;
  readonly #alive: ReadonlySet<number>;
  readonly #lines: string[];

  private constructor(started: StartedServer, alive: readonly number[], lines: string[]) {
    this.#started = started;
    this.#alive = new Set(alive);
    this.#lines = lines;
  }

  /** `head`: lines in front of the routes. */
  static async start(cases: readonly LanguageCase[], head = 'debug=1'): Promise<LanguageServer> {
    const lines: string[] = [];
    let alive = cases.map((_case, i) => i);
    for (;;) {
      const { text, firstLine } = scriptOf(cases, alive, head);
      try {
        return new LanguageServer(await startServer(optionsFor(text, lines)), alive, lines);
      } catch (error) {
        if (!(error instanceof ScriptError)) throw error;
        const errors = error.result.diagnostics.filter((d) => d.severity === 'error');
        const bad = new Set(errors.map((d) => alive[d.line - firstLine]));
        const left = alive.filter((i) => !bad.has(i));
        if (left.length === alive.length)
          throw new Error(errors.map((d) => `${d.line}: ${d.message}`).join('\n'), { cause: error });
        alive = left;
      }
    }
  }

  /** What the case prints. */
  async ask(index: number): Promise<string> {
    if (!this.#alive.has(index)) return 'refused';
    const { server } = this.#started;
    const socket = server.transport.sockets[0];
    const route = server.program.request;
    if (socket === undefined || route === null) throw new Error('the server has no socket or route');
    this.#lines.length = 0;
    const { port, proto } = socket;
    const rcv = {
      proto,
      srcIp: '127.0.0.1',
      srcPort: SOURCE_PORT,
      dstIp: '127.0.0.1',
      dstPort: port,
      socket,
      conId: 0,
    };
    let ended = (): void => {};
    const done = new Promise<void>((resolve) => (ended = resolve));
    const forget = server.hooks.requestDone.add(() => ended());
    server.receive(requestOf(index, port, SOURCE_PORT), rcv);
    await done;
    forget();
    return answersIn(this.#lines.join('\n'), index + 1, port, SOURCE_PORT)[index] ?? '-';
  }

  /** Every step of the script waits; needs a script with the module debugger. Returns how many have. */
  holdSteps(): () => number {
    let count = 0;
    const step = (): Promise<number> => {
      count++;
      return Promise.resolve(0);
    };
    Object.defineProperties(this.#started.server.tracer ?? {}, {
      isOn: { get: () => true, set: () => {} },
      step: { value: step },
    });
    return () => count;
  }

  stop(): Promise<boolean> {
    return this.#started.stop(0);
  }
}

function optionsFor(scriptText: string, lines: string[]): StartOptions {
  const write = (text: string): void => {
    lines.push(text);
  };
  const log: Log = {
    isEnabled: (level) => level <= 1,
    write: (_level, text) => write(text),
    alert: write,
    crit: (text, fields) => write(`${text} ${(fields?.['err'] as Error | undefined)?.stack ?? ''}`),
    error: write,
    warn: write,
    notice: write,
    info: () => {},
    debug: () => {},
    child: () => log,
  };
  return scriptOptions(scriptText, {
    scriptPath: '/language-table.cfg',
    settings: { disable_tcp: 1, auto_aliases: 0, workers: 1 },
    strict: true,
    log,
  });
}
