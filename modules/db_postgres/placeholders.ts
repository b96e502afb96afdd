/** What `?` can stand in without being a parameter: strings, quoted names, comments. */
const SKIPPED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\?/g;

/** SQL with `$1`, `$2` … for each `?`. */
export function numberPlaces(sql: string): string {
  if (!sql.includes('?')) return sql;
  let count = 0;
  return sql.replace(SKIPPED, (found) => (found === '?' ? `$${++count}` : found));
}
