/** The parameter failed_filter: codes separated by commas. Null when it has another form. */
export function parseFilter(text: string): ReadonlySet<number> | null {
  const codes = new Set<number>();
  for (const part of text.split(',')) {
    const code = /^\s*(\d{3})\s*$/.exec(part)?.[1];
    if (code === undefined || Number(code) < 300) return null;
    codes.add(Number(code));
  }
  return codes;
}
