/**
 * Generated code as a tree of lines, and its printing. What makes a tree of it is that a route can be entered again in
 * the middle: behind a call that had to wait. Each such place is a resume point with a number. A list that holds one is
 * printed as `switch (pc) { case 0: … case 3: … }` that is fallen through from the top in the ordinary way (pc is 0), and
 * jumped into when the route goes on; what holds a point deeper inside is entered past its condition. A list without one is
 * printed as it is, so that ordinary runs pay one comparison a route.
 */

export interface Line {
  readonly kind: 'line';
  readonly text: string;
  /** Offset in the preprocessed script that the line comes from; -1 for none. */
  readonly at: number;
}

export type Node =
  | Line
  | { readonly kind: 'point'; readonly point: number }
  | {
      readonly kind: 'if';
      readonly test: string;
      readonly yes: Node[];
      readonly no: Node[] | null;
      readonly at: number;
    }
  | { readonly kind: 'loop'; readonly label: string; readonly body: Node[] }
  | { readonly kind: 'block'; readonly label: string; readonly body: Node[] };

/** Numbers of the resume points inside a node, in ascending order. */
function pointsOf(node: Node, known: Map<Node, number[]>): number[] {
  const cached = known.get(node);
  if (cached !== undefined) return cached;
  let points: number[] = [];
  if (node.kind === 'point') points = [node.point];
  else if (node.kind === 'if') points = [...pointsIn(node.yes, known), ...pointsIn(node.no ?? [], known)];
  else if (node.kind === 'loop' || node.kind === 'block') points = pointsIn(node.body, known);
  known.set(node, points);
  return points;
}

function pointsIn(nodes: readonly Node[], known: Map<Node, number[]>): number[] {
  return nodes.flatMap((node) => pointsOf(node, known));
}

/** Prints nodes as lines of JavaScript, each with the place it comes from. */
export class Printer {
  readonly lines: Line[] = [];
  readonly #points = new Map<Node, number[]>();

  line(text: string, at = -1): void {
    this.lines.push({ kind: 'line', text, at });
  }

  list(nodes: readonly Node[]): void {
    if (pointsIn(nodes, this.#points).length === 0) {
      for (const node of nodes) this.#node(node);
      return;
    }
    this.line('switch (pc) { case 0:');
    for (const node of nodes) {
      const points = pointsOf(node, this.#points);
      if (points.length > 0) this.line(points.map((n) => `case ${n}:`).join(' '));
      this.#node(node);
    }
    this.line('}');
  }

  #node(node: Node): void {
    switch (node.kind) {
      case 'line':
        this.lines.push(node);
        return;
      case 'point':
        this.line('pc = 0;');
        return;
      case 'if':
        this.#if(node);
        return;
      case 'loop':
        this.line(`${node.label}: for (;;) {`);
        this.list(node.body);
        this.line('}');
        return;
      case 'block':
        this.line(`${node.label}: {`);
        this.list(node.body);
        this.line('}');
        return;
    }
  }

  #if(node: Extract<Node, { kind: 'if' }>): void {
    const then = pointsIn(node.yes, this.#points);
    const otherwise = pointsIn(node.no ?? [], this.#points);
    let { test } = node;
    if (then.length > 0 && otherwise.length > 0) test = `pc === 0 ? (${test}) : pc <= ${then.at(-1) ?? 0}`;
    else if (then.length > 0) test = `pc !== 0 || (${test})`;
    else if (otherwise.length > 0) test = `pc === 0 && (${test})`;
    this.line(`if (${test}) {`, node.at);
    this.list(node.yes);
    if (node.no !== null && node.no.length > 0) {
      this.line('} else {');
      this.list(node.no);
    }
    this.line('}');
  }
}
