import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { skipWithout } from '../support/peers.ts';
import { DEFAULT_CASES, type DefaultCase, NEWER_CASES, ROWS } from './default-script-cases.ts';
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
  WITH_RTPRELAY: ['WITH_NAT'],
};

const isPresent = skipWithout('kamailio', 'kamcmd') === false;
const switches = isPresent ? allSwitches() : [];
const newSwitches = isPresent ? allSwitches(true).filter((name) => !switches.includes(name)) : [];
const alone = (name: string): [string, string[]] => [name, [name, ...(TOGETHER[name] ?? [])]];
const configurations: [name: string, switches: readonly string[]][] = [
  [NONE, []],
  ...switches.map(alone),
  ['SOONER', ['WITH_USRLOCDB', 'WITH_NAT', 'WITH_NATSIPPING', 'WITH_VOICEMAIL', 'SOONER']],
  [
    'every switch but WITH_RTPENGINE and WITH_DEBUG',
    switches.filter((name) => name !== 'WITH_RTPENGINE' && name !== 'WITH_DEBUG'),
  ],
  [ALL, switches],
];
/** Of the newer script: what is new in it, and what it does otherwise. */
const newer: typeof configurations = [
  [NONE, []],
  ...[...newSwitches, 'WITH_ANTIFLOOD', 'WITH_RTPENGINE', 'WITH_TLS', 'WITH_PRESENCE'].map(alone),
  ['every switch but WITH_RTPENGINE', [...switches, ...newSwitches].filter((name) => name !== 'WITH_RTPENGINE')],
  [ALL, [...switches, ...newSwitches]],
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

for (const isNewer of [false, true])
  suite(isNewer ? 'the default script of Kamailio 6' : "kamailio's default script", {
    skip: !isPresent,
    timeout: 120_000,
  }, () => {
    for (const [name, on] of isNewer ? newer : configurations)
      suite(name, () => {
        let pair: DefaultPair;
        before(async () => {
          pair = await DefaultPair.start({
            switches: on,
            isNewer,
            rows: ROWS,
            sooner: on.includes('SOONER') ? LESS : {},
          });
        });
        after(() => pair?.stop());

        test('strowger check finds no error', async () => {
          const { diagnostics } = await DefaultPair.check({ switches: on, isNewer });
          assert.deepEqual(
            diagnostics.filter(({ severity }) => severity === 'error'),
            [],
          );
        });

        for (const each of isNewer ? [...DEFAULT_CASES, ...NEWER_CASES] : DEFAULT_CASES)
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
