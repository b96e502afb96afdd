import { BDict, bdecode, bencode } from '../../modules/rtpengine/bencode.ts';
import { CookieServer } from './datagram-server.ts';

/** Address and port that media goes to by way of the relay. */
const MEDIA = { ip: '127.0.0.99', port: 40_000 } as const;

/** Takes the places of rtpengine and of rtpproxy: answers both protocols, and keeps what it was asked. */
export class FakeRelay {
  readonly #engine: CookieServer;
  readonly #proxy: CookieServer;

  private constructor(engine: CookieServer, proxy: CookieServer) {
    this.#engine = engine;
    this.#proxy = proxy;
  }

  static async open(): Promise<FakeRelay> {
    return new FakeRelay(await CookieServer.open(engineAnswer), await CookieServer.open(proxyAnswer));
  }

  get enginePort(): number {
    return this.#engine.port;
  }

  get proxyPort(): number {
    return this.#proxy.port;
  }

  /** Takes the commands so far, but for those that ask whether it lives. */
  take(): string[] {
    const engine = this.#engine.take().map(commandText);
    const proxy = this.#proxy.take().map((line) => `rtpproxy was asked ${line.trimEnd()}`);
    return [...engine, ...proxy].filter((text) => !/asked V|command="ping"/.test(text));
  }

  close(): void {
    this.#engine.close();
    this.#proxy.close();
  }
}

function engineAnswer(payload: string): string | null {
  const command = bdecode(payload);
  if (!(command instanceof BDict)) return null;
  const reply = new BDict().add('result', command.str('command') === 'ping' ? 'pong' : 'ok');
  const sdp = command.str('sdp');
  if (sdp !== '')
    reply.add(
      'sdp',
      sdp.replace(/IN IP4 [\d.]+/g, `IN IP4 ${MEDIA.ip}`).replace(/m=audio \d+/, `m=audio ${MEDIA.port}`),
    );
  return bencode(reply);
}

/** The commands V (version), VF (feature), U and L (offer and answer), D (delete). */
function proxyAnswer(payload: string): string | null {
  if (payload.startsWith('VF')) return '1\n';
  if (payload.startsWith('V')) return '20040107\n';
  if (/^[UL]/.test(payload)) return `${MEDIA.port} ${MEDIA.ip}\n`;
  return '0\n';
}

function commandText(payload: string): string {
  const command = bdecode(payload);
  const entries = command instanceof BDict ? command.entries : [];
  return `rtpengine was asked ${entries.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join('\n  ')}`;
}
