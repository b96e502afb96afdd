import { fromDbText } from '../db/db-text.ts';
import type { XmlElement } from './xml-tree.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};
const QUOTED_ENTITIES: Readonly<Record<string, string>> = { ...ENTITIES, '\n': '&#10;', '\t': '&#9;' };

/** Text as it stands between tags. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>\r]/g, (c) => ENTITIES[c] ?? c);
}

function escapeAttribute(text: string): string {
  return text.replace(/[&<>"\r\n\t]/g, (c) => QUOTED_ENTITIES[c] ?? c);
}

/** Namespaces in force: those of an element, then its parent's, and so on; as deep as the document. */
interface Scope {
  readonly declared: ReadonlyMap<string, string>;
  readonly outer: Scope | null;
}

/** What every document has without saying so. */
const OUTERMOST: Scope = {
  declared: new Map([
    ['', ''],
    ['xml', 'http://www.w3.org/XML/1998/namespace'],
  ]),
  outer: null,
};

function resolve(from: Scope, prefix: string): string | undefined {
  for (let scope: Scope | null = from; scope !== null; scope = scope.outer) {
    const uri = scope.declared.get(prefix);
    if (uri !== undefined) return uri;
  }
  return undefined;
}

/**
 * Writes a document with its declaration, as the script's text (UTF-8 bytes, one char each). An element that stands where
 * its prefix means something else, or nothing, declares it.
 */
export function writeXml(root: XmlElement): string {
  const out = ['<?xml version="1.0" encoding="UTF-8"?>\n'];
  writeElement(out, root, OUTERMOST);
  out.push('\n');
  return fromDbText(out.join(''));
}

function writeElement(out: string[], element: XmlElement, outer: Scope): void {
  const declared = declare(element, outer);
  out.push('<', element.name);
  for (const [prefix, uri] of declared)
    out.push(prefix === '' ? ' xmlns="' : ` xmlns:${prefix}="`, escapeAttribute(uri), '"');
  for (const { name, value } of element.attributes) out.push(' ', name, '="', escapeAttribute(value), '"');
  if (element.children.length === 0) {
    out.push('/>');
    return;
  }
  out.push('>');
  const scope = declared.size === 0 ? outer : { declared, outer };
  for (const child of element.children) {
    if (typeof child === 'string') out.push(escapeXml(child));
    else writeElement(out, child, scope);
  }
  out.push('</', element.name, '>');
}

/** The namespaces to be declared on an element: its own ones that say something new, and those that it needs. */
function declare(element: XmlElement, outer: Scope): ReadonlyMap<string, string> {
  const declared = new Map<string, string>();
  for (const [prefix, uri] of element.namespaces) if (resolve(outer, prefix) !== uri) declared.set(prefix, uri);
  const need = (prefix: string, uri: string): void => {
    if ((declared.get(prefix) ?? resolve(outer, prefix)) !== uri) declared.set(prefix, uri);
  };
  need(element.prefix, element.uri);
  for (const { name, uri } of element.attributes) if (uri !== '') need(name.slice(0, name.indexOf(':')), uri);
  return declared;
}
