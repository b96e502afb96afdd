import { type AvpName, stringToInt } from 'strowger';
import { parseAvpName } from './avp.ts';

/** `name=i:3`, `name=s:text`: pairs of a variable's name and value. Throws an Error that says what is wrong. */
export function parseNamedValues(texts: readonly string[]): [string, string | number][] {
  return texts.map((text) => {
    const match = /^\s*([^=\s]+)\s*=\s*([isIS]):(.*)$/s.exec(text);
    if (match === null) throw new Error(`'${text}' is not of the form name=i:number or name=s:text`);
    const [, name = '', type = '', value = ''] = match;
    if (type.toLowerCase() === 's') return [name, value];
    const number = stringToInt(value.trim());
    if (number === null) throw new Error(`'${value}' is no integer`);
    return [name, number];
  });
}

/** `email=s:email_addr;tmp=i:100`: pairs of an alias and the AVP it stands for. Throws an Error that says what is wrong. */
export function parseAvpAliases(texts: readonly string[]): [string, AvpName][] {
  const none = new Map<string, AvpName>();
  return texts
    .flatMap((text) => text.split(';'))
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => {
      const equals = text.indexOf('=');
      const alias = text.slice(0, Math.max(0, equals)).trim();
      const name = equals < 1 ? null : parseAvpName(text.slice(equals + 1).trim(), none);
      if (alias === '' || name === null) throw new Error(`'${text}' is not of the form alias=s:name or alias=i:number`);
      return [alias, name];
    });
}
