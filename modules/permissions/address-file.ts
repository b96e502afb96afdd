import { type AddressEntry, addressBytes } from './address-table.ts';

/**
 * Reads `group address [mask [port [tag]]]` lines (Kamailio: permissions, Address File Format); `#` begins a comment.
 * What is wrong with lines is told, by their numbers; they are left out.
 */
export function parseAddressFile(text: string): {
  readonly entries: readonly AddressEntry[];
  readonly remarks: readonly string[];
} {
  const entries: AddressEntry[] = [];
  const remarks: string[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const words = line.replace(/#.*$/, '').trim().split(/\s+/);
    if (words[0] === '') continue;
    const entry = entryOf(words);
    if (typeof entry === 'string') remarks.push(`line ${i + 1}: ${entry}`);
    else entries.push(entry);
  }
  return { entries, remarks };
}

function entryOf([group = '', address = '', mask, port = '0', tag]: readonly string[]): AddressEntry | string {
  if (address === '') return 'there is no address';
  const bits = (addressBytes(address)?.length ?? 0) * 8;
  const numbers = [group, mask ?? String(bits), port];
  const wrong = numbers.find((number) => !/^\d+$/.test(number));
  if (wrong !== undefined) return `"${wrong}" is no number`;
  const [groupNumber = 0, maskNumber = 0, portNumber = 0] = numbers.map(Number);
  if (groupNumber < 1) return 'groups are numbers from 1';
  if (bits > 0 && maskNumber > bits) return `mask ${maskNumber} is longer than the address`;
  return { group: groupNumber, address, mask: maskNumber, port: portNumber, tag: tag ?? null };
}
