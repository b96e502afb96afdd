/** The common edits of a message, as lumps. None of them is seen by reads before the changes are applied. */

import { HDR } from '../parser/hf.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import type { Lump } from './lumps.ts';

/** Adds whole rows (each with its line end) after the last header. */
export function appendHeader(msg: SipMsg, rows: string, kind: number = HDR.OTHER): Lump {
  return msg.lumps.anchor(msg.headersEnd, kind).insertAfter(rows);
}

/** Adds whole rows in front of the first header; of several calls the first comes first. */
export function insertHeader(msg: SipMsg, rows: string, kind: number = HDR.OTHER): Lump {
  return msg.lumps.anchor(msg.firstLineEnd, kind).insertAfter(rows);
}

/** Takes a header's row out, line end included. */
export function removeHeaderRow(msg: SipMsg, row: number): Lump {
  const start = msg.hdrStart(row);
  return msg.lumps.del(start, msg.hdrEnd(row) - start, msg.hdrKind(row));
}

/** Replaces what stands in `buf[start … end)`. */
export function replaceSpan(msg: SipMsg, start: number, end: number, text: string, kind: number = HDR.OTHER): Lump {
  return msg.lumps.del(start, end - start, kind).insertAfter(text);
}

/** All rows of a name, long or compact, any case. */
export function rowsByName(msg: SipMsg, name: string): number[] {
  const rows: number[] = [];
  for (let row = msg.findHdrByName(name); row >= 0; row = msg.findHdrByName(name, row + 1)) rows.push(row);
  return rows;
}

/**
 * Replaces the body, whatever was there before: edits of the old body are dropped. Content-Length is written by the
 * core; Content-Type is replaced when `contentType` is not the present one (Kamailio: set_body).
 */
export function replaceBody(msg: SipMsg, body: string, contentType: string): void {
  dropBodyEdits(msg);
  msg.lumps.del(msg.bodyStart, msg.buf.length - msg.bodyStart).insertAfter(body);
  const row = msg.findHdr(HDR.CONTENTTYPE);
  if (contentType === '' || (row >= 0 && msg.hdrValue(row) === contentType)) return;
  if (row >= 0) removeHeaderRow(msg, row);
  appendHeader(msg, `Content-Type: ${contentType}\r\n`, HDR.CONTENTTYPE);
}

function dropBodyEdits(msg: SipMsg): void {
  const items = msg.lumpList?.items;
  if (items === undefined) return;
  while (items.length > 0 && (items[items.length - 1]?.offset ?? 0) >= msg.bodyStart) items.pop();
}
