import { type ModuleContext, parseXml, type SipMsg } from 'strowger';
import type { EventPackage, Refusal } from '../presence/api.ts';
import { aggregate, offline, type PidfOptions } from './pidf.ts';
import { authorize, type Circumstances } from './pres-rules.ts';
import { transform } from './transformations.ts';
import type { XcapDocuments } from './xcap-documents.ts';

const NO_DOCUMENT: Refusal = { code: 415, reason: 'Unsupported media type' };

/** A PUBLISH carries a document. */
function checkXml(msg: SipMsg): Refusal | null {
  return parseXml(msg.body) === null ? NO_DOCUMENT : null;
}

function pidfOptions(ctx: ModuleContext): PidfOptions {
  const single = {
    priorities: ctx.str('presence_single_body_priorities').split('|'),
    element: ctx.str('presence_single_body_lookup_element'),
  };
  return {
    hasDummy: ctx.int('force_dummy_presence') !== 0,
    single: ctx.int('force_presence_single_body') === 0 ? null : single,
  };
}

/** The packages that the parameters leave. `documents` is null where everyone may see everything. */
export function packagesOf(ctx: ModuleContext, documents: XcapDocuments | null): EventPackage[] {
  const isOn = (name: string): boolean => ctx.int(name) === 0;
  return [
    ...(isOn('disable_presence') ? [presencePackage(ctx, documents)] : []),
    ...(isOn('disable_winfo') ? [winfoPackage(ctx)] : []),
    ...(isOn('disable_bla') ? [plainPackage(ctx, 'dialog;sla', 'application/dialog-info+xml')] : []),
    ...(isOn('disable_xcapdiff') ? [plainPackage(ctx, 'xcap-diff', 'application/xcap-diff+xml')] : []),
  ];
}

/** RFC 3856. */
function presencePackage(ctx: ModuleContext, documents: XcapDocuments | null): EventPackage {
  const options = pidfOptions(ctx);
  const deletedReason = ctx.str('xcapauth_userdel_reason');
  const circumstances = (sphere: string | null): Circumstances => ({ nowMs: ctx.server.clock.wall(), sphere });
  const pidf: EventPackage = {
    name: 'presence',
    contentType: 'application/pidf+xml',
    defaultExpires: ctx.int('default_expires'),
    checkPublish: checkXml,
    aggregate: (presentity, bodies) => aggregate(presentity, bodies, options),
    offline,
    // Without rules: what a database remembers of watchers still counts.
    authorize: () => ({ status: 'active', reason: '' }),
  };
  if (documents === null) return pidf;
  return {
    ...pidf,
    loadRules: ({ user, domain }) => documents.presRules(user, domain),
    authorize: (watcher, rules, before, sphere) =>
      authorize(rules, watcher, before, deletedReason, circumstances(sphere)),
    filter: (body, watcher, rules, sphere) =>
      rules === null ? body : transform(body, rules, watcher, circumstances(sphere)),
  };
}

/** RFC 3857: only presentities themselves should ask for it, which the script sees to. */
function winfoPackage(ctx: ModuleContext): EventPackage {
  return {
    name: 'presence.winfo',
    contentType: 'application/watcherinfo+xml',
    defaultExpires: ctx.int('default_expires'),
    winfoOf: 'presence',
  };
}

/** Packages of which the newest publication is told as it is. */
function plainPackage(ctx: ModuleContext, name: string, contentType: string): EventPackage {
  return { name, contentType, defaultExpires: ctx.int('default_expires'), checkPublish: checkXml };
}
