import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { kamcmd } from '../support/kamcmd.ts';
import { skipWithout } from '../support/peers.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

/** Real phones with cfg/strowger.cfg as it is. */

const DOMAIN = 'localhost';
const PASSWORD = 'secret';
const STROWGER = join(BIN_FOLDER, 'strowger.js');

suite('baresip, sipsak and kamcmd with cfg/strowger.cfg', {
  skip: skipWithout('baresip', 'sipsak', 'kamcmd'),
  timeout: 60_000,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-baresip-'));
  const ports = { udp: 0, tcp: 0, tls: 0 };
  const phones: Baresip[] = [];
  let server: StrowgerProcess;

  before(async () => {
    symlinkSync(join(import.meta.dirname, '../../cfg'), join(folder, 'cfg'));
    ports.udp = ports.tcp = await freePort();
    ports.tls = await freePort();
    const defines = {
      LISTEN_PORT: ports.udp,
      TLS_PORT: ports.tls,
      WS_PORT: await freePort(),
      WSS_PORT: await freePort(),
    };
    const options = Object.entries(defines).flatMap(([name, port]) => ['-A', `${name}=${port}`]);
    server = new StrowgerProcess(STROWGER, ['-f', 'cfg/strowger.cfg', '-Y', folder, '-E', ...options], { cwd: folder });
    await server.says('is ready');
    for (const user of ['alice', 'bob', 'carol'])
      assert.equal(
        (await new StrowgerProcess(STROWGER, ['user', 'add', user, PASSWORD], { cwd: folder }).end()).code,
        0,
      );
  });
  after(async () => {
    for (const phone of phones) await phone.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const phone = async (user: string, transport: 'udp' | 'tcp' | 'tls'): Promise<Baresip> => {
    const place = { domain: DOMAIN, transport, serverPort: ports[transport], folder };
    const started = await Baresip.start({ user, password: PASSWORD, ...place });
    phones.push(started);
    await started.registered();
    return started;
  };
  const asks = (...args: string[]): Promise<string> => kamcmd(`unix:${join(folder, 'kamailio_ctl')}`, ...args);
  const sipsak = async (...args: string[]): Promise<string> => {
    const child = new StrowgerProcess('sipsak', args);
    const { code, stdout, stderr } = await child.end();
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };

  for (const [from, to] of [
    ['udp', 'udp'],
    ['tcp', 'tcp'],
    ['tls', 'tls'],
    ['tls', 'udp'],
  ] as const)
    test(`baresips register and call each other: ${from} to ${to}`, async () => {
      const [alice, bob] = [await phone('alice', from), await phone('bob', to)];
      const dump = await asks('ul.dump');
      for (const [user, transport] of [
        ['alice', from],
        ['bob', to],
      ] as const) {
        assert.match(dump, new RegExp(`AoR: ${user}\\n`));
        assert.match(
          dump,
          new RegExp(`Address: sip:${user}[^\\n]*${transport === 'udp' ? '' : `transport=${transport}`}`),
        );
      }
      assert.match(dump, /User-Agent: baresip/);
      alice.dial(`sip:bob@${DOMAIN}`);
      await alice.saw('CALL_ESTABLISHED');
      await bob.saw('CALL_ESTABLISHED');
      bob.hangUp();
      await alice.saw('CALL_CLOSED');
      for (const each of phones.splice(0)) await each.stop();
      // What the database had got already is shown as deleted until it is gone from there, too.
      assert.doesNotMatch(await asks('ul.dump'), /Expires: \d/);
    });

  test('sipsak pings the server, registers, and its user is found', async () => {
    const place = ['-p', '127.0.0.1', '-r', String(ports.udp)];
    const own = `sip:carol@${DOMAIN}`;
    const registers = ['-U', '-s', own, ...place, '-C', 'sip:carol@127.0.0.1:9', '-x', '300'];
    assert.match(await sipsak('-vv', '-s', `sip:${DOMAIN}`, ...place), /SIP\/2.0 200 OK/);
    await sipsak(...registers, '-a', PASSWORD);
    assert.match(await asks('ul.lookup', 'location', 'carol'), /Address: sip:carol@127.0.0.1:9\n/);
    await assert.rejects(sipsak(...registers, '-a', 'guess'));
  });
});
