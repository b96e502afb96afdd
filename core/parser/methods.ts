/** Method numbers are Kamailio's bits, so that `is_method("INVITE|ACK")` is one AND. OTHER stands for every name not here. */
export const METHOD = {
  UNDEF: 0,
  INVITE: 1,
  CANCEL: 2,
  ACK: 4,
  BYE: 8,
  INFO: 16,
  REGISTER: 32,
  SUBSCRIBE: 64,
  NOTIFY: 128,
  MESSAGE: 256,
  OPTIONS: 512,
  PRACK: 1024,
  UPDATE: 2048,
  REFER: 4096,
  PUBLISH: 8192,
  KDMQ: 16384,
  GET: 32768,
  POST: 65536,
  PUT: 131072,
  DELETE: 262144,
  OTHER: 524288,
} as const;

const BY_NAME = new Map<string, number>(
  Object.entries(METHOD).filter(([name]) => name !== 'OTHER' && name !== 'UNDEF'),
);

/** The bit of a method name; names compare with case (RFC 3261 §7.1). Unknown names give OTHER. */
export function methodId(name: string): number {
  return BY_NAME.get(name) ?? METHOD.OTHER;
}

/**
 * The bit of the method name in `buf[start … end)`: as `methodId`, without making a string or looking one up for the
 * usual ones.
 */
export function methodAt(buf: string, start: number, end: number): number {
  const usual = USUAL[end - start];
  if (usual !== undefined) {
    for (let i = 0; i < usual.length; i++) {
      const { name, bit } = usual[i] as { name: string; bit: number };
      if (name.charCodeAt(0) === buf.charCodeAt(start) && buf.startsWith(name, start)) return bit;
    }
  }
  return methodId(buf.slice(start, end));
}

/** Known methods by the length of their names. */
const USUAL: ({ name: string; bit: number }[] | undefined)[] = [];
for (const [name, bit] of BY_NAME) USUAL[name.length] = [...(USUAL[name.length] ?? []), { name, bit }];

/** Names by the position of their bit. */
const NAMES: string[] = [];
for (const [name, bit] of BY_NAME) NAMES[31 - Math.clz32(bit)] = name;

/** `buf[start … end)`, which is the method of this bit: the constant where there is one, a part of the message else. */
export function methodText(bit: number, buf: string, start: number, end: number): string {
  return NAMES[31 - Math.clz32(bit)] ?? buf.slice(start, end);
}
