import { X509Certificate } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildGroup } from './child-group.ts';
import { SrtpContext } from './srtp.ts';

/** The label of DTLS-SRTP's keys (RFC 5764 §4.2), and their length for AES-128. */
const EXPORTER = ['EXTRACTOR-dtls_srtp', '60'] as const;

/** Keys of both directions. */
interface SrtpKeys {
  readonly own: SrtpContext;
  readonly theirs: SrtpContext;
}

/**
 * One end of a DTLS-SRTP stream: openssl makes the handshake, this end's media socket passes its datagrams on and sends
 * and receives SRTP between them (RFC 5764 §5.1.2).
 */
export class DtlsSrtpPeer {
  readonly fingerprint: string;
  readonly #folder: string;
  readonly #media: Socket;
  readonly #inner: Socket;
  #openssl: ChildGroup | null = null;
  #opensslPort = 0;
  #remotePort = 0;
  #wake: ((packet: Buffer) => void) | null = null;

  private constructor(folder: string, media: Socket, inner: Socket) {
    this.#folder = folder;
    this.#media = media;
    this.#inner = inner;
    this.fingerprint = new X509Certificate(readFileSync(join(folder, 'cert.pem'))).fingerprint256;
    inner.on('message', (data, from) => {
      this.#opensslPort = from.port;
      media.send(data, this.#remotePort, '127.0.0.1');
    });
    media.on('message', (data) => {
      const first = data[0] ?? 0;
      if (first >= 20 && first <= 63) inner.send(data, this.#opensslPort, '127.0.0.1');
      else if (first >= 128 && (data[1] ?? 0) < 128) this.#wake?.(data);
    });
  }

  static async open(): Promise<DtlsSrtpPeer> {
    const folder = mkdtempSync(join(tmpdir(), 'dtls-'));
    const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=peer'];
    const { code, stderr } = await new ChildGroup('openssl', [...request, ...files]).end();
    if (code !== 0) throw new Error(`openssl made no certificate: ${stderr}`);
    const [media, inner] = [createSocket('udp4'), createSocket('udp4')];
    for (const socket of [media, inner]) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    return new DtlsSrtpPeer(folder, media, inner);
  }

  get port(): number {
    return this.#media.address().port;
  }

  /** The handshake, as its active side; rejects with openssl's output where it comes to nothing. */
  async connect(remotePort: number): Promise<SrtpKeys> {
    this.#remotePort = remotePort;
    const args = ['s_client', '-dtls1_2', '-connect', `127.0.0.1:${this.#inner.address().port}`];
    const srtp = ['-use_srtp', 'SRTP_AES128_CM_SHA1_80', '-keymatexport', EXPORTER[0], '-keymatexportlen', EXPORTER[1]];
    const own = ['-cert', join(this.#folder, 'cert.pem'), '-key', join(this.#folder, 'key.pem')];
    const openssl = new ChildGroup('openssl', [...args, ...srtp, ...own], { hasInput: true });
    this.#openssl = openssl;
    const keys = /Keying material: ([0-9A-F]{120})/i;
    await openssl.prints(keys).catch((error: unknown) => {
      throw new Error(`no DTLS handshake:\n${openssl.output}`, { cause: error });
    });
    const [, found = ''] = keys.exec(openssl.stdout) ?? [];
    const bytes = Buffer.from(found, 'hex');
    // Client key, server key, client salt, server salt.
    return {
      own: new SrtpContext(bytes.subarray(0, 16), bytes.subarray(32, 46)),
      theirs: new SrtpContext(bytes.subarray(16, 32), bytes.subarray(46, 60)),
    };
  }

  send(packet: Buffer): void {
    this.#media.send(packet, this.#remotePort, '127.0.0.1');
  }

  /** The next SRTP packet; null when none comes in time. */
  next(timeoutMs: number): Promise<Buffer | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), timeoutMs);
      this.#wake = (packet) => {
        clearTimeout(timer);
        resolve(packet);
      };
    });
  }

  async close(): Promise<void> {
    await this.#openssl?.stop('SIGKILL');
    this.#media.close();
    this.#inner.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
