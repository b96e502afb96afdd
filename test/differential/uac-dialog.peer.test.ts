import { suite, test } from 'node:test';
import { playOnBoth, relayRoute } from '../support/call-stage.ts';
import type { TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';

/** Names that uac keeps in the dialog (restore_dlg), in all that passes within it, in both servers. */

const names = (msg: TestMsg): string =>
  `${msg.startLine}\nFrom: ${msg.get('From')}\nTo: ${msg.get('To')}\nvsf: ${/;vs[ft]=/.test(msg.get('Record-Route'))}`;

suite('names kept in the dialog, as kamailio keeps them', { skip: skipWithout('kamailio'), timeout: 60_000 }, () => {
  for (const [name, replaces] of [
    ['From', 'uac_replace_from("sip:anon@hidden.example.org");'],
    ['To', 'uac_replace_to("sip:target@hidden.example.org");'],
    ['both', 'uac_replace_to("sip:target@hidden.example.org"); uac_replace_from("sip:anon@hidden.example.org");'],
  ] as const)
    test(name, async () => {
      await playOnBoth(
        (port) => `
loadmodule "dialog.so"
loadmodule "uac.so"
modparam("uac", "restore_dlg", 1)
${relayRoute(port, { initial: `if (is_method("INVITE")) { dlg_manage(); ${replaces} }` })}`,
        async (stage) => {
          const { alice, bob } = stage;
          const call = stage.call('names');
          stage.note('INVITE', names(await call.sends()));
          stage.note('180', names(await call.replied(180)));
          stage.note('200', names(await call.replied(200)));
          stage.note('ACK', names(await call.fromAlice('ACK', 1)));
          for (const [sender, receiver, request] of [
            [alice, bob, await call.fromAlice('INFO', 2, {}, 0)],
            [bob, alice, await call.fromBob('INFO', 7, {}, 0)],
          ] as const) {
            stage.note(`from ${sender.name}`, names(request));
            receiver.replies(request, 200);
            stage.note(
              'its answer',
              names(await sender.receives((msg) => msg.cseqMethod === 'INFO' && msg.status === 200)),
            );
          }
          stage.note('BYE', names(await call.fromBob('BYE', 8)));
        },
      );
    });
});
