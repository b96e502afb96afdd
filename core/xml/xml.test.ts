import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeXml } from './xml-text.ts';
import { parseXml, XmlElement } from './xml-tree.ts';

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';

test('documents come out as they went in', () => {
  for (const text of [
    '<a/>',
    '<a x="1" y="&quot;&lt;&amp;"><b>text &amp; more</b>\n tail</a>',
    '<p xmlns="urn:p" xmlns:q="urn:q"><q:r q:s="t"/><u xmlns=""/></p>',
    '<a>G\xc3\xbcnther</a>',
  ]) {
    const root = parseXml(HEAD + text);
    assert.ok(root !== null, text);
    assert.equal(writeXml(root), `${HEAD}${text}\n`);
  }
});

test('an element that moves takes its namespaces along', () => {
  const one = parseXml('<p xmlns="urn:p" xmlns:d="urn:d"><d:x d:k="v"/><y/></p>');
  const other = parseXml('<w xmlns:d="urn:other"><d:z/></w>');
  assert.ok(one !== null && other !== null);
  other.children.push(...one.elements);
  assert.equal(
    writeXml(other),
    `${HEAD}<w xmlns:d="urn:other"><d:z/><d:x xmlns:d="urn:d" d:k="v"/><y xmlns="urn:p"/></w>\n`,
  );
});

test('what is no document, or a dangerous one, is none', () => {
  for (const text of [
    '',
    'text',
    '<a>',
    '<a></b>',
    '<a x="1" x="2"/>',
    '<a:b/>',
    '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
    '<a>&undefined;</a>',
    `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
    `<a>${'<b/>'.repeat(20_000)}</a>`,
    `<a>${' '.repeat(1_100_000)}</a>`,
  ])
    assert.equal(parseXml(text), null, text.slice(0, 40));
});

test('children, attributes and text by local names', () => {
  const root = parseXml('<t:a xmlns:t="urn:t" id="7"><t:b>one</t:b><c> two <d/></c><t:b>three</t:b></t:a>');
  assert.ok(root instanceof XmlElement);
  assert.deepEqual([root.local, root.uri, root.prefix, root.attribute('id')], ['a', 'urn:t', 't', '7']);
  assert.deepEqual(
    root.childrenOf('b').map(({ text }) => text),
    ['one', 'three'],
  );
  assert.equal(root.child('c')?.text, 'two');
  assert.equal(root.child('x'), null);
  root.setAttribute('id', '8');
  root.setAttribute('new', '<');
  assert.match(writeXml(root), /id="8" new="&lt;"/);
});
