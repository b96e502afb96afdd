import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Dialog, LEG } from './dialog.ts';
import { EVENT, nextState, STATE } from './fsm.ts';
import { cookieOf, DialogTable, parseCookie } from './table.ts';

function made(table: DialogTable, callId: string, hId: number): Dialog {
  const dialog = new Dialog({
    hEntry: table.entryOf(callId),
    hId,
    callId,
    fromTag: 'a',
    fromUri: 'sip:a@x',
    toUri: 'sip:b@x',
    requestUri: 'sip:b@x',
    callerContact: '',
    callerRoutes: '',
    initSec: 1,
    lifetimeSec: 2,
  });
  table.add(dialog);
  return dialog;
}

suite('the table of dialogs', () => {
  test('cookies: numbers in hexadecimal, the lowest digit first', () => {
    assert.equal(cookieOf({ hEntry: 1390, hId: 1638 }), 'e65.666');
    for (const [hEntry, hId] of [
      [0, 0],
      [4095, 1],
      [0xfffff, 0x7fffffff],
    ] as const)
      assert.deepEqual(parseCookie(cookieOf({ hEntry, hId })), { hEntry, hId });
    assert.deepEqual(parseCookie('E65.666'), { hEntry: 1390, hId: 1638 });
    for (const text of ['', '.', '1', '1.', '.1', '1.2.3', 'g.1', '1.123456789', '1 .2', '-1.2', '@.1', '`.1', ':.1'])
      assert.equal(parseCookie(text), null, text);
  });

  test('found by numbers and by Call-ID and tags, in whatever order they come and go', () => {
    const table = new DialogTable(4, 1);
    const all = Array.from({ length: 60 }, (_, i) => made(table, `call-${i % 20}`, i));
    assert.equal(table.size, 60);
    for (const dialog of all) assert.equal(table.find(dialog.hEntry, dialog.hId), dialog);
    const entries = [...table.all()].map(({ hEntry }) => hEntry);
    assert.deepEqual(
      entries,
      entries.toSorted((x, y) => x - y),
    );
    for (const [i, dialog] of all.entries()) {
      if (i % 3 !== 1) assert.ok(table.remove(dialog));
      assert.equal(table.remove(dialog), i % 3 === 1);
      if (i % 3 === 1) made(table, `more-${i}`, i);
    }
    for (const dialog of table.all()) {
      assert.equal(table.find(dialog.hEntry, dialog.hId)?.hId, dialog.hId);
      table.remove(dialog);
    }
    assert.deepEqual([table.size, [...table.all()].length], [0, 0]);
    assert.equal(table.ofCall('call-1'), null);
  });

  test('who sent a message: by tags, any of the callee’s before the answer', () => {
    const table = new DialogTable(16, 1);
    const dialog = made(table, 'c', 1);
    assert.equal(table.match('c', 'a', '')?.sender, LEG.CALLER);
    assert.equal(table.match('c', 'a', 'x')?.sender, LEG.CALLER);
    assert.equal(table.match('c', 'x', 'a')?.sender, LEG.CALLEE);
    assert.equal(table.match('c', 'x', 'y'), null);
    dialog.toTag = 'b';
    assert.equal(table.match('c', 'a', 'b')?.sender, LEG.CALLER);
    assert.equal(table.match('c', 'b', 'a')?.sender, LEG.CALLEE);
    assert.equal(table.match('c', 'a', 'x'), null);
    assert.equal(table.match('c', 'x', 'a'), null);
    assert.equal(table.match('d', 'a', 'b'), null);
    dialog.endSec = 9;
    const again = made(table, 'c', 2);
    assert.equal(table.match('c', 'a', '')?.dialog, again);
  });

  test('a text of a message with line ends stays one text', () => {
    const dialog = made(new DialogTable(1, 1), 'c', 1);
    dialog.setTarget(LEG.CALLEE, 'sip:x\r\n y', '<sip:p;lr>,<sip:q;lr>');
    assert.deepEqual([dialog.contact(LEG.CALLEE), dialog.routeSet(LEG.CALLEE)], ['sip:x y', '<sip:p;lr>,<sip:q;lr>']);
    assert.deepEqual([dialog.fromUri, dialog.toUri, dialog.requestUri], ['sip:a@x', 'sip:b@x', 'sip:b@x']);
  });
});

test('the states of a dialog, over every event', () => {
  const rows = Object.values(STATE).map((state) => Object.values(EVENT).map((event) => nextState(state, event)));
  // PROVISIONAL, ANSWER, REJECTION, ACK, BYE, REQUEST, END
  assert.deepEqual(rows, [
    [2, 3, 5, 1, 1, 1, 5],
    [2, 3, 5, 2, 2, 2, 5],
    [3, 3, 3, 4, 5, 3, 5],
    [4, 4, 4, 4, 5, 4, 5],
    [5, 5, 5, 5, 5, 5, 5],
  ]);
});
