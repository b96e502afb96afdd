import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregate, isTerminated, withVersion } from './dialog-info.ts';

const ENTITY = 'sip:bob@example.org';
const ALL = { isSingle: false, hasDummy: false };
const SINGLE = { isSingle: true, hasDummy: false };

function body(...dialogs: (readonly [id: string, state: string])[]): string {
  const rows = dialogs.map(([id, state]) => `<dialog id="${id}"><state>${state}</state></dialog>`);
  return `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:own@example.org">${rows.join('')}</dialog-info>`;
}

function idsOf(text: string | null): string[] {
  return [...(text ?? '').matchAll(/<dialog id="([^"]*)"/g)].map(([, id = '']) => id);
}

test('dialogs of all publications come into one document, in their order', () => {
  const text = aggregate(ENTITY, [body(['a', 'early']), 'no xml', body(['b', 'confirmed'], ['c', 'trying'])], ALL);
  assert.deepEqual(idsOf(text), ['a', 'b', 'c']);
  assert.match(
    text ?? '',
    /<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:bob@example.org">/,
  );
  assert.match(aggregate(ENTITY, [body(['a', 'early'])], ALL) ?? '', /entity="sip:own@example.org"/);
});

test('none is published: no body, or a dialog that is over', () => {
  assert.equal(aggregate(ENTITY, [], ALL), null);
  assert.match(aggregate(ENTITY, [], { ...ALL, hasDummy: true }) ?? '', /<state>terminated</);
  assert.deepEqual(idsOf(aggregate(ENTITY, [body()], ALL)), []);
});

/** Publications, and which dialog is the most interesting. */
const CHOICES: readonly (readonly [states: readonly string[], id: string])[] = [
  [['terminated', 'trying'], '1'],
  [['proceeding', 'trying'], '0'],
  [['confirmed', 'proceeding'], '0'],
  [['confirmed', 'early', 'terminated'], '1'],
  [['early', 'early'], '1'],
  [['strange', 'terminated'], '1'],
];
for (const [states, id] of CHOICES) {
  test(`of ${states.join(' and ')} one is told`, () => {
    const bodies = states.map((state, i) => body([String(i), state]));
    assert.deepEqual(idsOf(aggregate(ENTITY, bodies, SINGLE)), [id]);
  });
}

test('a document is at its end when all of its dialogs are', () => {
  assert.ok(isTerminated(body(['a', 'terminated'])));
  assert.ok(!isTerminated(body(['a', 'terminated'], ['b', 'early'])));
  assert.ok(!isTerminated(body()));
  assert.ok(!isTerminated('no xml'));
});

test('the version is put in its place', () => {
  assert.match(withVersion(body(['a', 'early']), 17), /dialog-info" version="17" state/);
  assert.match(
    withVersion("<d:dialog-info version='3' x=\"version='4'\"/>", 5),
    /<d:dialog-info version="5" x="version='4'"/,
  );
});
