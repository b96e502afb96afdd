import { toDbText, writeXml, XmlElement } from 'strowger';
import type { WatcherList } from './bodies.ts';

const NAMESPACE = 'urn:ietf:params:xml:ns:watcherinfo';

function element(
  name: string,
  attributes: readonly (readonly [string, string])[],
  children: (XmlElement | string)[],
): XmlElement {
  return new XmlElement(
    name,
    NAMESPACE,
    attributes.map(([attribute, value]) => ({ name: attribute, local: attribute, uri: '', value: toDbText(value) })),
    children,
  );
}

/** A watcherinfo document (RFC 3858). A watcher is known by the Call-ID of its subscription. */
export function watcherinfo({ presUri, event, isFull, watchers }: WatcherList, version: number): string {
  const rows = watchers.flatMap(({ callId, status, watcherUser, watcherDomain }) => [
    '\n    ',
    element(
      'watcher',
      [
        ['id', callId],
        ['event', 'subscribe'],
        ['status', status],
      ],
      [toDbText(`sip:${watcherUser}@${watcherDomain}`)],
    ),
  ]);
  const list = element(
    'watcher-list',
    [
      ['resource', presUri],
      ['package', event],
    ],
    rows.length === 0 ? [] : [...rows, '\n  '],
  );
  const root = element(
    'watcherinfo',
    [
      ['version', String(version)],
      ['state', isFull ? 'full' : 'partial'],
    ],
    ['\n  ', list, '\n'],
  );
  return writeXml(root);
}
