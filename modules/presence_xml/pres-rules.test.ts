import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorize, type Circumstances } from './pres-rules.ts';
import { transform } from './transformations.ts';

const ALICE = { user: 'alice', domain: 'example.org' };
const NOW = { nowMs: Date.UTC(2026, 0, 15), sphere: null };

function rule(conditions: string, action: string, transformations = ''): string {
  return `<rule id="r"><conditions>${conditions}</conditions><actions><pr:sub-handling>${action}</pr:sub-handling></actions><transformations>${transformations}</transformations></rule>`;
}
const ruleset = (...rules: string[]): string =>
  `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:pr="urn:ietf:params:xml:ns:pres-rules">${rules.join('')}</ruleset>`;
const identity = (inner: string): string => `<identity>${inner}</identity>`;
const ONE = identity('<one id="sip:alice@example.org"/>');

const decide = (
  rules: string | null,
  before: 'pending' | 'active' | null = 'pending',
  circumstances: Circumstances = NOW,
): string => {
  const decided = authorize(rules, ALICE, before, 'probation', circumstances);
  return decided === null ? 'unreadable' : `${decided.status} ${decided.reason}`.trim();
};

test('sub-handling (RFC 5025 §3.2.1)', () => {
  assert.equal(decide(ruleset(rule(ONE, 'allow'))), 'active');
  assert.equal(decide(ruleset(rule(ONE, 'polite-block'))), 'active polite-block');
  assert.equal(decide(ruleset(rule(ONE, 'confirm'))), 'pending');
  assert.equal(decide(ruleset(rule(ONE, 'block'))), 'terminated rejected');
  assert.equal(decide(ruleset(rule(ONE, 'block'), rule(ONE, 'allow'))), 'active');
});

test('no rules, no rule for this watcher, rules that can not be read', () => {
  const other = ruleset(rule(identity('<one id="sip:bob@example.org"/>'), 'allow'));
  assert.equal(decide(null), 'pending');
  assert.equal(decide(null, 'active'), 'pending');
  assert.equal(decide(other), 'pending');
  assert.equal(decide(other, 'active'), 'terminated probation');
  assert.equal(decide(other, null), 'terminated probation');
  assert.equal(decide('garbage'), 'unreadable');
  assert.equal(decide('<!DOCTYPE a><a/>'), 'unreadable');
});

/** Conditions, and whether they are about alice (RFC 4745 §7). */
const CONDITIONS: readonly (readonly [conditions: string, holds: boolean])[] = [
  ['', false],
  [identity(''), false],
  [identity('<one id="sip:alice@EXAMPLE.org;transport=tcp"/>'), true],
  [identity('<one id="sip:ALICE@example.org"/>'), false],
  [identity('<one id="sips:alice@example.org"/>'), true],
  [identity('<one id="tel:alice"/>'), true],
  [identity('<one id="sip:x@example.org"/><one id="sip:alice@example.org"/>'), true],
  [identity('<many/>'), true],
  [identity('<many domain="Example.org"/>'), true],
  [identity('<many domain="example.com"/>'), false],
  [identity('<many><except id="sip:alice@example.org"/></many>'), false],
  [identity('<many><except domain="example.org"/></many>'), false],
  [identity('<many domain="example.org"><except id="sip:bob@example.org"/></many>'), true],
  [`${ONE}<sphere value="work"/>`, false],
  [`${ONE}<validity><from>2026-01-01T00:00:00Z</from><until>2026-02-01T00:00:00Z</until></validity>`, true],
  [`${ONE}<validity><from>2025-01-01T00:00:00Z</from><until>2025-02-01T00:00:00Z</until></validity>`, false],
  [`${ONE}<validity><from>soon</from><until>later</until></validity>`, false],
  [`${ONE}<unheard-of/>`, false],
  ['<unheard-of/>', false],
];
for (const [conditions, holds] of CONDITIONS) {
  test(`${conditions === '' ? 'no condition' : conditions} is ${holds ? '' : 'not '}about the watcher`, () =>
    assert.equal(decide(ruleset(rule(conditions, 'allow'))), holds ? 'active' : 'pending'));
}

