import { parseXml, RpcDouble, type RpcParam, RpcStruct, textToBytes, type XmlElement } from 'strowger';

/** A method call as its document has it. */
interface MethodCall {
  readonly method: string;
  readonly params: readonly RpcParam[];
}

class BadValue extends Error {}

/** Reads a methodCall (bytes; nesting and size are bounded by the XML parser). A text says why it is none, in Kamailio's words. */
export function parseMethodCall(document: string, doubleLfToCrlf: boolean): MethodCall | string {
  const root = parseXml(document);
  if (root === null) return 'Invalid XML-RPC Document';
  if (root.name !== 'methodCall') return 'Root Element Is Not methodCall';
  const method = textToBytes(root.child('methodName')?.text ?? '');
  if (method === '') return 'Method Name Not Found';
  const reader = new ValueReader(doubleLfToCrlf);
  const values = (root.child('params')?.childrenOf('param') ?? []).flatMap((param) => param.childrenOf('value'));
  try {
    return { method, params: values.map((value) => reader.value(value)) };
  } catch (error) {
    if (error instanceof BadValue) return 'Invalid Parameter Type';
    throw error;
  }
}

/** Values as the RPC table takes them; recursion ends where the parser's bound of nesting does. */
class ValueReader {
  readonly #doubleLfToCrlf: boolean;

  constructor(doubleLfToCrlf: boolean) {
    this.#doubleLfToCrlf = doubleLfToCrlf;
  }

  /** Of a `value`: what its type says, a string where it has none. */
  value(element: XmlElement): RpcParam {
    const [typed] = element.elements;
    return typed === undefined ? this.#string(element) : this.#typed(typed);
  }

  #typed(element: XmlElement): RpcParam {
    const { text } = element;
    switch (element.name) {
      case 'i4':
      case 'int':
      case 'i8':
        return Number(checked(text, /^[-+]?\d{1,15}$/));
      case 'boolean':
        return Number(checked(text, /^[01]$/));
      case 'double':
        return new RpcDouble(Number(checked(text, /^[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?$/)));
      case 'string':
        return this.#string(element);
      case 'dateTime.iso8601':
        return textToBytes(text);
      case 'base64':
        return Buffer.from(text, 'base64').latin1Slice();
      case 'nil':
        return '';
      case 'array':
        return (element.child('data')?.childrenOf('value') ?? []).map((value) => this.value(value));
      case 'struct':
        return this.#struct(element);
      default:
        throw new BadValue();
    }
  }

  #struct(element: XmlElement): RpcStruct {
    const struct = new RpcStruct();
    for (const member of element.childrenOf('member')) {
      const name = member.child('name');
      const value = member.child('value');
      if (name !== null && value !== null) struct.add(this.#string(name), this.value(value));
    }
    return struct;
  }

  /** White space is a part of strings. */
  #string(element: XmlElement): string {
    const text = element.children.filter((child) => typeof child === 'string').join('');
    return textToBytes(this.#doubleLfToCrlf ? text.replaceAll('\n\n', '\r\n') : text);
  }
}

function checked(text: string, pattern: RegExp): string {
  if (!pattern.test(text)) throw new BadValue();
  return text;
}
