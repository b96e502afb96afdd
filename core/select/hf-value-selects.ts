import { parseAuth } from '../parser/digest.ts';
import { listValueEnd, parseNameAddr } from '../parser/name-addr.ts';
import { findParam } from '../parser/params.ts';
import { unquote } from '../parser/quoted.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import { addressReader, uriReader } from './address-selects.ts';
import { isLeaf, noSuchPart, type Reader, type SelectDef, type SelectPart } from './select.ts';

/** The selects of textopsx: values of any header, an underscore in its name standing for a dash. */
export const HF_VALUE_SELECTS: Readonly<Record<string, SelectDef>> = {
  hf_value: {
    doc: 'Values of a header whose values are joined by commas: [n] from 1 or -1, [*] all; then uri, name, nameaddr, a parameter, p.param.',
    bind: (parts) => bindValues(parts, eachValue, valueReader),
  },
  hf_value2: {
    doc: 'Values of a header with commas of its own, such as Authorization: [n] from 1 or -1; then a parameter, p.param.',
    bind: (parts) => bindValues(parts, eachRow, credentialReader),
  },
  hf_value_exists: {
    doc: '1 when a value is among those of a header, else 0.',
    bind: (parts) => {
      const header = headerPart(parts);
      const [wanted] = header.rest;
      if (header.name === '' || wanted === undefined || header.rest.length > 1)
        return 'a header and a value are needed';
      const value = String(wanted.index ?? wanted.name);
      return (run) => (eachValue(run.msg, header.name).includes(value) ? '1' : '0');
    },
  },
};

interface HeaderPart {
  readonly name: string;
  readonly index: string | number | null;
  readonly rest: readonly SelectPart[];
}

/** `hf_value.x_test[2]…` or `hf_value["X-Test"]…`. */
function headerPart(parts: readonly SelectPart[]): HeaderPart {
  const [root, first] = parts;
  if (root !== undefined && root.index !== null)
    return { name: String(root.index).replaceAll('_', '-'), index: null, rest: parts.slice(1) };
  return { name: (first?.name ?? '').replaceAll('_', '-'), index: first?.index ?? null, rest: parts.slice(2) };
}

function bindValues(
  parts: readonly SelectPart[],
  values: (msg: SipMsg, header: string) => string[],
  reader: (parts: readonly SelectPart[]) => Reader<string> | string,
): ReturnType<SelectDef['bind']> {
  const { name, index, rest } = headerPart(parts);
  if (name === '') return 'the name of a header is needed';
  if (index === 0 || (typeof index === 'string' && index !== '*')) return 'an index is a number from 1 or -1, or *';
  const read = reader(rest);
  if (typeof read === 'string') return read;
  // Without an index a list gives all its values, but parts that are not URIs only of the first.
  const isWhole =
    index === '*' || (index === null && (rest.length === 0 || rest[0]?.name === 'uri') && values === eachValue);
  if (isWhole) return (run) => values(run.msg, name).map(read).join(',');
  const at = typeof index === 'number' ? (index > 0 ? index - 1 : index) : 0;
  return (run) => {
    const value = values(run.msg, name).at(at);
    return value === undefined ? '' : read(value);
  };
}

function eachRow(msg: SipMsg, header: string): string[] {
  const rows: string[] = [];
  for (let row = msg.findHdrByName(header); row >= 0; row = msg.findHdrByName(header, row + 1))
    rows.push(msg.hdrValue(row));
  return rows;
}

function eachValue(msg: SipMsg, header: string): string[] {
  const values: string[] = [];
  for (const row of eachRow(msg, header)) {
    for (let at = 0; at < row.length; ) {
      const end = listValueEnd(row, at, row.length);
      const value = row.slice(at, end).trim();
      if (value !== '') values.push(value);
      at = end + 1;
    }
  }
  return values;
}

function valueReader(parts: readonly SelectPart[]): Reader<string> | string {
  const [first] = parts;
  if (first === undefined) return (value) => value;
  if (first.name === 'uri') {
    const read = uriReader(parts.slice(1));
    if (typeof read === 'string') return read;
    return (value) => read(parseNameAddr(value, 0, value.length)?.uriText ?? '');
  }
  if (first.name === 'nameaddr') {
    const read = addressReader(parts.slice(1), []);
    if (typeof read === 'string') return read;
    return (value) => {
      const addr = parseNameAddr(value, 0, value.length);
      return addr === null ? '' : read(addr);
    };
  }
  if (first.name === 'name' && isLeaf(parts))
    return (value) => {
      const display = parseNameAddr(value, 0, value.length)?.display ?? '';
      return display.startsWith('"') && display.endsWith('"') ? display.slice(1, -1) : display;
    };
  const name = parameterName(parts);
  return name === null
    ? noSuchPart(parts, ['uri', 'name', 'nameaddr', 'p'])
    : (value) => unquote(paramOf(value, name) ?? '');
}

/** A parameter of the header: those within `<>` are the URI's. */
function paramOf(value: string, name: string): string | null {
  if (!value.includes('<')) return findParam(value, 0, value.length, name);
  return parseNameAddr(value, 0, value.length)?.param(name) ?? null;
}

function credentialReader(parts: readonly SelectPart[]): Reader<string> | string {
  if (parts.length === 0) return (value) => value;
  const name = parameterName(parts);
  return name === null ? noSuchPart(parts, ['p']) : (value) => unquote(parseAuth(value)?.params.get(name) ?? '');
}

/** `realm`, `p.realm`, `param["realm"]`; the name in lower case. */
function parameterName(parts: readonly SelectPart[]): string | null {
  const [first, second] = parts;
  if (first === undefined) return null;
  if (first.name !== 'p' && first.name !== 'param') return isLeaf(parts) ? first.name.toLowerCase() : null;
  if (first.index !== null) return parts.length === 1 ? String(first.index).toLowerCase() : null;
  return second !== undefined && parts.length === 2 ? second.name.toLowerCase() : null;
}
