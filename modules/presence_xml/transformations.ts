import { parseXml, writeXml, type XmlElement } from 'strowger';
import type { Watcher } from '../presence/api.ts';
import { type Circumstances, rulesFor } from './pres-rules.ts';

/** Attributes of persons, services and devices that a rule gives by a `provide-…` of their own (RFC 5025 §3.3.2). */
const ATTRIBUTES: readonly string[] = [
  'activities',
  'class',
  'deviceID',
  'mood',
  'place-is',
  'place-type',
  'privacy',
  'relationship',
  'sphere',
  'status-icon',
  'time-offset',
  'user-input',
  'note',
];

/** What the rules give one watcher, all that apply together. */
class Grants {
  readonly #rules: readonly XmlElement[];
  readonly #all: boolean;

  constructor(transformations: readonly XmlElement[]) {
    this.#rules = transformations;
    this.#all = this.#find('provide-all-attributes').length > 0;
  }

  /** An element about a device, person or service. */
  givesPart(part: XmlElement): boolean {
    switch (part.local) {
      case 'tuple':
        return this.#selects('provide-services', 'all-services', part);
      case 'person':
        return this.#selects('provide-persons', 'all-persons', part);
      case 'device':
        return this.#selects('provide-devices', 'all-devices', part);
      case 'note':
        return this.#all || this.#isTrue('provide-note');
      default:
        return this.#all;
    }
  }

  /** An element within such a part. Those that are no attributes of RFC 5025 belong to the part. */
  givesAttribute({ local, uri }: XmlElement): boolean {
    if (this.#all || !ATTRIBUTES.includes(local)) return true;
    if (local === 'user-input') return this.#find('provide-user-input').some(({ text }) => text !== 'false');
    if (this.#isTrue(`provide-${local}`)) return true;
    return this.#find('provide-unknown-attribute').some(
      (one) => one.text === 'true' && one.attribute('name') === local && one.attribute('ns') === uri,
    );
  }

  #selects(name: string, all: string, part: XmlElement): boolean {
    return this.#find(name).some((provide) =>
      provide.elements.some(({ local, text }) => local === all || valuesOf(part, local).includes(text)),
    );
  }

  #find(name: string): XmlElement[] {
    return this.#rules.flatMap((transformations) => transformations.childrenOf(name));
  }

  #isTrue(name: string): boolean {
    return this.#find(name).some(({ text }) => text === 'true');
  }
}

/** What a part is selected by (RFC 5025 §3.3.1). */
function valuesOf(part: XmlElement, selector: string): string[] {
  switch (selector) {
    case 'occurrence-id':
      return [part.attribute('id') ?? ''];
    case 'service-uri':
      return part.childrenOf('contact').map(({ text }) => text);
    case 'service-uri-scheme':
      return part.childrenOf('contact').map(({ text }) => text.slice(0, Math.max(0, text.indexOf(':'))));
    default:
      return part.childrenOf(selector).map(({ text }) => text);
  }
}

/**
 * The document with what the rules give this watcher. Rules without transformations give everything, as in Kamailio; null
 * where the document can not be read.
 */
export function transform(body: string, rules: string, watcher: Watcher, circumstances: Circumstances): string | null {
  const policy = parseXml(rules);
  if (policy === null) return null;
  const matching = rulesFor(policy, watcher, circumstances).map((rule) => rule.child('transformations'));
  const transformations = matching.filter((one) => one !== null && one.elements.length > 0) as XmlElement[];
  if (transformations.length === 0 || transformations.length < matching.length) return body;
  const root = parseXml(body);
  if (root === null) return null;
  const grants = new Grants(transformations);
  root.children = root.elements.filter((part) => grants.givesPart(part));
  for (const part of root.elements)
    if (part.local !== 'note') part.children = part.elements.filter((child) => grants.givesAttribute(child));
  return writeXml(root);
}
