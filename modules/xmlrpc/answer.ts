import { bytesToText, RpcDouble, RpcMany, type RpcReply, RpcStruct, type RpcValue, textToBytes } from 'strowger';

const HEAD = '<?xml version="1.0"?>\n<methodResponse>\n';
const TAIL = '</methodResponse>';

/** The document of a reply, as UTF-8 bytes. A method that gives nothing back is answered by 1, as Kamailio does. */
export function resultDocument(reply: RpcReply, escapeCr: boolean): string {
  const value =
    reply instanceof RpcMany ? arrayText(reply.values, escapeCr) : valueText(reply === undefined ? 1 : reply, escapeCr);
  return textToBytes(`${HEAD}<params>\n<param>\n${value}\n</param>\n</params>\n${TAIL}`);
}

/** The document of a fault, as UTF-8 bytes. */
export function faultDocument(code: number, text: string, escapeCr: boolean): string {
  const struct = new RpcStruct().add('faultCode', code).add('faultString', text);
  return textToBytes(`${HEAD}<fault>\n${valueText(struct, escapeCr)}\n</fault>\n${TAIL}`);
}

function valueText(value: RpcValue, escapeCr: boolean): string {
  if (typeof value === 'string') return `<value><string>${escaped(value, escapeCr)}</string></value>`;
  if (typeof value === 'number') return `<value>${numberText(value)}</value>`;
  if (typeof value === 'bigint') return `<value><i8>${value}</i8></value>`;
  if (value === null) return '<value><string></string></value>';
  if (value instanceof RpcDouble) return `<value><double>${doubleText(value.value)}</double></value>`;
  if (Array.isArray(value)) return arrayText(value as readonly RpcValue[], escapeCr);
  const members = value instanceof RpcStruct ? value.entries : Object.entries(value);
  const text = members.map(
    ([name, member]) => `<member><name>${escaped(name, escapeCr)}</name>${valueText(member, escapeCr)}</member>`,
  );
  return `<value><struct>${text.join('')}</struct></value>`;
}

function arrayText(values: readonly RpcValue[], escapeCr: boolean): string {
  return `<value><array><data>\n${values.map((value) => `${valueText(value, escapeCr)}\n`).join('')}</data></array></value>`;
}

function numberText(value: number): string {
  const isInt = Number.isInteger(value) && value >= -0x8000_0000 && value <= 0x7fff_ffff;
  if (isInt) return `<int>${value}</int>`;
  return Number.isSafeInteger(value) ? `<i8>${value}</i8>` : `<double>${doubleText(value)}</double>`;
}

/** XML-RPC knows no exponents. */
function doubleText(value: number): string {
  return Number.isFinite(value) ? value.toFixed(6) : '0';
}

/** Bytes that XML can not hold become question marks. */
function escaped(bytes: string, escapeCr: boolean): string {
  const text = bytesToText(bytes)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '?');
  return escapeCr ? text.replaceAll('\r', '&#xD;') : text;
}