test('a sphere that is published', () => {
  const rules = ruleset(rule(`${ONE}<sphere value="work"/>`, 'allow'));
  assert.equal(decide(rules, 'pending', { ...NOW, sphere: 'work' }), 'active');
  assert.equal(decide(rules, 'pending', { ...NOW, sphere: 'home' }), 'pending');
});

const BODY =
  '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rp="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@example.org">' +
  '<tuple id="t"><status><basic>open</basic></status><rp:class>home</rp:class><contact>sip:c@example.org</contact><note>n</note></tuple>' +
  '<dm:person id="p"><rp:class>work</rp:class><rp:activities><rp:busy/></rp:activities><rp:mood><rp:happy/></rp:mood></dm:person>' +
  '<dm:device id="d"><dm:deviceID>x</dm:deviceID></dm:device><note>outer</note></presence>';

/** Transformations, and the elements that they give (RFC 5025 §3.3). */
const GIVEN: readonly (readonly [transformations: string, shown: string])[] = [
  ['', 'tuple status class contact note person class activities mood device deviceID note'],
  ['<pr:provide-services><pr:all-services/></pr:provide-services>', 'tuple status contact'],
  ['<pr:provide-services><pr:class>home</pr:class></pr:provide-services>', 'tuple status contact'],
  ['<pr:provide-services><pr:class>other</pr:class></pr:provide-services>', ''],
  [
    '<pr:provide-services><pr:service-uri>sip:c@example.org</pr:service-uri></pr:provide-services>',
    'tuple status contact',
  ],
  [
    '<pr:provide-services><pr:service-uri-scheme>sip</pr:service-uri-scheme></pr:provide-services>',
    'tuple status contact',
  ],
  ['<pr:provide-services><pr:occurrence-id>t</pr:occurrence-id></pr:provide-services>', 'tuple status contact'],
  [
    '<pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-activities>true</pr:provide-activities><pr:provide-mood>false</pr:provide-mood>',
    'person activities',
  ],
  [
    '<pr:provide-devices><pr:deviceID>x</pr:deviceID></pr:provide-devices><pr:provide-deviceID>true</pr:provide-deviceID>',
    'device deviceID',
  ],
  ['<pr:provide-devices><pr:all-devices/></pr:provide-devices><pr:provide-note>true</pr:provide-note>', 'device note'],
  [
    '<pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-services><pr:all-services/></pr:provide-services><pr:provide-devices><pr:all-devices/></pr:provide-devices><pr:provide-all-attributes/>',
    'tuple status class contact note person class activities mood device deviceID note',
  ],
];
for (const [transformations, shown] of GIVEN) {
  test(`${transformations === '' ? 'no transformation' : transformations} gives ${shown === '' ? 'nothing' : shown}`, () => {
    const text = transform(BODY, ruleset(rule(ONE, 'allow', transformations)), ALICE, NOW) ?? '';
    const names = [...text.matchAll(/<(?:\w+:)?(\w+)[ >/]/g)].map(([, name = '']) => name);
    assert.equal(names.filter((name) => !['presence', 'basic', 'busy', 'happy'].includes(name)).join(' '), shown);
  });
}

test('several rules give together; a rule without transformations gives all', () => {
  const services = rule(ONE, 'allow', '<pr:provide-services><pr:all-services/></pr:provide-services>');
  const persons = rule(identity('<many/>'), 'allow', '<pr:provide-persons><pr:all-persons/></pr:provide-persons>');
  const both = transform(BODY, ruleset(services, persons), ALICE, NOW) ?? '';
  assert.match(both, /<tuple/);
  assert.match(both, /<dm:person/);
  assert.doesNotMatch(both, /<dm:device /);
  assert.equal(transform(BODY, ruleset(services, rule(ONE, 'allow')), ALICE, NOW), BODY);
  assert.equal(transform(BODY, 'garbage', ALICE, NOW), null);
});
