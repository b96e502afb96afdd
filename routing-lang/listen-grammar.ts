import { isIPv6 } from 'node:net';
import type { IToken } from 'chevrotain';
import type { ListenItem, Span } from './ast.ts';
import { spanOf } from './ast-builder.ts';
import { BOOLEAN_WORDS, PROTOCOLS } from './core-keywords.ts';
import { ParamGrammar } from './param-grammar.ts';
import * as t from './tokens.ts';

type Socket = ListenItem['sockets'][number];

interface Address {
  readonly host: string;
  readonly port: number | null;
}

/** What a `socket` block says. */
interface SocketAttributes {
  readonly sockets: Socket[];
  /** Of `bind = host:5060-5068`; null for a single port. */
  lastPort: number | null;
  advertise: Address | null;
  name: string | null;
  isVirtual: boolean;
  bindAgent: string | null;
}

function noAttributes(): SocketAttributes {
  return { sockets: [], lastPort: null, advertise: null, name: null, isVirtual: false, bindAgent: null };
}

const LISTEN_OPTIONS = ['advertise', 'name', 'virtual'];

/** Attributes of a socket that are read, and what nothing comes of them for. */
const NO_EFFECT: ReadonlyMap<string, string> = new Map([
  ['workers', 'each worker serves all sockets'],
  ['vrf', 'Node.js can not bind to a VRF device; start the server in it with `ip vrf exec`'],
]);

const MAX_PORT_RANGE = 1000;

/** `listen = …` and `socket = { … }`. */
export class ListenGrammar extends ParamGrammar {
  protected readonly listen = this.RULE('listen', (): ListenItem => {
    const word = this.CONSUME(t.Listen);
    this.CONSUME(t.Equal);
    const sockets: Socket[] = [];
    this.SUBRULE(this.endpoints, { ARGS: [sockets] });
    this.MANY({
      GATE: () => this.continuesList() && !LISTEN_OPTIONS.includes(this.LA(1).image),
      DEF: () => {
        this.SUBRULE2(this.endpoints, { ARGS: [sockets] });
      },
    });
    let advertise: Address | null = null;
    let name: string | null = null;
    let isVirtual = false;
    const isOption = (image: string): boolean => this.LA(1).image === image && !this.is(t.Equal, 2);
    this.OPTION({
      GATE: () => isOption('advertise'),
      DEF: () => {
        this.CONSUME(t.Word);
        advertise = this.SUBRULE(this.address);
      },
    });
    this.OPTION2({
      GATE: () => isOption('name'),
      DEF: () => {
        this.CONSUME2(t.Word);
        name = this.SUBRULE(this.strings).value;
      },
    });
    this.OPTION3({
      GATE: () => isOption('virtual'),
      DEF: () => {
        this.CONSUME3(t.Word);
        isVirtual = true;
      },
    });
    return this.ACTION(
      (): ListenItem => ({ type: 'listen', span: this.span(word.startOffset), sockets, advertise, name, isVirtual }),
    );
  });

