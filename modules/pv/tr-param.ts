import {
  type IntArg,
  intArg,
  intIn,
  type PvValue,
  type StrArg,
  strArg,
  strIn,
  type TransformDef,
  type TransformParam,
  valueToString,
} from 'strowger';
import { type ListParam, paramByName, parseParamList } from './param-list.ts';

/** {param.…}: parameter lists such as `a=1;b=2`; the separator can be another character. Null for text that is none. */
export const PARAM_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  value: byName(
    'Value of a parameter; nothing when it is not there.',
    (params, name) => paramByName(params, name) ?? '',
  ),
  in: byName('1 when a parameter is in the list, else 0.', (params, name) =>
    paramByName(params, name) === null ? 0 : 1,
  ),
  valueat: byIndex('Value of the parameter at an index, negative from the end.', (param) => param.value),
  name: byIndex('Name of the parameter at an index, negative from the end.', (param) => param.name),
  count: {
    doc: 'Number of parameters.',
    params: [0, 1],
    bind: ([delimiter]) => {
      const separator = separatorOf(delimiter);
      if (separator === null) return BAD_SEPARATOR;
      return (_run, value) =>
        value === null ? null : (parseParamList(valueToString(value), separator)?.length ?? null);
    },
  },
};

const BAD_SEPARATOR = 'the separator must be one character';

function separatorOf(param: TransformParam | undefined): string | null {
  if (param === undefined) return ';';
  return param.kind === 'text' && param.text.length === 1 ? param.text : null;
}

function byName(doc: string, get: (params: readonly ListParam[], name: string) => PvValue): TransformDef {
  return {
    doc,
    params: [1, 2],
    bind: ([param, delimiter]) => {
      const separator = separatorOf(delimiter);
      if (param === undefined) return 'the name of a parameter is needed';
      if (separator === null) return BAD_SEPARATOR;
      const name: StrArg = strArg(param);
      return (run, value) => {
        const wanted = strIn(name, run);
        const params = value === null ? null : parseParamList(valueToString(value), separator);
        return params === null || wanted === null ? null : get(params, wanted);
      };
    },
  };
}

function byIndex(doc: string, get: (param: ListParam) => PvValue): TransformDef {
  return {
    doc,
    params: [1, 2],
    bind: ([param, delimiter]) => {
      const separator = separatorOf(delimiter);
      if (param === undefined) return 'an index is needed';
      if (separator === null) return BAD_SEPARATOR;
      const index: IntArg | string = intArg(param, 'the index');
      if (typeof index === 'string') return index;
      return (run, value) => {
        const at = intIn(index, run);
        const params = value === null ? null : parseParamList(valueToString(value), separator);
        if (params === null || at === null) return null;
        const found = params.at(at);
        return found === undefined ? '' : get(found);
      };
    },
  };
}
