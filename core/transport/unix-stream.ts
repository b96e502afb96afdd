import { connect } from 'node:net';
import type { TimerWheel } from '../timer/wheel.ts';

/** An answer is no longer than this. */
const MAX_ANSWER = 65_536;

/**
 * Sends `text` over a Unix stream socket of its own and reads one line of answer, without its end (rtpproxy's control
 * socket). Null where nobody listens, or nothing comes within `timeoutMs`.
 */
export function askUnixStream(
  path: string,
  text: string,
  timeoutMs: number,
  wheel: TimerWheel,
): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    let answer = '';
    const end = (result: string | null): void => {
      wheel.cancel(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.destroy();
      resolve(result);
    };
    const timer = wheel.after(timeoutMs, () => end(null));
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(text, 'latin1'));
    socket.on('data', (chunk: string) => {
      answer += chunk;
      const eol = answer.indexOf('\n');
      if (eol >= 0) end(answer.slice(0, eol));
      else if (answer.length > MAX_ANSWER) end(null);
    });
    socket.on('end', () => end(answer === '' ? null : answer));
    socket.on('error', () => end(null));
  });
}
