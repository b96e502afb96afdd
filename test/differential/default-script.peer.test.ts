import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { skipWithout } from '../support/peers.ts';
import { DEFAULT_CASES, type DefaultCase, ROWS } from './default-script-cases.ts';
import { allSwitches, DefaultPair } from './default-script-pair.ts';

/** Kamailio's own script on both servers with the same switches: both start, and the same traffic has the same answers. */

const ALL = 'every switch';
const NONE = 'no switch';
/** Switches that mean nothing without others. */
const TOGETHER: Readonly<Record<string, readonly string[]>> = {
  WITH_IPAUTH: ['WITH_AUTH'],
  WITH_MSGREBUILD: ['WITH_PRESENCE'],
  WITH_NATSIPPING: ['WITH_NAT'],
  WITH_RTPENGINE: ['WITH_NAT'],
};

const isPresent = skipWithout('kamailio', 'kamcmd') === false;
const switches = isPresent ? allSwitches() : [];
const configurations: [name: string, switches: readonly string[]][] = [
  [NONE, []],
  ...switches.map((name): [string, string[]] => [name, [name, ...(TOGETHER[name] ?? [])]]),
  ['SOONER', ['WITH_USRLOCDB', 'WITH_NAT', 'WITH_NATSIPPING', 'WITH_VOICEMAIL', 'SOONER']],
  [
    'every switch but WITH_RTPENGINE and WITH_DEBUG',
    switches.filter((name) => name !== 'WITH_RTPENGINE' && name !== 'WITH_DEBUG'),
  ],
  [ALL, switches],
];

function isFor({ needs, without = [] }: DefaultCase, name: string, on: readonly string[]): boolean {
  if (!needs.every((each) => on.includes(each)) || without.some((each) => on.includes(each))) return false;
  return needs.length > 0 || name === NONE || name.startsWith('every');
}

/** Timers of the script that a test can not wait for, where the name SOONER is on. */
const LESS = { '"timer_interval", 60': '1', '"natping_interval", 30': '1', '"fr_inv_timer", 120000': '1200' } as const;

/** What the script itself logs (an xlog without level is an error), its traces, and what its scenarios are about. */
const EXPECTED =
  /^-\d (ALERT: pike|exec: \*\*\* cfgtrace|Malformed SIP|SCRIPT: |tm: Unresolvable|changes can not be applied after)/;

/** What every configuration is asked. */
const SAMPLE = 'a call between registered phones, ended by the callee';

suite("kamailio's default script", { skip: !isPresent, timeout: 120_000 }, () => {
  for (const [name, on] of configurations)
    suite(name, () => {
      let pair: DefaultPair;
      before(async () => {
        pair = await DefaultPair.start({ switches: on, rows: ROWS, sooner: on.includes('SOONER') ? LESS : {} });
      });
      after(() => pair?.stop());

      test('strowger check finds no error', async () => {
        const { diagnostics } = await DefaultPair.check({ switches: on });
        assert.deepEqual(
          diagnostics.filter(({ severity }) => severity === 'error'),
          [],
        );
      });

      for (const each of DEFAULT_CASES)
        if (isFor(each, name, on) || each.name === SAMPLE)
          test(each.name, async () => {
            await pair.same(each.play);
          });

      test('nothing went wrong in the server', () => {
        assert.deepEqual(
          pair.log.lines.filter((line) => /^-[1-5]/.test(line) && !EXPECTED.test(line)).slice(0, 10),
          [],
        );
      });
    });
});
