import { parseXml, toDbText, writeXml, XmlElement } from 'strowger';

const NAMESPACE = 'urn:ietf:params:xml:ns:dialog-info';

/** States of a dialog, the least interesting first (Kamailio: presence_dialoginfo, force_single_dialog). */
const STATES: readonly string[] = ['terminated', 'trying', 'proceeding', 'confirmed', 'early'];

interface DialogInfoOptions {
  /** Only the most interesting dialog. */
  readonly isSingle: boolean;
  /** A terminated dialog where there is none. */
  readonly hasDummy: boolean;
}

/** Makes one document (RFC 4235) of those that are published, in their order; null for none. */
export function aggregate(entity: string, bodies: readonly string[], options: DialogInfoOptions): string | null {
  const documents = bodies.flatMap((body) => parseXml(body) ?? []);
  const dialogs = documents.flatMap((document) => document.childrenOf('dialog'));
  const [first] = documents;
  // What a single publisher calls itself stays.
  if (documents.length === 1) entity = first?.attribute('entity') ?? toDbText(entity);
  else entity = toDbText(entity);
  if (dialogs.length > 0) return documentOf(entity, options.isSingle ? [mostInteresting(dialogs)] : dialogs);
  if (bodies.length > 0) return documentOf(entity, []);
  return options.hasDummy ? documentOf(entity, [dummy()]) : null;
}

function documentOf(entity: string, dialogs: readonly XmlElement[]): string {
  const attributes = [
    ['version', '0'],
    ['state', 'full'],
    ['entity', entity],
  ].map(([name = '', value = '']) => ({ name, local: name, uri: '', value }));
  const children = dialogs.flatMap((dialog) => ['\n  ', dialog]);
  return writeXml(new XmlElement('dialog-info', NAMESPACE, attributes, [...children, '\n']));
}

function dummy(): XmlElement {
  const attributes = [
    { name: 'id', local: 'id', uri: '', value: 'none' },
    { name: 'direction', local: 'direction', uri: '', value: 'recipient' },
  ];
  return new XmlElement('dialog', NAMESPACE, attributes, [new XmlElement('state', NAMESPACE, [], ['terminated'])]);
}

/** Of several in the same state the last one counts. */
function mostInteresting(dialogs: readonly XmlElement[]): XmlElement {
  return dialogs.reduce((best, dialog) => (rankOf(dialog) >= rankOf(best) ? dialog : best));
}

function rankOf(dialog: XmlElement): number {
  return STATES.indexOf(dialog.child('state')?.text ?? '');
}

/** Are all dialogs of the document over? */
export function isTerminated(body: string): boolean {
  const dialogs = parseXml(body)?.childrenOf('dialog') ?? [];
  return dialogs.length > 0 && dialogs.every((dialog) => dialog.child('state')?.text === 'terminated');
}

/** The same document with another version, which counts up for each watcher (RFC 4235 §4.1). */
export function withVersion(body: string, version: number): string {
  return body.replace(/(<(?:[\w.-]+:)?dialog-info\b[^>]*?\sversion\s*=\s*)(?:"[^"]*"|'[^']*')/, `$1"${version}"`);
}
