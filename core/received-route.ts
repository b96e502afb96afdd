import { RECEIVED_DATA, type ReceivedData } from './pv/received-data.ts';
import { ROUTE, RUN_DROP, Run } from './script/run.ts';
import type { Server } from './server.ts';
import type { ReceiveInfo } from './transport/socket-info.ts';

/**
 * event_route[core:msg-received] (`received_route_mode`): the script sees what arrived by `$rcv(…)` before it is read.
 * `pass` gets the text it lets through; after `drop` nothing.
 */
export function runReceivedRoute(server: Server, text: string, rcv: ReceiveInfo, pass: (text: string) => void): void {
  const route = server.program.event.get('core:msg-received');
  const msg = route === undefined ? null : server.fakeMessage();
  if (route === undefined || msg === null) return pass(text);
  const run = new Run(server, server.program, msg, ROUTE.EVENT);
  const data: ReceivedData = { text, rcv };
  run.locals = new Map([[RECEIVED_DATA, data]]);
  const done = (bits: number): void => {
    if ((bits & RUN_DROP) === 0) pass(data.text);
  };
  const result = server.execute(route, run);
  if (typeof result === 'number') done(result);
  else void result.then(done);
}
