import { digestChallenges, type ModuleContext, ROUTE, Run, type SipMsg, type SocketInfo } from 'strowger';
import type { LocalRequest, TmApi } from '../tm/api.ts';
import { answerChallenges } from './answer.ts';
import { RequestFields } from './request-fields.ts';

/** `$uac_req(evtype)`: why the event route runs. */
const EVENT_TYPE = { REPLY: 1, NO_REPLY: 2 } as const;
/** `$uac_req(evroute)`: when it is to run. */
const EVENT_ROUTE = { REPLY: 1, FAILURE: 2 } as const;
/** Bit of `$uac_req(flags)`: the password is an H(A1). */
const FLAG_HA1 = 1;
const EVENT = 'uac:reply';

/** Key of a run's fields. */
const FIELDS = {};

/** The fields that `$uac_req(…)` means in a run, made on first use. */
export function fieldsOf(run: Run): RequestFields {
  run.locals ??= new Map();
  let fields = run.locals.get(FIELDS) as RequestFields | undefined;
  if (fields === undefined) run.locals.set(FIELDS, (fields = new RequestFields()));
  return fields;
}

/** Sends requests that the script makes (Kamailio: uac_req_send). */
export class RequestSender {
  readonly #ctx: ModuleContext;
  readonly #tm: TmApi;

  constructor(ctx: ModuleContext, tm: TmApi) {
    this.#ctx = ctx;
    this.#tm = tm;
  }

  /** 1 sent; -1 method or Request-URI are missing, or there is no socket to send from. */
  send(fields: RequestFields): number {
    const { log } = this.#ctx;
    const missing = (['method', 'ruri'] as const).filter((name) => fields.text(name) === '');
    if (missing.length > 0) {
      log.error(`uac_req_send(): $uac_req(${missing.join(') and $uac_req(')}) must be set`);
      return -1;
    }
    // What the script sets from now on is about another request.
    const sent = fields.copy();
    const request = this.#request(sent);
    return this.#start(sent, request, sent.text('auser') !== '' && sent.text('apasswd') !== '') ? 1 : -1;
  }

  /** A socket that is one of ours, by `proto:address:port` or name; undefined for ''. */
  socket(text: string): SocketInfo | undefined {
    return text === '' ? undefined : (this.#ctx.server.transport.findSocket(text) ?? undefined);
  }

  #request(fields: RequestFields): LocalRequest {
    const { random } = this.#ctx.server;
    const ruri = fields.text('ruri');
    const ouri = fields.text('ouri');
    const callId = fields.text('callid');
    const socket = this.socket(fields.text('sock')) ?? this.socket(this.#ctx.str('default_socket'));
    return {
      method: fields.text('method'),
      uri: ruri,
      ...(ouri === '' ? {} : { nextHop: ouri }),
      to: fields.text('turi') || ruri,
      from: withTag(fields.text('furi') || ruri, () => random.token(20)),
      ...(callId === '' ? {} : { callId }),
      headers: rowsOf(fields.text('hdrs')),
      body: fields.text('body'),
      socket: socket ?? null,
    };
  }

  #start(fields: RequestFields, request: LocalRequest, mayAuthenticate: boolean): boolean {
    const onReply = (reply: SipMsg | null, code: number): void => {
      this.#tell(fields, reply, code);
      if (mayAuthenticate && reply !== null && (code === 401 || code === 407)) this.#again(fields, request, reply);
    };
    return this.#tm.send({ ...request, onReply }) !== null;
  }

  /** The same request with an answer to the challenge: same call, next CSeq (RFC 3261 §22.2). */
  #again(fields: RequestFields, request: LocalRequest, reply: SipMsg): void {
    const { random } = this.#ctx.server;
    const credential = {
      realm: '',
      username: fields.text('auser'),
      secret: fields.text('apasswd'),
      isHa1: (fields.number('flags') & FLAG_HA1) !== 0,
    };
    const challenged = { method: request.method, uri: request.uri, body: request.body ?? '' };
    const answers = answerChallenges(
      challenged,
      digestChallenges(reply),
      () => credential,
      () => random.token(16),
    );
    if (answers.length === 0) return;
    const headers = (request.headers ?? '') + answers.map(({ row }) => row).join('');
    const again = { ...request, headers, callId: reply.callId ?? '', cseq: reply.cseqNumber + 1 };
    this.#start(fields, again, false);
  }

  /** event_route[uac:reply], where the script asked for it. */
  #tell(fields: RequestFields, reply: SipMsg | null, code: number): void {
    const { server } = this.#ctx;
    const wanted = fields.number('evroute');
    const isWanted = wanted === EVENT_ROUTE.REPLY || (wanted === EVENT_ROUTE.FAILURE && code >= 300);
    const route = isWanted ? server.program.event.get(EVENT) : undefined;
    const msg = reply ?? server.fakeMessage();
    if (route === undefined || msg === null) return;
    const run = new Run(server, server.program, msg, ROUTE.EVENT);
    const told = fields.copy();
    told.setEvent(code, reply === null ? EVENT_TYPE.NO_REPLY : EVENT_TYPE.REPLY);
    run.locals = new Map([[FIELDS, told]]);
    void server.execute(route, run);
  }
}

/** A From that has no tag gets one, so that the request with an answer has the same. */
function withTag(value: string, tag: () => string): string {
  if (/;\s*tag=/i.test(value)) return value;
  return `${value.includes('<') ? value : `<${value}>`};tag=${tag()}`;
}

/** Rows end in CRLF, whatever the script wrote. */
function rowsOf(text: string): string {
  const rows = text.replace(/[\r\n]+$/, '');
  return rows === '' ? '' : `${rows.replace(/\r?\n/g, '\r\n')}\r\n`;
}
