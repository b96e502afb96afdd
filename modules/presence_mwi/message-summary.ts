/** `Messages-Waiting: yes` or `no`, then lines of tabs and printable ASCII; each ends with CRLF (RFC 3842 §3.5). */
const SUMMARY = /^Messages-Waiting: (?:yes|no)\r\n(?:[\t\x20-\x7e]*\r\n)*$/;

/** Is it a body that a phone can be sent? */
export function isMessageSummary(body: string): boolean {
  return SUMMARY.test(body);
}
