/**
 * The parameter ds_ping_reply_codes, `class=2;code=404`: numbers below 10 are classes. A class may also be written as its
 * first code (`class=400`). An error text when it has another form.
 */
export function parseReplyCodes(text: string): ReadonlySet<number> | string {
  const codes = new Set<number>();
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const match = /^\s*(class|code)\s*=\s*(\d{1,3})\s*$/i.exec(part);
    const value = Number(match?.[2]);
    const isClass = match?.[1]?.toLowerCase() === 'class';
    const code = isClass && value >= 100 ? Math.floor(value / 100) : value;
    if (match === null || (isClass ? code < 1 || code > 6 : code < 100 || code > 699))
      return `"${part.trim()}" is neither class=1…6 nor code=100…699`;
    codes.add(code);
  }
  return codes;
}
