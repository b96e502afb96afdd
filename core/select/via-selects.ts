import { vias } from '../parser/list.ts';
import type { Via } from '../parser/via.ts';
import { isLeaf, noSuchPart, paramName, type Reader, type SelectDef, type SelectPart } from './select.ts';

const VIA_PARTS: ReadonlyMap<string, Reader<Via>> = new Map<string, Reader<Via>>([
  ['name', () => 'SIP'],
  ['version', () => '2.0'],
  ['transport', (via) => via.transport],
  ['host', (via) => via.host],
  ['port', (via) => (via.port === 0 ? '' : String(via.port))],
  // RFC 3261 §25.1 has no comments in Via; RFC 2543 had.
  ['comment', () => ''],
  ['branch', (via) => via.param('branch') ?? ''],
  ['received', (via) => via.param('received') ?? ''],
  ['rport', (via) => via.param('rport') ?? ''],
  ['i', (via) => via.param('i') ?? ''],
  ['alias', (via) => via.param('alias') ?? ''],
]);

/** @via, @v: the topmost Via value; @via[2] the second, @via[-1] the last. */
export const VIA_SELECT: SelectDef = {
  doc: 'Via values, the first or the one the index names: their parts and params["x"].',
  bind(parts) {
    const read = reader(parts.slice(1));
    if (typeof read === 'string') return read;
    const index = parts[0]?.index ?? 1;
    if (typeof index !== 'number' || index === 0) return 'the index of a Via is a number: 1 is the first, -1 the last';
    return (run) => {
      const via = index === 1 ? run.msg.via1 : vias(run.msg).at(index > 0 ? index - 1 : index);
      return via == null ? '' : read(via);
    };
  },
};

function reader(parts: readonly SelectPart[]): Reader<Via> | string {
  const [first] = parts;
  if (first === undefined) return (via) => via.buf.slice(via.start, via.end).trimEnd();
  const name = first.name === 'params' ? paramName(parts) : null;
  if (name !== null) return (via) => via.param(name) ?? '';
  return (isLeaf(parts) ? VIA_PARTS.get(first.name) : undefined) ?? noSuchPart(parts, [...VIA_PARTS.keys(), 'params']);
}
