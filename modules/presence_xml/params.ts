import { intParam, listParam, type ParamDef, strParam } from 'strowger';

const flag = (doc: string, value = 0): ParamDef => intParam({ default: value, min: 0, max: 1, doc });
const NO_CLIENT = 'there is no xcap_client: documents come from the table xcap';

/** Parameters of presence_xml. */
export const XML_PARAMS: Readonly<Record<string, ParamDef>> = {
  db_url: strParam({
    default: null,
    doc: 'Database of the table xcap; not needed with force_active.',
  }),
  xcap_table: strParam({ default: 'xcap', doc: 'Table of documents.' }),
  disable_presence: flag('No event presence.'),
  disable_winfo: flag('No event presence.winfo.'),
  disable_bla: flag('No event dialog;sla.', 1),
  disable_xcapdiff: flag('No event xcap-diff.'),
  force_active: flag('Everyone may see everything: no rules are asked for.'),
  integrated_xcap_server: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: 'The table has all documents there are.',
    noEffect: NO_CLIENT,
  }),
  xcap_server: listParam({ doc: 'XCAP servers to fetch documents from.', noEffect: NO_CLIENT }),
  passive_mode: flag('Adds no events and opens no database.'),
  xcapauth_userdel_reason: strParam({
    default: 'probation',
    doc: 'Reason of the end for a watcher whose rule is gone, with retry-after if wanted.',
  }),
  force_dummy_presence: flag('An open presence is told where none is published.'),
  force_presence_single_body: flag('One publication is told, not all of them together.'),
  presence_single_body_priorities: strParam({
    default: 'Available|Ringing|On the Phone',
    doc: 'Texts by which that one is chosen, the last one first.',
  }),
  presence_single_body_lookup_element: strParam({ default: 'note', doc: 'The element that has such a text.' }),
  default_expires: intParam({ default: 3600, min: 1, doc: 'Seconds, for a request without Expires.' }),
};
