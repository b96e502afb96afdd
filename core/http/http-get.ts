import type { ClientRequest, IncomingMessage } from 'node:http';
import { StrowgerError } from '../errors.ts';
import type { Clock } from '../timer/clock.ts';

interface HttpGetOptions {
  readonly clock: Clock;
  /** How long all of it may take, ms. */
  readonly timeoutMs: number;
  /** Longest body, bytes. */
  readonly maxBytes: number;
}

/** The URL without its password, for logs. */
function shownUrl(url: string): string {
  return url.replace(/^(\w+:\/\/[^/@]*?):[^/@]*@/, '$1:***@');
}

/**
 * The body of what an `http:` or `https:` URL names, as latin1 text. `user:password@` in it is sent as Basic credentials;
 * certificates are checked against Node's authorities (further ones: NODE_EXTRA_CA_CERTS). Rejects with HTTP_GET: any
 * status but 200, redirections too; a body that is longer; nothing within the time.
 */
export function httpGet(url: string, options: HttpGetOptions): Promise<string> {
  const got = get(url, options);
  options.clock.standStill?.(got.catch(() => {}));
  return got;
}

async function get(url: string, { clock, timeoutMs, maxBytes }: HttpGetOptions): Promise<string> {
  // Loaded by who needs it: most do not.
  const { get: begin } = url.startsWith('https:') ? await import('node:https') : await import('node:http');
  const failed = (why: string): StrowgerError => new StrowgerError('HTTP_GET', `${shownUrl(url)}: ${why}`);
  const done = Promise.withResolvers<string>();
  let request: ClientRequest | null = null;
  const timer = clock.schedule(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
  const fail = (why: string): void => {
    done.reject(failed(why));
    request?.destroy();
  };
  try {
    request = begin(url, { agent: false, headers: { Accept: 'text/plain' } }, (reply) => {
      if (reply.statusCode === 200) read(reply, maxBytes, done.resolve, fail);
      else fail(`${reply.statusCode} ${reply.statusMessage ?? ''}`.trim());
    });
    request.on('error', (error) => fail(error.message));
    return await done.promise;
  } finally {
    clock.unschedule(timer);
  }
}

function read(
  reply: IncomingMessage,
  maxBytes: number,
  resolve: (body: string) => void,
  fail: (why: string) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  reply.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) fail(`more than ${maxBytes} bytes`);
    else chunks.push(chunk);
  });
  reply.on('error', (error) => fail(error.message));
  reply.on('end', () =>
    reply.complete ? resolve(Buffer.concat(chunks).toString('latin1')) : fail('it ended too early'),
  );
}
