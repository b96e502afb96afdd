import { parseXml, toDbText, writeXml, XmlElement } from 'strowger';

const PIDF = 'urn:ietf:params:xml:ns:pidf';
const DATA_MODEL = 'urn:ietf:params:xml:ns:pidf:data-model';
const RPID = 'urn:ietf:params:xml:ns:pidf:rpid';

/** Whose state it is. */
export interface Presentity {
  readonly uri: string;
  readonly user: string;
}

/** How publications become one document. */
export interface PidfOptions {
  /** An open presence where nothing is published (force_dummy_presence). */
  readonly hasDummy: boolean;
  /** Only one publication is told (force_presence_single_body); null: all. */
  readonly single: SingleBody | null;
}

interface SingleBody {
  /** Texts, the most important first. */
  readonly priorities: readonly string[];
  /** The element that has one of them. */
  readonly element: string;
}

/**
 * One document (RFC 3863) of those that are published, oldest first: the newest one, with what the others have put behind.
 * An older document about a tuple that a newer one tells too is left out. Null for none.
 */
export function aggregate(presentity: Presentity, bodies: readonly string[], options: PidfOptions): string | null {
  const read = bodies.flatMap((body) => {
    const root = parseXml(body);
    return root === null || root.local !== 'presence' ? [] : [{ body, root }];
  });
  const newest = read.at(-1);
  if (newest === undefined) return options.hasDummy ? dummy(presentity) : null;
  if (read.length === 1) return newest.body;
  if (options.single !== null) return mostImportant(read, options.single).body;
  return merge(read.map(({ root }) => root));
}

function merge(oldestFirst: readonly XmlElement[]): string {
  const [base, ...older] = [...oldestFirst].reverse();
  if (base === undefined) return '';
  const told = new Set<string>();
  tell(told, base);
  const children: (XmlElement | string)[] = [...base.children];
  for (const root of older) {
    const id = root.child('tuple')?.attribute('id') ?? null;
    if (id !== null && told.has(id)) continue;
    tell(told, root);
    children.push(...root.elements);
  }
  base.children = children;
  return writeXml(base);
}

function tell(told: Set<string>, root: XmlElement): void {
  for (const tuple of root.childrenOf('tuple')) {
    const id = tuple.attribute('id');
    if (id !== null) told.add(id);
  }
}

interface ReadBody {
  readonly body: string;
  readonly root: XmlElement;
}

/** Of equally important ones the newest. */
function mostImportant(read: readonly ReadBody[], { priorities, element }: SingleBody): ReadBody {
  const rank = ({ root }: ReadBody): number => {
    const text = textsOf(root, element).find((found) => priorities.includes(found));
    return text === undefined ? 0 : priorities.indexOf(text) + 1;
  };
  return read.reduce((best, one) => (rank(one) >= rank(best) ? one : best));
}

/** Texts of all elements of that name, anywhere in it. */
function textsOf(root: XmlElement, name: string): string[] {
  const texts: string[] = [];
  const open = [root];
  for (let element = open.pop(); element !== undefined; element = open.pop()) {
    if (element.local === name) texts.push(element.text);
    open.push(...element.elements.reverse());
  }
  return texts;
}

/** What a publication says once more when it is taken back: its services are closed. Null where it has none. */
export function offline(body: string): string | null {
  const root = parseXml(body);
  const tuples = root?.childrenOf('tuple') ?? [];
  if (root === null || tuples.length === 0) return null;
  root.children = tuples.map((tuple) => {
    const basic = tuple.child('status')?.child('basic');
    const status = new XmlElement(
      nameLike(tuple, 'status'),
      tuple.uri,
      [],
      [new XmlElement(nameLike(tuple, 'basic'), basic?.uri ?? tuple.uri, [], ['closed'])],
    );
    return new XmlElement(tuple.name, tuple.uri, tuple.attributes, [status]);
  });
  return writeXml(root);
}

/** A name with the prefix of another element. */
function nameLike({ prefix }: XmlElement, local: string): string {
  return prefix === '' ? local : `${prefix}:${local}`;
}

function dummy({ user }: Presentity): string {
  const id = (value: string): XmlElement['attributes'] => [{ name: 'id', local: 'id', uri: '', value }];
  const basic = new XmlElement('basic', PIDF, [], ['open']);
  const tuple = new XmlElement('tuple', PIDF, id('none'), [new XmlElement('status', PIDF, [], [basic])]);
  const note = new XmlElement('note', PIDF, [], ['Available']);
  const person = new XmlElement('dm:person', DATA_MODEL, id('1'), [
    new XmlElement('rpid:activities', RPID),
    new XmlElement('dm:note', DATA_MODEL, [], ['Available']),
  ]);
  const entity = [{ name: 'entity', local: 'entity', uri: '', value: toDbText(user) }];
  return writeXml(new XmlElement('presence', PIDF, entity, [tuple, note, person]));
}

/** pres_check_basic(): has a service this status? */
export function hasBasic(body: string, status: string): boolean {
  const wanted = toDbText(status).toLowerCase();
  const tuples = parseXml(body)?.childrenOf('tuple') ?? [];
  return tuples.some((tuple) =>
    tuple.childrenOf('status').some((one) => one.childrenOf('basic').some(({ text }) => text.toLowerCase() === wanted)),
  );
}

/** pres_check_activities(): 1 where the person does that, -1 where not, -2 where it says nothing of what it does. */
export function hasActivity(body: string, activity: string): number {
  const persons = parseXml(body)?.childrenOf('person') ?? [];
  const activities = persons.flatMap((person) => person.childrenOf('activities'));
  if (activities.length === 0) return -2;
  const wanted = toDbText(activity);
  return activities.some((one) => one.child(wanted) !== null) ? 1 : -1;
}
