import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { SCRIPT, withB2b } from '../../test/support/b2b-world.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

const CERTIFICATES = join(import.meta.dirname, '../../core/transport/testdata');
const pem = (name: string): string => readFileSync(join(CERTIFICATES, `${name}.pem`), 'utf8');

const names = async (world: SipWorld): Promise<string[]> =>
  ((await world.sim.server.rpc.call('b2bua.peers', [])) as unknown as { name: string }[]).map(({ name }) => name);
const reload = (world: SipWorld) => world.sim.server.rpc.call('b2bua.reload', []);

/** A web server on loopback that answers with what `answer` does, while `use` runs. */
async function withWeb(
  answer: RequestListener,
  use: (url: string) => Promise<void>,
  tls: { key: string; cert: string } | null = null,
): Promise<void> {
  const server = tls === null ? createServer(answer) : createTlsServer(tls, answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await use(`${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const params = (url: string) => ({
  params: `modparam("b2bua", "peers_source", "${url}")\nmodparam("b2bua", "qualify_interval", 0)`,
});

describe('peers_source: a web server', () => {
  test('its peers; what it sends at a reload takes their place; with whatever goes wrong the old ones stay', async () => {
    let answer: RequestListener = (_request, response) =>
      response.end('# trunks\nname=a;uri=sip:10.0.2.1\r\nname=b;uri=sip:10.0.2.2\n');
    const asked: string[] = [];
    await withWeb(
      (request, response) => {
        asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
        answer(request, response);
      },
      (url) =>
        withB2b(
          async (world) => {
            world.sim.log.level = 3;
            assert.deepEqual(await names(world), ['a', 'b']);
            assert.deepEqual(asked, [`GET /peers?office=1 Basic ${Buffer.from('me:pw').toString('base64')}`]);
            const failures: [RequestListener, RegExp][] = [
              [
                (_request, response) => response.writeHead(404).end('name=x;uri=sip:10.0.2.9'),
                /the old peers stay: .*me:\*\*\*@.*404/,
              ],
              [(_request, response) => response.writeHead(302, { Location: '/other' }).end(), /302/],
              [(request) => request.socket.destroy(), /the old peers stay/],
              [
                (request, response) => {
                  response.writeHead(200, { 'Content-Length': 100 }).write('name=x;uri=sip:10.0.2.9\n');
                  setImmediate(() => request.socket.destroy());
                },
                /the old peers stay/,
              ],
              [(_request, response) => response.end('#'.repeat((4 << 20) + 1)), /more than 4194304 bytes/],
              [
                (_request, response) => response.end('name=c;uri=sip:10.0.2.1\nname=d\n'),
                /peers_source:2: d has no uri/,
              ],
            ];
            for (const [wrong, message] of failures) {
              answer = wrong;
              await assert.rejects(reload(world), message);
              assert.deepEqual(await names(world), ['a', 'b']);
            }
            answer = (_request, response) => response.end('name=c;uri=sip:10.0.2.3');
            assert.equal(await reload(world), 1);
            assert.deepEqual(await names(world), ['c']);
          },
          params(`${url.replace('//', '//me:pw@')}/peers?office=1`),
          SCRIPT,
        ),
    );
  });

  test('one that is not there ends the start', async () => {
    let gone = '';
    await withWeb(
      () => {},
      (url) => {
        gone = url;
        return Promise.resolve();
      },
    );
    await assert.rejects(
      withB2b(() => Promise.resolve(), params(gone)),
      /ECONNREFUSED/,
    );
  });

  test('https: a certificate that nobody vouches for is refused, one of a known authority is not', async () => {
    await withWeb(
      (_request, response) => response.end('name=safe;uri=sip:10.0.2.1\n'),
      async (url) => {
        await assert.rejects(
          withB2b(() => Promise.resolve(), params(url)),
          /unable to verify|unable to get local issuer/,
        );
        const known = getCACertificates('default');
        setDefaultCACertificates([...known, pem('ca')]);
        try {
          await withB2b(async (world) => assert.deepEqual(await names(world), ['safe']), params(url));
        } finally {
          setDefaultCACertificates(known);
        }
      },
      { key: pem('server-key'), cert: pem('server') },
    );
  });
});
