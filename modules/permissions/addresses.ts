import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ModuleContext, type ParamPv, type Run, TableCache, type TableReader } from 'strowger';
import { parseAddressFile } from './address-file.ts';
import { type AddressEntry, AddressTable, addressBytes, type Listed } from './address-table.ts';

/** Version of Kamailio's table. */
const VERSION = 6;

/** Addresses with their groups, from a table or a file. */
export class Addresses {
  readonly #ctx: ModuleContext;
  readonly #tag: ParamPv;
  /** Null where a file is read, or nothing. */
  readonly #cache: TableCache<AddressTable | null> | null;
  #fromFile: AddressTable | null = null;

  /** `isWanted`: load_backends has it. */
  constructor(ctx: ModuleContext, tag: ParamPv, isWanted: boolean) {
    this.#ctx = ctx;
    this.#tag = tag;
    const url = ctx.str('db_url');
    const isTable = isWanted && url !== '' && ctx.str('address_file') === '';
    this.#cache = isTable
      ? new TableCache<AddressTable | null>(ctx.server.db, url, null, async (tables) =>
          this.#table(await this.#rows(tables)),
        )
      : null;
  }

  /** Null where there is none. */
  get table(): AddressTable | null {
    return this.#cache === null ? this.#fromFile : this.#cache.value;
  }

  /** Reads them; rejects with what is wrong, and then those that were there stay. */
  async load(): Promise<void> {
    if (this.#cache !== null) {
      await this.#cache.load();
      return;
    }
    const name = this.#ctx.str('address_file');
    if (name === '') throw new Error('neither db_url nor address_file is set');
    const path = name.includes('/') ? name : join(this.#ctx.server.scriptFolder, name);
    const { entries, remarks } = parseAddressFile(await readFile(path, 'latin1'));
    if (remarks.length > 0) throw new Error(remarks.map((remark) => `${path}: ${remark}`).join('\n'));
    this.#fromFile = this.#table(entries);
  }

  async close(): Promise<void> {
    await this.#cache?.close();
  }

  /** Is an address or a name with this port in the group? Its tag is stored. */
  isIn(run: Run, group: number, address: string, port: number): boolean {
    const { table } = this;
    if (table === null) return false;
    const bytes = addressBytes(address);
    const found = bytes === null ? table.findName(address, port, group) : table.findAddress(bytes, port, group);
    return this.#tell(run, found);
  }

  /** The first group with the address or name; -1 for none. The tag is stored, but that of a name. */
  groupOf(run: Run, address: string, port: number): number {
    const { table } = this;
    if (table === null) return -1;
    const bytes = addressBytes(address);
    if (bytes === null) return table.findName(address, port, null)?.group ?? -1;
    const found = table.findAddress(bytes, port, null);
    this.#tell(run, found);
    return found?.group ?? -1;
  }

  #tell(run: Run, found: Listed | null): boolean {
    if (found === null) return false;
    if (found.tag !== null) this.#tag.set(run, found.tag);
    return true;
  }

  #table(entries: readonly AddressEntry[]): AddressTable {
    const max = this.#ctx.int('max_subnets');
    return new AddressTable(entries, max, (count) =>
      this.#ctx.log.crit(`${count} subnets are left out: max_subnets is ${max}`),
    );
  }

  async #rows(tables: TableReader): Promise<AddressEntry[]> {
    const ctx = this.#ctx;
    const [group = '', address = '', mask = '', port = '', tag = ''] = [
      'grp_col',
      'ip_addr_col',
      'mask_col',
      'port_col',
      'tag_col',
    ].map((name) => ctx.str(name));
    const rows = await tables.rows({
      table: ctx.str('address_table'),
      columns: [group, address, mask, port, tag],
      version: VERSION,
    });
    return rows.map((row) => ({
      group: row.int(group),
      address: row.str(address),
      mask: row.int(mask, -1),
      port: row.int(port),
      tag: row.isNull(tag) ? null : row.str(tag),
    }));
  }
}
