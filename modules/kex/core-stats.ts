import { type Counter, type CounterRegistry, memoryUsage, methodId, type SipMsg, type StatDef } from 'strowger';

/** Methods that have a counter of requests. */
const REQUESTS =
  'INVITE CANCEL ACK BYE INFO REGISTER SUBSCRIBE NOTIFY MESSAGE OPTIONS PRACK UPDATE REFER PUBLISH'.split(' ');
/** Methods that have counters of replies, and how the counters spell them. */
const REPLIES: readonly (readonly [method: string, name: string])[] = [
  ['INVITE', 'invite'],
  ['CANCEL', 'cancel'],
  ['BYE', 'bye'],
  ['REGISTER', 'reg'],
  ['MESSAGE', 'message'],
  ['PRACK', 'prack'],
  ['UPDATE', 'update'],
  ['REFER', 'refer'],
];
/** Single codes that are counted. */
const CODES = [401, 404, 407, 480, 486];

/** Counted by the core itself; named here so that they are listed with the module. */
const OF_THE_CORE: readonly (readonly [name: string, doc: string])[] = [
  ['rcv_requests', 'Requests received.'],
  ['rcv_replies', 'Replies received.'],
  ['fwd_requests', 'Requests forwarded.'],
  ['fwd_replies', 'Replies forwarded.'],
  ['drop_requests', 'Requests dropped before forwarding.'],
  ['drop_replies', 'Replies dropped before forwarding.'],
  ['err_requests', 'Requests that could not be read.'],
  ['err_replies', 'Replies that could not be read.'],
  ['bad_URIs_rcvd', 'URIs that could not be parsed.'],
  ['unsupported_methods', 'Requests with a method nobody knows.'],
  ['bad_msg_hdr', 'Headers that could not be parsed.'],
];

const MEMORY: readonly (readonly [name: string, doc: string, get: () => number])[] = [
  ['total_size', 'Limit of the heap, bytes.', () => memoryUsage().total],
  ['used_size', 'Used of the heap, bytes.', () => memoryUsage().used],
  ['real_used_size', 'Memory the process holds, bytes.', () => memoryUsage().real_used],
  ['max_used_size', 'Most memory the process has held, bytes.', () => memoryUsage().max_used],
  ['free_size', 'Free of the heap, bytes.', () => memoryUsage().free],
  ['fragments', 'Spaces of the heap.', () => memoryUsage().fragments],
];

/** All statistics of the module, by `group:name`. */
export const STATISTICS: Readonly<Record<string, StatDef>> = {
  ...Object.fromEntries(OF_THE_CORE.map(([name, doc]) => [`core:${name}`, { doc }])),
  ...Object.fromEntries(
    REQUESTS.map((method) => [`core:rcv_requests_${method.toLowerCase()}`, { doc: `${method} requests received.` }]),
  ),
  ...Object.fromEntries(
    [1, 2, 3, 4, 5, 6].flatMap((digit) => [
      [`core:rcv_replies_${digit}xx`, { doc: `${digit}xx replies received.` }],
      ...REPLIES.map(([method, name]) => [
        `core:rcv_replies_${digit}xx_${name}`,
        { doc: `${digit}xx replies to ${method} received.` },
      ]),
    ]),
  ),
  'core:rcv_replies_18x': { doc: '180 … 189 replies received.' },
  ...Object.fromEntries(CODES.map((code) => [`core:rcv_replies_${code}`, { doc: `${code} replies received.` }])),
  ...Object.fromEntries(MEMORY.map(([name, doc, get]) => [`shmem:${name}`, { doc, get }])),
};

/** Counts requests by method and replies by class, code and method. */
export class MessageCounts {
  readonly #requests = new Map<number, Counter>();
  /** By class (1 … 6). */
  readonly #classes: (Counter | undefined)[] = [];
  /** By class, then method. */
  readonly #byMethod: (ReadonlyMap<number, Counter> | undefined)[] = [];
  readonly #codes = new Map<number, Counter>();
  readonly #ringing: Counter;

  constructor(counters: CounterRegistry) {
    const core = (name: string): Counter => counters.register('core', name);
    for (const method of REQUESTS) {
      this.#requests.set(methodId(method), core(`rcv_requests_${method.toLowerCase()}`));
    }
    for (let digit = 1; digit <= 6; digit++) {
      this.#classes[digit] = core(`rcv_replies_${digit}xx`);
      this.#byMethod[digit] = new Map(
        REPLIES.map(([method, name]) => [methodId(method), core(`rcv_replies_${digit}xx_${name}`)]),
      );
    }
    for (const code of CODES) this.#codes.set(code, core(`rcv_replies_${code}`));
    this.#ringing = core('rcv_replies_18x');
  }

  request(msg: SipMsg): void {
    this.#requests.get(msg.method)?.inc();
  }

  reply(msg: SipMsg): void {
    const { status } = msg;
    const digit = Math.trunc(status / 100);
    this.#classes[digit]?.inc();
    this.#byMethod[digit]?.get(methodId(msg.methodName))?.inc();
    if (status >= 180 && status < 190) this.#ringing.inc();
    else this.#codes.get(status)?.inc();
  }
}
