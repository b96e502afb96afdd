import { type NameAddr, type PvValue, parseNameAddr, skipQuoted, type TransformDef, textTransform } from 'strowger';

/** {nameaddr.…}: `"name" <uri>` at the start of the text. */
export const NAMEADDR_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  name: nameAddrTransform('Everything in front of the bracket, quotes and space kept.', (text, open) =>
    text.slice(0, Math.max(0, open)),
  ),
  uri: nameAddrTransform('The URI.', (text, open, close) => (open < 0 ? text : text.slice(open + 1, close))),
  len: nameAddrTransform('Length up to and with the closing bracket.', (text, open, close) =>
    open < 0 ? text.length : close + 1,
  ),
};

/** {tobody.…}: a value as From and To have it; '' for a part that is missing. */
export const TOBODY_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  uri: toBodyTransform('The URI.', (addr) => addr.uriText),
  tag: toBodyTransform('The tag parameter.', (addr) => addr.tag ?? ''),
  user: toBodyTransform('User of the URI.', (addr) => addr.uri?.user ?? ''),
  host: toBodyTransform('Host of the URI.', (addr) => addr.uri?.host ?? ''),
  params: toBodyTransform('All parameters of the header.', (addr) => addr.buf.slice(addr.paramsStart + 1, addr.end)),
  display: toBodyTransform('Display name, quotes kept.', (addr) => addr.display),
};

function nameAddrTransform(doc: string, part: (text: string, open: number, close: number) => PvValue): TransformDef {
  return textTransform(doc, (text) => {
    if (text === '') return null;
    const open = openingBracket(text);
    const close = open < 0 ? -1 : text.indexOf('>', open);
    return open >= 0 && close < 0 ? null : part(text, open, close);
  });
}

function openingBracket(text: string): number {
  for (let i = 0; i < text.length; ) {
    const c = text.charCodeAt(i);
    if (c === 60) return i;
    i = c === 34 ? skipQuoted(text, i, text.length) : i + 1;
  }
  return -1;
}

function toBodyTransform(doc: string, part: (addr: NameAddr) => PvValue): TransformDef {
  return textTransform(doc, (text) => {
    const addr = parseNameAddr(text, 0, text.length);
    return addr === null || addr.uri === null ? null : part(addr);
  });
}
