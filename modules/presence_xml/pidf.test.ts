import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregate, hasActivity, hasBasic, offline } from './pidf.ts';

const BOB = { uri: 'sip:bob@example.org', user: 'bob' };
const ALL = { hasDummy: false, single: null };

function body(id: string, basic = 'open', more = ''): string {
  return `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.org"><tuple id="${id}"><status><basic>${basic}</basic></status></tuple>${more}</presence>`;
}

const person = (id: string, activity: string): string =>
  `<dm:person xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rp="urn:ietf:params:xml:ns:pidf:rpid" id="${id}"><rp:activities><rp:${activity}/></rp:activities></dm:person>`;

const shown = (text: string | null): string[] =>
  [...(text ?? '').matchAll(/<(?:\w+:)?(tuple|person)[^>]*? id="([^"]*)"/g)].map(([, name, id]) => `${name} ${id}`);

test('the newest document comes first, the others follow', () => {
  const bodies = [body('a', 'open', person('pa', 'busy')), body('b'), body('c', 'closed', person('pc', 'away'))];
  const text = aggregate(BOB, bodies, ALL) ?? '';
  assert.deepEqual(shown(text), ['tuple c', 'person pc', 'tuple b', 'tuple a', 'person pa']);
  assert.equal(text.match(/<presence/g)?.length, 1);
  assert.match(
    text,
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity=/,
  );
});

test('an older document about the same tuple is left out', () => {
  const bodies = [body('a', 'open', person('old', 'busy')), body('b'), body('a', 'closed')];
  assert.deepEqual(shown(aggregate(BOB, bodies, ALL)), ['tuple a', 'tuple b']);
});

test('what is no presence document does not count; a single one is told as it is', () => {
  assert.equal(aggregate(BOB, ['no xml', '<a/>'], ALL), null);
  assert.equal(aggregate(BOB, [body('a'), '<a/>'], ALL), body('a'));
});

test('nothing published: no body, or an open one', () => {
  assert.equal(aggregate(BOB, [], ALL), null);
  const dummy = aggregate(BOB, [], { ...ALL, hasDummy: true }) ?? '';
  assert.ok(hasBasic(dummy, 'open'));
  assert.match(dummy, /entity="bob"/);
});

test('one body of several: by the text of an element, the last of the priorities first', () => {
  const note = (id: string, text: string): string => body(id, 'open', `<note>${text}</note>`);
  const single = { priorities: ['Available', 'Ringing', 'On the Phone'], element: 'note' };
  const choose = (...texts: string[]): string[] =>
    shown(
      aggregate(
        BOB,
        texts.map((text, i) => note(String(i), text)),
        { ...ALL, single },
      ),
    );
  assert.deepEqual(choose('Ringing', 'On the Phone', 'Available'), ['tuple 1']);
  assert.deepEqual(choose('Ringing', 'Available', 'Ringing'), ['tuple 2']);
  assert.deepEqual(choose('Available', 'strange'), ['tuple 0']);
});

test('a publication that is taken back closes its tuples and says no more', () => {
  const text = offline(body('a', 'open', person('p', 'busy'))) ?? '';
  assert.deepEqual(shown(text), ['tuple a']);
  assert.ok(hasBasic(text, 'closed'));
  assert.ok(!hasBasic(text, 'open'));
  assert.equal(offline('<presence xmlns="urn:ietf:params:xml:ns:pidf"><note>x</note></presence>'), null);
  assert.equal(offline('no xml'), null);
  const prefixed =
    '<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf"><p:tuple id="q"><p:status/></p:tuple></p:presence>';
  assert.match(offline(prefixed) ?? '', /<p:tuple id="q"><p:status><p:basic>closed<\/p:basic>/);
});

test('pres_check_basic and pres_check_activities', () => {
  assert.ok(hasBasic(body('a', 'OPEN'), 'open'));
  assert.ok(!hasBasic(body('a', 'open'), 'closed'));
  assert.ok(!hasBasic('no xml', 'open'));
  const busy = body('a', 'open', person('p', 'busy'));
  assert.deepEqual([hasActivity(busy, 'busy'), hasActivity(busy, 'away'), hasActivity(body('a'), 'busy')], [1, -1, -2]);
});
