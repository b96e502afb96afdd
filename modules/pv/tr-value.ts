import type { PvValue, TransformDef } from 'strowger';

/** {val.…}: values that may be null. */
export const VALUE_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  n0: valueTransform('0 instead of null.', (value) => value ?? 0),
  ne: valueTransform('Empty text instead of null.', (value) => value ?? ''),
  json: valueTransform('Escaped for a JSON string, without the quotes; empty text for null.', (value) =>
    typeof value === 'string' ? escapeJson(value) : (value ?? ''),
  ),
  jsonqe: valueTransform('As a JSON value: quoted and escaped text, a number, or "" for null.', (value) =>
    typeof value === 'number' ? value : `"${escapeJson(value ?? '')}"`,
  ),
};

/** {num.…}: digits of a number (Kamailio 5.8); 0 for what is none. */
export const NUMBER_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  fdigit: valueTransform('First digit of a number.', (value) => digit(value, 0)),
  ldigit: valueTransform('Last digit of a number.', (value) => digit(value, -1)),
};

function digit(value: PvValue, at: number): number {
  return typeof value === 'number' ? Number(String(Math.abs(value)).at(at)) : 0;
}

function valueTransform(doc: string, change: (value: PvValue) => PvValue): TransformDef {
  return { doc, params: [0, 0], bind: () => (_run, value) => change(value) };
}

/** RFC 8259 §7; bytes above 127 stay as they are: the text is taken for UTF-8. */
function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
