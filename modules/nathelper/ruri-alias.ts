import { eachParam, type Log, type Run, writeUri } from 'strowger';
import { aliasUri, parseAlias } from './addresses.ts';
import { withoutParams } from './contact.ts';

/**
 * handle_ruri_alias: takes the first (or the last) alias out of the Request-URI and sends to where it says. 1 done, 2 there
 * is none, -1 it can not be read.
 */
export function handleRuriAlias({ msg }: Run, log: Log, name: string, takesLast: boolean): number {
  const uri = msg.ruri;
  if (uri === null) return -1;
  if (uri.params === '') return 2;
  const lower = name.toLowerCase();
  const text = `;${uri.params}`;
  let at = -1;
  let value = '';
  eachParam(text, 0, text.length, (found, aliasValue, start) => {
    if (found.toLowerCase() !== lower || aliasValue.length < 3) return true;
    at = start;
    value = aliasValue;
    return takesLast;
  });
  if (at < 0) return 2;
  const alias = parseAlias(value);
  if (alias === null) {
    log.error('handle_ruri_alias: the alias of the Request-URI is not ip~port~protocol', { alias: value });
    return -1;
  }
  const destination = aliasUri(alias);
  msg.newUri = writeUri(uri, { params: withoutParams(uri.params, (_name, start) => start === at) });
  msg.dstUri = destination;
  return 1;
}