  /** `[proto:]host[:port]`, or several hosts in parentheses that share protocol and port. */
  protected readonly endpoints = this.RULE('endpoints', (sockets: Socket[]): void => {
    const start = this.LA(1).startOffset;
    let protos: (string | null)[] = [null];
    const hosts: string[] = [];
    this.OPTION({
      GATE: () => this.is(t.Colon, 2) && PROTOCOLS.has(this.LA(1).image.toLowerCase()),
      DEF: () => {
        const token = this.CONSUME(t.Word);
        this.CONSUME(t.Colon);
        this.ACTION(() => {
          protos = [this.#protocol(token)];
        });
      },
    });
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.LParen);
          hosts.push(this.SUBRULE(this.hostName));
          this.MANY(() => {
            this.OPTION2(() => this.CONSUME(t.Comma));
            hosts.push(this.SUBRULE2(this.hostName));
          });
          this.CONSUME(t.RParen);
        },
      },
      { ALT: () => hosts.push(this.SUBRULE3(this.hostName)) },
    ]);
    this.OPTION3({
      GATE: () => protos[0] === null && hosts.every((h) => PROTOCOLS.has(h.toLowerCase())),
      DEF: () => {
        const colon = this.CONSUME2(t.Colon);
        const host = this.SUBRULE4(this.hostName);
        this.ACTION(() => {
          protos = hosts.splice(0).map((h) => h.toLowerCase());
          hosts.push(host);
          this.builder.report('lax-syntax', spanOf(colon), 'Kamailio 5.6.3 refuses several protocols before a host');
        });
      },
    });
    let port: number | null = null;
    this.OPTION4(() => {
      this.CONSUME3(t.Colon);
      const token = this.CONSUME(t.NumberToken);
      this.ACTION(() => {
        port = this.#port(token);
      });
    });
    this.ACTION(() => {
      const span = this.span(start);
      if (protos[0] !== null && isIPv6(hosts[0] ?? '')) {
        const hint = `write ${protos[0]}:[${hosts[0]}]`;
        this.builder.report('lax-syntax', span, 'Kamailio 5.6.3 refuses an IPv6 address without brackets here', {
          hint,
        });
      }
      for (const proto of protos) for (const host of hosts) sockets.push({ proto, host, port, span });
    });
  });

  #protocol(token: IToken): string {
    const proto = token.image.toLowerCase();
    if (proto === 'ws' || proto === 'wss') {
      const transport = proto === 'ws' ? 'tcp' : 'tls';
      this.builder.report('lax-syntax', spanOf(token), `Kamailio 5.6.3 refuses to listen on ${proto}`, {
        hint: `WebSocket connections come in on ${transport}: write ${transport}:…`,
      });
    }
    return proto;
  }

  #port(token: IToken): number {
    const port = this.builder.number(token);
    if (port >= 0 && port <= 65535) return port;
    this.builder.report('bad-number', spanOf(token), `${token.image} is no port`);
    return 0;
  }

  protected readonly hostName = this.RULE('hostName', (): string =>
    this.OR([
      { ALT: () => this.SUBRULE(this.strings).value },
      {
        ALT: () => {
          const span = this.SUBRULE(this.hostText);
          return this.ACTION(() => {
            const host = this.builder.source.text.slice(span.start, span.end);
            if (!PROTOCOLS.has(host.toLowerCase())) this.builder.checkHost(span, host);
            return host;
          });
        },
      },
    ]),
  );

  protected readonly address = this.RULE('address', (): Address => {
    const host = this.SUBRULE(this.hostName);
    let port: number | null = null;
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      const token = this.CONSUME(t.NumberToken);
      this.ACTION(() => {
        port = this.#port(token);
      });
    });
    return { host, port };
  });

  // ---- socket = { … } ------------------------------------------------------------------------------------------

  /** Kamailio 5.7's form of listen. A range of ports makes one item a port, as the cookbook says. */
  protected readonly socketBlock = this.RULE('socketBlock', (): ListenItem[] => {
    const word = this.CONSUME(t.SocketWord);
    this.CONSUME(t.Equal);
    this.CONSUME(t.LBrace);
    const found = noAttributes();
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Semicolon) },
        { ALT: () => this.SUBRULE(this.socketAttribute, { ARGS: [found] }) },
      ]);
    });
    this.CONSUME(t.RBrace);
    return this.ACTION(() => {
      this.builder.report('newer-syntax', spanOf(word), 'socket is of Kamailio 5.7; 5.6.3 refuses it', {
        hint: 'listen says the same',
      });
      const span = this.span(word.startOffset);
      if (found.sockets.length === 0) this.builder.report('syntax', spanOf(word), 'a socket needs bind = address;');
      return this.#socketItems(span, found);
    });
  });

  #socketItems(span: Span, found: SocketAttributes): ListenItem[] {
    const first = found.sockets[0]?.port ?? null;
    const count = first === null || found.lastPort === null ? 1 : found.lastPort - first + 1;
    if (count < 1 || count > MAX_PORT_RANGE) {
      this.builder.report('syntax', span, `a range of ports has 1 to ${MAX_PORT_RANGE} of them`);
      return [];
    }
    const { bindAgent, isVirtual, advertise } = found;
    return Array.from({ length: count }, (_, i): ListenItem => {
      const isRange = found.lastPort !== null;
      const port = (from: number | null): number | null => (from === null ? null : from + i);
      return {
        type: 'listen',
        span,
        sockets: found.sockets.map((s) => ({ ...s, port: port(s.port) })),
        advertise: advertise === null ? null : { host: advertise.host, port: port(advertise.port) },
        name: found.name === null || !isRange ? found.name : `${found.name}${port(first)}`,
        isVirtual,
        bindAgent,
      };
    });
  }

  protected readonly socketAttribute = this.RULE('socketAttribute', (found = noAttributes()): void => {
    const name = this.CONSUME(t.Word);
    this.CONSUME(t.Equal);
    this.OR([
      {
        GATE: () => name.image === 'bind',
        ALT: () => {
          this.SUBRULE(this.endpoints, { ARGS: [found.sockets] });
          this.OPTION(() => {
            this.CONSUME(t.Minus);
            const token = this.CONSUME(t.NumberToken);
            this.ACTION(() => {
              found.lastPort = this.#port(token);
            });
          });
        },
      },
      {
        GATE: () => name.image === 'advertise',
        ALT: () => {
          found.advertise = this.SUBRULE(this.address);
        },
      },
      { ALT: () => this.SUBRULE(this.plainAttribute, { ARGS: [name, found] }) },
    ]);
  });

  protected readonly plainAttribute = this.RULE('plainAttribute', (name: IToken, found: SocketAttributes): void => {
    const value = this.SUBRULE(this.scalar, { ARGS: ['a socket'] });
    this.ACTION(() => {
      if (name.image === 'name') found.name = String(value.value);
      else if (name.image === 'agname') found.bindAgent = String(value.value);
      else if (name.image === 'virtual')
        found.isVirtual = value.value === 1 || BOOLEAN_WORDS.get(String(value.value)) === 1;
      else {
        const why = NO_EFFECT.get(name.image);
        if (why !== undefined)
          this.builder.report('no-effect', spanOf(name), `${name.image} has no effect: ${why}`, { severity: 'notice' });
        else
          this.builder.report('syntax', spanOf(name), `a socket has no ${name.image}`, {
            hint: 'bind, advertise, name, virtual and agname can be set',
          });
      }
    });
  });
}
