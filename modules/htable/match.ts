import type { PosixCache, StoreValue } from 'strowger';
import type { Item } from './table.ts';

/** Is it the one looked for? An error text where the expression is none. */
type Test = ((value: StoreValue) => boolean) | string;

/** On text only: numbers are not compared. */
function onText(test: (text: string) => boolean): Test {
  return (value) => typeof value === 'string' && test(value);
}

function byRegex(regexes: PosixCache, source: string): Test {
  const regex = regexes.get(source);
  return typeof regex === 'string' ? regex : onText((text) => regex.test(text));
}

/** The expression of $shtcn() and $shtcv(): `~~re`, `~%end`, `%~start`, `==text`, `eqnumber`, `**` (all), or an expression. */
export function countTest(expression: string, regexes: PosixCache): Test {
  const rest = expression.slice(2);
  switch (expression.slice(0, 2)) {
    case '':
      return () => false;
    case '~~':
      return byRegex(regexes, rest);
    case '~%':
      return onText((text) => text.endsWith(rest));
    case '%~':
      return onText((text) => text.startsWith(rest));
    case '==':
      return onText((text) => text === rest);
    case 'eq': {
      const number = Number.parseInt(rest, 10) || 0;
      return (value) => value === number;
    }
    case '**':
      return () => true;
    default:
      return byRegex(regexes, expression);
  }
}

/** The operators of sht_match_name() and its like. */
export function operatorTest(operator: string, operand: string, regexes: PosixCache): Test | null {
  switch (operator) {
    case 'eq':
      return onText((text) => text === operand);
    case 'ne':
      return onText((text) => text !== operand);
    case 're':
      return byRegex(regexes, operand);
    case 'sw':
      return onText((text) => text.startsWith(operand));
    case 'ew':
      return onText((text) => text.endsWith(operand));
    case 'in':
      return onText((text) => text.includes(operand));
    default:
      return null;
  }
}

export type Part = 'key' | 'value';

export function matches(item: Item, part: Part, test: (value: StoreValue) => boolean): boolean {
  return test(part === 'key' ? item.key : item.value);
}
