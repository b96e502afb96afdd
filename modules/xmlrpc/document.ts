import { SaxesParser } from 'saxes';
import { bytesToText, RpcDouble, type RpcParam, RpcStruct, textToBytes } from 'strowger';

/** Elements within each other; deeper documents are refused. */
const MAX_DEPTH = 64;
/** Parameters and members of one call. */
const MAX_VALUES = 10_000;

/** A method call as its document has it. */
export interface MethodCall {
  readonly method: string;
  readonly params: readonly RpcParam[];
}

/** One open element. */
interface Open {
  readonly name: string;
  text: string;
  /** Of a value: what it holds, undefined while it holds nothing but text. */
  value: RpcParam | undefined;
  /** Of an array's data. */
  readonly items: RpcParam[];
  readonly struct: RpcStruct;
  /** Of a member. */
  memberName: string;
}

class BadDocument extends Error {}

/** Reads a methodCall (bytes). A text says why it is none, in Kamailio's words. */
export function parseMethodCall(document: string, doubleLfToCrlf: boolean): MethodCall | string {
  const reader = new CallReader(doubleLfToCrlf);
  const parser = new SaxesParser({ fragment: false, position: false });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name }) => reader.open(name));
  parser.on('text', (text) => reader.text(text));
  parser.on('cdata', (text) => reader.text(text));
  parser.on('closetag', ({ name }) => reader.close(name));
  try {
    parser.write(bytesToText(document).trimStart()).close();
  } catch (error) {
    return error instanceof BadDocument ? error.message : 'Invalid XML-RPC Document';
  }
  return reader.method === '' ? 'Method Name Not Found' : { method: reader.method, params: reader.params };
}

class CallReader {
  method = '';
  readonly params: RpcParam[] = [];
  readonly #stack: Open[] = [];
  readonly #doubleLfToCrlf: boolean;
  #count = 0;

  constructor(doubleLfToCrlf: boolean) {
    this.#doubleLfToCrlf = doubleLfToCrlf;
  }

  open(name: string): void {
    if (this.#stack.length === 0 && name !== 'methodCall') throw new BadDocument('Root Element Is Not methodCall');
    if (this.#stack.length >= MAX_DEPTH || (name === 'value' && ++this.#count > MAX_VALUES))
      throw new BadDocument('Document Too Large');
    this.#stack.push({ name, text: '', value: undefined, items: [], struct: new RpcStruct(), memberName: '' });
  }

  text(text: string): void {
    const top = this.#stack.at(-1);
    if (top !== undefined) top.text += text;
  }

  close(name: string): void {
    const closed = this.#stack.pop();
    const parent = this.#stack.at(-1);
    if (closed === undefined || parent === undefined) return;
    switch (name) {
      case 'methodName':
        if (parent.name === 'methodCall') this.method = textToBytes(closed.text.trim());
        break;
      case 'name':
        parent.memberName = this.#string(closed.text);
        break;
      case 'value':
        this.#closeValue(parent, closed.value ?? this.#string(closed.text));
        break;
      case 'member':
        if (closed.value !== undefined) parent.struct.add(closed.memberName, closed.value);
        break;
      case 'data':
        parent.items.push(...closed.items);
        break;
      default:
        if (parent.name === 'value') parent.value = this.#typed(name, closed);
        break;
    }
  }

  #closeValue(parent: Open, value: RpcParam): void {
    if (parent.name === 'param') this.params.push(value);
    else if (parent.name === 'data') parent.items.push(value);
    else parent.value = value;
  }

  #typed(name: string, { text, items, struct }: Open): RpcParam {
    const trimmed = text.trim();
    switch (name) {
      case 'i4':
      case 'int':
      case 'i8':
        if (!/^[-+]?\d{1,15}$/.test(trimmed)) throw new BadDocument('Invalid Parameter Type');
        return Number(trimmed);
      case 'boolean':
        if (trimmed !== '0' && trimmed !== '1') throw new BadDocument('Invalid Parameter Type');
        return Number(trimmed);
      case 'double':
        if (!/^[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?$/.test(trimmed)) throw new BadDocument('Invalid Parameter Type');
        return new RpcDouble(Number(trimmed));
      case 'string':
        return this.#string(text);
      case 'dateTime.iso8601':
        return textToBytes(trimmed);
      case 'base64':
        return Buffer.from(trimmed, 'base64').latin1Slice();
      case 'nil':
        return '';
      case 'array':
        return items;
      case 'struct':
        return struct;
      default:
        throw new BadDocument('Invalid Parameter Type');
    }
  }

  #string(text: string): string {
    return textToBytes(this.#doubleLfToCrlf ? text.replaceAll('\n\n', '\r\n') : text);
  }
}
