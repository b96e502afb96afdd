import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';
import { toDbText } from '../db/db-text.ts';

/** An attribute with its namespace; `uri` is '' where it has none. */
export interface XmlAttribute {
  readonly name: string;
  readonly local: string;
  readonly uri: string;
  value: string;
}

/** An element (Namespaces in XML 1.0). Names and text are Unicode strings, not the script's bytes. */
export class XmlElement {
  /** As written, with its prefix. */
  readonly name: string;
  readonly local: string;
  readonly uri: string;
  /** Without those that declare namespaces. */
  readonly attributes: XmlAttribute[];
  /** Declared on this element: prefix ('' the default one) to namespace. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** Elements, and text between them. */
  children: (XmlElement | string)[];

  constructor(
    name: string,
    uri: string,
    attributes: XmlAttribute[] = [],
    children: (XmlElement | string)[] = [],
    namespaces: ReadonlyMap<string, string> = new Map(),
  ) {
    this.name = name;
    this.local = name.slice(name.indexOf(':') + 1);
    this.uri = uri;
    this.attributes = attributes;
    this.children = children;
    this.namespaces = namespaces;
  }

  get prefix(): string {
    const colon = this.name.indexOf(':');
    return colon < 0 ? '' : this.name.slice(0, colon);
  }

  get elements(): XmlElement[] {
    return this.children.filter((child) => typeof child !== 'string');
  }

  /** The first child element of that local name, whatever its namespace; null where there is none. */
  child(local: string): XmlElement | null {
    for (const child of this.children) if (typeof child !== 'string' && child.local === local) return child;
    return null;
  }

  /** All child elements of that local name. */
  childrenOf(local: string): XmlElement[] {
    return this.elements.filter((child) => child.local === local);
  }

  /** Value of the first attribute of that local name; null where there is none. */
  attribute(local: string): string | null {
    return this.attributes.find((attribute) => attribute.local === local)?.value ?? null;
  }

  setAttribute(name: string, value: string): void {
    const found = this.attributes.find((attribute) => attribute.name === name);
    if (found !== undefined) found.value = value;
    else this.attributes.push({ name, local: name, uri: '', value });
  }

  /** The text directly in it, without the white space around. */
  get text(): string {
    return this.children
      .filter((child) => typeof child === 'string')
      .join('')
      .trim();
  }
}

/** Elements within elements, elements in all, and characters of a document: what is beyond is no document to us. */
const MAX_DEPTH = 64;
const MAX_ELEMENTS = 10_000;
const MAX_CHARS = 1_000_000;

/**
 * Reads a document. `text` is the script's: UTF-8 bytes, one char each. Null where it is not well-formed (its namespaces
 * too), or too large, or has a document type: entities are not declared by strangers.
 */
export function parseXml(text: string): XmlElement | null {
  if (text.length > MAX_CHARS) return null;
  const reader = new TreeReader();
  try {
    return reader.read(toDbText(text));
  } catch {
    return null;
  }
}

/** Builds the tree of what the parser tells. Throws where there is none. */
class TreeReader {
  readonly #open: XmlElement[] = [];
  #root: XmlElement | null = null;
  #count = 0;

  read(text: string): XmlElement | null {
    const parser = new SaxesParser({ xmlns: true, position: false });
    parser.on('error', (error) => {
      throw error;
    });
    parser.on('doctype', () => {
      throw new Error('a document type');
    });
    parser.on('opentag', (tag) => this.#opened(tag));
    parser.on('closetag', () => this.#open.pop());
    parser.on('text', (part) => this.#open.at(-1)?.children.push(part));
    parser.on('cdata', (part) => this.#open.at(-1)?.children.push(part));
    parser.write(text.replace(/^\s+/, '')).close();
    return this.#root;
  }

  #opened(tag: SaxesTagNS): void {
    if (this.#open.length >= MAX_DEPTH || ++this.#count > MAX_ELEMENTS) throw new Error('too large');
    const attributes = Object.values(tag.attributes).filter((attribute) => !isDeclaration(attribute));
    const element = new XmlElement(
      tag.name,
      tag.uri,
      attributes.map(({ name, local, uri, value }) => ({ name, local, uri, value })),
      [],
      new Map(Object.entries(tag.ns)),
    );
    this.#open.at(-1)?.children.push(element);
    this.#root ??= element;
    this.#open.push(element);
  }
}

function isDeclaration({ prefix, name }: SaxesAttributeNS): boolean {
  return prefix === 'xmlns' || name === 'xmlns';
}
