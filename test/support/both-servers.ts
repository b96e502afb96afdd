import type { StartOptions } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { MemoryLog } from './fake-run.ts';
import { KAMAILIO_MODULES, Kamailio, UdpPeer } from './kamailio.ts';

/** One server under comparison: a port to send to, and the peer everything it sends comes to. */
export interface ComparedServer {
  readonly name: 'kamailio' | 'strowger';
  readonly port: number;
  readonly peer: UdpPeer;
}

/** Options of a server of a test: this script text, one UDP socket on loopback. */
export function scriptOptions(scriptText: string, extra: Partial<StartOptions> = {}): StartOptions {
  return {
    scriptPath: '/test.cfg',
    scriptText,
    defines: [],
    substitutions: [],
    listens: ['udp:127.0.0.1:0'],
    aliases: [],
    loadPaths: [],
    loadModules: [],
    modParams: [],
    settings: {},
    runtimeDir: null,
    strict: false,
    log: new MemoryLog(),
    ...extra,
  };
}

/**
 * Runs `drive` against Kamailio and against Strowger with the same script, and returns both results. `script` gets the
 * port of the peer and the text that sets the module path; it must answer an OPTIONS to user `ready` statelessly.
 */
export async function withBoth<T>(
  script: (peerPort: number, modulePath: string) => string,
  drive: (server: ComparedServer) => Promise<T>,
): Promise<{ readonly kamailio: T; readonly strowger: T }> {
  const kamailio = await withPeer(async (peer) => {
    const server = await Kamailio.start(script(peer.port, `mpath="${KAMAILIO_MODULES}"\n`));
    try {
      return await drive({ name: 'kamailio', port: server.port, peer });
    } finally {
      await server.stop();
    }
  });
  const strowger = await withPeer(async (peer) => {
    const started = await startServer(scriptOptions(script(peer.port, '')));
    try {
      return await drive({ name: 'strowger', port: started.server.transport.sockets[0]?.port ?? 0, peer });
    } finally {
      await started.stop(0);
    }
  });
  return { kamailio, strowger };
}

async function withPeer<T>(use: (peer: UdpPeer) => Promise<T>): Promise<T> {
  const peer = await UdpPeer.open();
  try {
    return await use(peer);
  } finally {
    peer.close();
  }
}
