import { bytesToText, jsonText, textToBytes } from './json-text.ts';
import { RpcDouble, RpcFault, type RpcParam, type RpcRegistry, type RpcReply, RpcStruct } from './registry.ts';

/** Requests in one batch; more are refused. */
const MAX_BATCH = 100;
/** Nesting of parameters; deeper is refused. */
const MAX_DEPTH = 32;

/** Codes of the JSON-RPC 2.0 specification §5.1; faults of methods keep their own. */
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;

/** What one request came to. */
export interface JsonRpcOutcome {
  /** 200, or the fault's code. */
  readonly code: number;
  /** `OK`, or the fault's text. */
  readonly message: string;
  /** Set when the call worked. */
  readonly reply: RpcReply;
  /** The `id` as JSON text; null where the request has none. */
  readonly id: string | null;
}

/**
 * Runs a JSON-RPC 2.0 document (bytes, one char each) and returns the answer's bytes. As with Kamailio's jsonrpcs, a
 * request without an id is answered too, parameters may have names (only their order counts), and the methods are
 * those of the RPC table. A batch is answered by an array.
 */
export async function dispatchJsonRpc(rpc: RpcRegistry, document: string, pretty: boolean): Promise<string> {
  const parsed = parseJson(document);
  if (parsed === undefined) return answer(failure(PARSE_ERROR, 'Parse error', 'null'), pretty);
  if (!Array.isArray(parsed)) return answer(await runJsonRpc(rpc, parsed), pretty);
  if (parsed.length === 0 || parsed.length > MAX_BATCH) {
    return answer(failure(INVALID_REQUEST, 'Invalid Request', 'null'), pretty);
  }
  const answers: string[] = [];
  for (const request of parsed) answers.push(answer(await runJsonRpc(rpc, request), pretty));
  return `[${answers.join(',')}]`;
}

/** The document as a value; undefined when it is not JSON. */
export function parseJson(document: string): unknown {
  try {
    return JSON.parse(bytesToText(document));
  } catch {
    return undefined;
  }
}

/** Runs one parsed request. Never rejects. */
export async function runJsonRpc(rpc: RpcRegistry, request: unknown): Promise<JsonRpcOutcome> {
  if (typeof request !== 'object' || request === null) return failure(INVALID_REQUEST, 'Invalid Request', 'null');
  const { jsonrpc, method, params, id } = request as Record<string, unknown>;
  const idText = idOf(id);
  if (jsonrpc !== '2.0' || typeof method !== 'string') return failure(INVALID_REQUEST, 'Invalid Request', idText);
  const list = paramList(params);
  if (list === null) return failure(INVALID_PARAMS, 'Invalid params', idText);
  const name = textToBytes(method);
  if (rpc.find(name) === undefined) return failure(500, 'Method Not Found', idText);
  try {
    return { code: 200, message: 'OK', reply: await rpc.call(name, list), id: idText };
  } catch (error) {
    const fault = error instanceof RpcFault ? error : new RpcFault(500, 'internal error');
    return failure(fault.code, fault.message, idText);
  }
}

function failure(code: number, message: string, id: string | null): JsonRpcOutcome {
  return { code, message, reply: undefined, id };
}

function idOf(id: unknown): string | null {
  return typeof id === 'string' || typeof id === 'number' || id === null ? JSON.stringify(id) : null;
}

/** The answer document, as UTF-8 bytes. */
export function answer(outcome: JsonRpcOutcome, pretty: boolean): string {
  const { code, message, reply, id } = outcome;
  const body =
    code === 200 ? ['result', jsonText(reply, pretty, 1)] : ['error', jsonText({ code, message }, pretty, 1)];
  const parts = [['jsonrpc', '"2.0"'], body, ...(id === null ? [] : [['id', id]])];
  const text = pretty
    ? `{\n${parts.map(([name, value]) => `\t"${name}":\t${value}`).join(',\n')}\n}`
    : `{${parts.map(([name, value]) => `"${name}":${value}`).join(',')}}`;
  return textToBytes(text);
}

function paramList(params: unknown): RpcParam[] | null {
  if (params === undefined || params === null) return [];
  if (typeof params !== 'object') return null;
  const values: unknown[] = Array.isArray(params) ? params : Object.values(params);
  const list: RpcParam[] = [];
  for (const value of values) {
    const param = rpcValue(value, MAX_DEPTH);
    if (param === undefined) return null;
    list.push(param);
  }
  return list;
}

/** true and false are 1 and 0, null is the empty string. Undefined when nested too deeply. */
function rpcValue(value: unknown, depth: number): RpcParam | undefined {
  if (depth === 0) return undefined;
  if (typeof value === 'string') return textToBytes(value);
  if (typeof value === 'number') return Number.isInteger(value) ? value : new RpcDouble(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'object' || value === null) return '';
  if (Array.isArray(value)) {
    const list: RpcParam[] = [];
    for (const item of value) {
      const param = rpcValue(item, depth - 1);
      if (param === undefined) return undefined;
      list.push(param);
    }
    return list;
  }
  const struct = new RpcStruct();
  for (const [name, member] of Object.entries(value)) {
    const param = rpcValue(member, depth - 1);
    if (param === undefined) return undefined;
    struct.add(textToBytes(name), param);
  }
  return struct;
}
