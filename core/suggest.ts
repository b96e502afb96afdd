import { suggest } from '../routing-lang/diagnostics.ts';

/** ` (did you mean "x"?)` with the nearest of some names, or nothing where none is near. */
export function didYouMean(wrong: string, names: Iterable<string>): string {
  const near = suggest(wrong, names);
  return near === null ? '' : ` (did you mean "${near}"?)`;
}
