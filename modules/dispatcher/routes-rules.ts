/**
 * The rules of ds_select_routes(), `grp1=alg1;grp2=alg2`, without white space. An error text where they have another form.
 */
export function parseRules(text: string): readonly (readonly [set: number, alg: number])[] | string {
  const rules: [number, number][] = [];
  for (const part of text.split(';')) {
    if (part === '') continue;
    const match = /^(-?\d{1,9})=(\d{1,3})$/.exec(part);
    if (match === null) return `"${part}" is no rule: set=algorithm`;
    rules.push([Number(match[1]), Number(match[2])]);
  }
  return rules.length === 0 ? 'there is no rule' : rules;
}
