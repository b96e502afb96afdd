import { coreHash, type PvValue, type TableReader } from 'strowger';

/** Versions of Kamailio's tables. */
const DOMAIN_VERSION = 2;
const ATTRS_VERSION = 1;
/** Buckets of Kamailio's table: its dump comes in their order. */
const BUCKETS = 128;
/** Types of attributes. */
const INTEGER = 0;
const STRING = 2;

export interface Attribute {
  readonly name: string;
  readonly value: PvValue;
}

/** What the two tables hold, for lookup. */
export interface Domains {
  /** By domain in lower case. */
  readonly byName: ReadonlyMap<string, { readonly domain: string; readonly did: string }>;
  /** By did; the last of the table first. */
  readonly attributes: ReadonlyMap<string, readonly Attribute[]>;
}

export const NO_DOMAINS: Domains = { byName: new Map(), attributes: new Map() };

/** Names of tables and columns (parameters). */
export interface DomainColumns {
  readonly domainTable: string;
  readonly attrsTable: string;
  readonly did: string;
  readonly domain: string;
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

/** Reads both tables. Throws with what is wrong in them. */
export async function readDomains(tables: TableReader, columns: DomainColumns): Promise<Domains> {
  const attributes = await readAttributes(tables, columns);
  const rows = await tables.rows({
    table: columns.domainTable,
    columns: [columns.domain, columns.did],
    version: DOMAIN_VERSION,
  });
  const byName = new Map<string, { domain: string; did: string }>();
  for (const [i, row] of rows.entries()) {
    const domain = row.str(columns.domain);
    const did = row.isNull(columns.did) ? domain : row.str(columns.did);
    if (domain === '' || did === '')
      throw new Error(`${columns.domainTable}: ${domain === '' ? 'domain' : 'did'} of row ${i} is empty`);
    byName.set(domain.toLowerCase(), { domain, did });
  }
  return { byName, attributes };
}

async function readAttributes(tables: TableReader, columns: DomainColumns): Promise<Map<string, Attribute[]>> {
  const rows = await tables.rows({
    table: columns.attrsTable,
    columns: [columns.did, columns.name, columns.type, columns.value],
    version: ATTRS_VERSION,
  });
  const attributes = new Map<string, Attribute[]>();
  for (const [i, row] of rows.entries()) {
    const fail = (what: string): never => {
      throw new Error(`${columns.attrsTable}: ${what} in row ${i}`);
    };
    const [did, name, text] = [row.str(columns.did), row.str(columns.name), row.str(columns.value)];
    if (did === '' || name === '') fail('did or name is empty');
    const type = row.int(columns.type, -1);
    if (type !== INTEGER && type !== STRING) fail(`type ${type} is neither ${INTEGER} nor ${STRING}`);
    if (type === INTEGER && !/^[-+]?\d+$/.test(text)) fail(`"${text}" is no number`);
    const list = attributes.get(did);
    const attribute = { name, value: type === INTEGER ? Number(text) : text };
    if (list === undefined) attributes.set(did, [attribute]);
    else list.unshift(attribute);
  }
  return attributes;
}

/** In the order in which Kamailio dumps them: by bucket, the last of the table first. */
export function inDumpOrder({ byName }: Domains): { domain: string; did: string }[] {
  return [...byName]
    .map(([key, entry], i) => ({ entry, i, bucket: coreHash(key, BUCKETS) }))
    .toSorted((a, b) => a.bucket - b.bucket || b.i - a.i)
    .map(({ entry }) => entry);
}
