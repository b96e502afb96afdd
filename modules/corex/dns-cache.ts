import type { RpcRegistry } from 'strowger';

/**
 * Adds a record of the parameter `dns_cache`, `type=A;name=a.example.org;addr=192.0.2.1;ttl=3600;flags=2`, as the RPC
 * methods `dns.add_*` do. Rejects with what is wrong.
 */
export async function addDnsRecord(rpc: RpcRegistry, text: string): Promise<void> {
  const fields = new Map<string, string>();
  for (const part of text.split(';')) {
    const at = part.indexOf('=');
    if (at > 0) fields.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const number = (name: string): number => Number(fields.get(name) ?? 0);
  const name = fields.get('name') ?? '';
  const address = fields.get('addr') ?? '';
  const ttlSec = number('ttl');
  const flags = number('flags');
  const type = (fields.get('type') ?? '').toUpperCase();
  try {
    if (type === 'A') await rpc.call('dns.add_a', [name, ttlSec, address, flags]);
    else if (type === 'AAAA') await rpc.call('dns.add_aaaa', [name, ttlSec, address, flags]);
    else if (type === 'SRV') {
      await rpc.call('dns.add_srv', [
        name,
        ttlSec,
        number('priority'),
        number('weight'),
        number('port'),
        address,
        flags,
      ]);
    } else throw new Error('type is A, AAAA or SRV');
  } catch (error) {
    throw new Error(`dns_cache "${text}": ${(error as Error).message}`, { cause: error });
  }
}
