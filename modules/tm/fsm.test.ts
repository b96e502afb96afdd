import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACT, INVITE_CLIENT, INVITE_SERVER, type Machine, OTHER_CLIENT, OTHER_SERVER, step } from './fsm.ts';

/** Rows by state, in the machine's order of events; `-` is an event without meaning there. */
type Expected = Readonly<Record<string, readonly string[]>>;

const NAMES = Object.entries(ACT);

function show(machine: Machine, state: number, event: number): string {
  const found = step(machine, state, event);
  if (found === null) return '-';
  const actions = NAMES.filter(([, bit]) => (found.actions & bit) !== 0).map(([name]) => name);
  return [machine.states[found.next], ...actions].join(' ');
}

function check(machine: Machine, expected: Expected): void {
  assert.deepEqual(Object.keys(expected), [...machine.states]);
  machine.states.forEach((state, s) => {
    const row = machine.events.map((_event, e) => show(machine, s, e));
    assert.deepEqual(row, expected[state], `${machine.name}, ${state}`);
  });
}

const IGNORED = (count: number): string[] => new Array<string>(count).fill('-');

// Events: 1xx, 2xx, 3xx-6xx, timer A/E, timer B/C/F, timer D/K/M, transport error.
test('INVITE client: every state and event (RFC 3261 §17.1.1, RFC 6026 §7.2)', () => {
  check(INVITE_CLIENT, {
    calling: [
      'proceeding PASS_UP STOP_RETRANSMIT START_FINAL_WAIT',
      'accepted PASS_UP STOP_RETRANSMIT STOP_TIMEOUT LINGER',
      'completed SEND_ACK PASS_UP STOP_RETRANSMIT STOP_TIMEOUT LINGER',
      'calling SEND_REQUEST RETRANSMIT',
      'terminated STOP_RETRANSMIT TIMEOUT TERMINATE',
      '-',
      'terminated STOP_RETRANSMIT STOP_TIMEOUT FAIL TERMINATE',
    ],
    proceeding: [
      'proceeding PASS_UP START_FINAL_WAIT',
      'accepted PASS_UP STOP_TIMEOUT LINGER',
      'completed SEND_ACK PASS_UP STOP_TIMEOUT LINGER',
      '-',
      'terminated TIMEOUT TERMINATE',
      '-',
      'terminated STOP_TIMEOUT FAIL TERMINATE',
    ],
    completed: ['-', '-', 'completed SEND_ACK', '-', '-', 'terminated TERMINATE', 'terminated TERMINATE'],
    accepted: ['-', 'accepted PASS_UP', '-', '-', '-', 'terminated TERMINATE', '-'],
    terminated: IGNORED(7),
  });
});

test('non-INVITE client: every state and event (RFC 3261 §17.1.2)', () => {
  const final = 'completed PASS_UP STOP_RETRANSMIT STOP_TIMEOUT LINGER';
  const timeout = 'terminated STOP_RETRANSMIT TIMEOUT TERMINATE';
  const refused = 'terminated STOP_RETRANSMIT STOP_TIMEOUT FAIL TERMINATE';
  check(OTHER_CLIENT, {
    trying: ['proceeding PASS_UP', final, final, 'trying SEND_REQUEST RETRANSMIT', timeout, '-', refused],
    proceeding: ['proceeding PASS_UP', final, final, 'proceeding SEND_REQUEST SLOW_RETRANSMIT', timeout, '-', refused],
    completed: ['-', '-', '-', '-', '-', 'terminated TERMINATE', '-'],
    accepted: IGNORED(7),
    terminated: IGNORED(7),
  });
});

// Events: request again, ACK, send 1xx, send 2xx, send 3xx-6xx, timer G, timer H, timer I/J/L, transport error.
test('INVITE server: every state and event (RFC 3261 §17.2.1, RFC 6026 §7.1)', () => {
  const success = 'accepted SEND_REPLY LINGER';
  const failure = 'completed SEND_REPLY RETRANSMIT START_ACK_WAIT';
  const provisional = 'proceeding SEND_REPLY';
  check(INVITE_SERVER, {
    trying: ['trying', '-', provisional, success, failure, '-', '-', '-', '-'],
    proceeding: [provisional, '-', provisional, success, failure, '-', '-', '-', 'proceeding'],
    completed: [
      'completed SEND_REPLY',
      'confirmed PASS_UP STOP_RETRANSMIT STOP_TIMEOUT LINGER',
      '-',
      '-',
      '-',
      'completed SEND_REPLY RETRANSMIT',
      'terminated STOP_RETRANSMIT TIMEOUT TERMINATE',
      '-',
      'completed',
    ],
    confirmed: ['-', 'confirmed', '-', '-', '-', '-', '-', 'terminated TERMINATE', '-'],
    accepted: [
      'accepted',
      'accepted PASS_UP',
      '-',
      'accepted SEND_REPLY',
      '-',
      '-',
      '-',
      'terminated TERMINATE',
      'accepted',
    ],
    terminated: IGNORED(9),
  });
});

test('non-INVITE server: every state and event (RFC 3261 §17.2.2)', () => {
  const final = 'completed SEND_REPLY LINGER';
  check(OTHER_SERVER, {
    trying: ['trying', '-', 'proceeding SEND_REPLY', final, final, '-', '-', '-', '-'],
    proceeding: ['proceeding SEND_REPLY', '-', 'proceeding SEND_REPLY', final, final, '-', '-', '-', 'proceeding'],
    completed: ['completed SEND_REPLY', '-', '-', '-', '-', '-', '-', 'terminated TERMINATE', 'completed'],
    confirmed: IGNORED(9),
    accepted: IGNORED(9),
    terminated: IGNORED(9),
  });
});
