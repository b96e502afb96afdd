import type { TestMsg } from '../support/msg.ts';
import { type PhoneOptions, SoftPhone } from '../support/soft-phone.ts';
import { type DefaultServer, DOMAIN, type Scenario } from './default-script-pair.ts';

const PATIENCE_MS = 3000;

/** The end of media that never began: in failure_route Kamailio asks for it only where the INVITE had SDP, against its documentation. */
function isNeedless(asked: string, all: readonly string[]): boolean {
  const callId = (text: string): string => /call-id="([^"]*)"|asked [A-Z]\S* (\S+)/.exec(text)?.slice(1).join('') ?? '';
  const isEnd = (text: string): boolean => /asked D |command="delete"/.test(text);
  return isEnd(asked) && all.every((each) => isEnd(each) || callId(each) !== callId(asked));
}

type StagePhone = Partial<Omit<PhoneOptions, 'name'>>;

/** One server and the phones of one scenario. What they hear, in the order they take it, is the scenario's trace. */
export class Stage {
  readonly server: DefaultServer;
  readonly #phones: SoftPhone[] = [];
  readonly #trace: string[] = [];
  readonly #branches: string[] = [];

  /** Part of this scenario's Call-IDs. */
  readonly series: string;

  private constructor(server: DefaultServer, series: string) {
    this.server = server;
    this.series = series;
  }

  /** Plays a scenario. Returns its trace, without what two servers must differ in. */
  static async play(server: DefaultServer, series: string, scenario: Scenario): Promise<string> {
    const stage = new Stage(server, series);
    server.relay.take();
    try {
      await scenario(stage);
    } catch (error) {
      throw new Error(`${server.name}: ${(error as Error).message}\n${stage.trace()}`, { cause: error });
    } finally {
      for (const phone of stage.#phones) phone.close();
      await stage.#forgetPhones();
    }
    stage.#noteLeftover();
    const asked = server.relay.take();
    for (const each of asked) if (!isNeedless(each, asked)) stage.note(each);
    return stage.trace();
  }

  /** A phone of an account of the domain, over UDP unless told otherwise. */
  async phone(name: string, options: StagePhone = {}): Promise<SoftPhone> {
    const isTls = options.transport === 'tls' || options.transport === 'wss';
    const phone = await SoftPhone.open({
      name,
      domain: DOMAIN,
      password: `${name}-secret`,
      serverPort: isTls ? this.server.tlsPort : this.server.port,
      series: this.series,
      onTaken: (who, msg) => this.note(`${who.name} heard ${msg.text}`),
      ...options,
    });
    this.#phones.push(phone);
    return phone;
  }

  /** Anything else that must be the same. */
  note(text: string): void {
    this.#trace.push(text);
  }

  trace(): string {
    return this.#trace.map((text) => this.#normalised(text)).join('\n');
  }

  /** What nobody waited for, but for 100s, which come or come too late. */
  #noteLeftover(): void {
    // Nor the second answer of Kamailio to what could not be sent (`sl_reply_error()`, and tm's own).
    const isOther = (msg: TestMsg): boolean => msg.status !== 100 && !msg.startLine.endsWith('(478/TM)');
    for (const { name, inbox } of this.#phones)
      for (const msg of inbox.filter(isOther)) this.note(`${name} was left with ${msg.startLine}`);
  }

  /** Waits until the database has so many rows; notes them. */
  async rows(sql: string, count: number): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    let rows = this.server.rows(sql);
    while (rows.length < count && performance.now() < end) {
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
      rows = this.server.rows(sql);
    }
    for (const row of rows) this.note(JSON.stringify(row));
  }

  /** What kamcmd answers. */
  async rpc(...args: string[]): Promise<void> {
    this.note(await this.server.rpc(...args));
  }

  /** The next scenario's phones have other ports. */
  async #forgetPhones(): Promise<void> {
    for (const { aor } of this.#phones)
      for (const name of [aor.slice(4), aor.slice(4, aor.indexOf('@'))])
        await this.server.rpc('ul.rm', 'location', name);
  }

  #normalised(raw: string): string {
    let text = raw.replaceAll('\r\n', '\n').trimEnd();
    // Kamailio indents the XML that it puts together, and repeats namespaces.
    if (/^Content-Type: \S*xml/m.test(text))
      text = text
        .replace(/>\s+</g, '><')
        .replace(/^(Content-Length): \d+/gm, '$1: N')
        .replace(/ encoding="UTF-8"| xmlns="urn:ietf:params:xml:ns:pidf"/g, '');
    // We add received to every rport, as RFC 3581 §4 says; Kamailio where it is another address than sent-by.
    text = text
      .replace(/^(Via: \S+ ([\d.]+):.*);received=\2(?=;|$)/gm, '$1')
      .replace(/^(Via: .*)(;received=[\d.]+)(;rport=\d+)/gm, '$1$3$2');
    for (const { name, source } of this.#phones) {
      const [ip = '', port = ''] = source.split(':');
      text = text.replaceAll(source, name).replaceAll(`${ip}~${port}~`, `${name}~`);
      text = text.replaceAll(`rport=${port}`, `rport=${name}`);
    }
    const own = (branch: string): string => {
      if (!this.#branches.includes(branch)) this.#branches.push(branch);
      return `branch=P${this.#branches.indexOf(branch)}`;
    };
    return (
      text
        .replaceAll(`127.0.0.1:${this.server.port}`, 'proxy')
        .replaceAll(`127.0.0.1:${this.server.tlsPort}`, 'proxy-tls')
        .replaceAll(this.server.folder, 'FOLDER')
        .replace(/branch=(z9hG4bK(?!-)[^;\s,]*)/g, (_all, branch: string) => own(branch))
        .replace(/tag=(?!\w+-tag)[^;\s]*/g, 'tag=T')
        .replace(/^(Server|User-Agent): .*\n/gm, '')
        .replace(/nonce="[^"]*"/g, 'nonce="N"')
        .replace(/response="[^"]*"/g, 'response="R"')
        // A second may have passed.
        .replace(/expires=(\d+)/g, (_all, seconds: string) => `expires=${Math.ceil(Number(seconds) / 10) * 10}`)
        .replace(/^(SIP-ETag): .*/gm, '$1: E')
        // Kamailio names the connection where a request was forwarded without state.
        .replace(/^(Via: \S+ proxy.*);i=\w+/gm, '$1')
    );
  }
}
