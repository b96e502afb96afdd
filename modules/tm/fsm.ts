/**
 * The four transaction state machines as tables (RFC 3261 §17, RFC 6026, RFC 4320): (state, event) → (state, actions).
 * Pure data: no socket, no clock. Actions are bits, done in the order of their names below by `transaction.ts`.
 *
 * Durations are tm's parameters: A and E `retr_timer1` doubling (E up to `retr_timer2`), B `fr_timer`, then
 * `fr_inv_timer` once a provisional reply came (that is also timer C), F `fr_timer`, G as A up to `retr_timer2`,
 * H `fr_timer`, and D I J K L M `wt_timer`.
 */

/** What a transition asks for. */
export const ACT = {
  /** Send the request (again): client side. */
  SEND_REQUEST: 1,
  /** Send the ACK for a negative final reply. */
  SEND_ACK: 2,
  /** Send the last reply (again): server side. */
  SEND_REPLY: 4,
  /** Give the reply, or the ACK, to the proxy core. */
  PASS_UP: 8,
  /** Restart the retransmission timer, doubled (A, E, G). */
  RETRANSMIT: 16,
  STOP_RETRANSMIT: 32,
  /** Start the timer that waits for a final reply after a provisional one (B becomes C). */
  START_FINAL_WAIT: 64,
  /** Start the timer that waits for the ACK (H). */
  START_ACK_WAIT: 128,
  STOP_TIMEOUT: 256,
  /** Start the timer that keeps the state for retransmissions (D, I, J, K, L, M). */
  LINGER: 512,
  /** No final reply came in time: 408 for this branch; H: nobody acknowledged. */
  TIMEOUT: 1024,
  /** The transport refused: 503 for this branch. */
  FAIL: 2048,
  TERMINATE: 4096,
  /** Restart the retransmission timer at T2 (a non-INVITE after a provisional reply, RFC 3261 §17.1.2.2). */
  SLOW_RETRANSMIT: 8192,
} as const;

export interface Step {
  readonly next: number;
  readonly actions: number;
}

export interface Machine {
  readonly name: string;
  readonly states: readonly string[];
  readonly events: readonly string[];
  /** Row-major: `steps[state * events.length + event]`. Null where the event means nothing in that state. */
  readonly steps: readonly (Step | null)[];
}

type Rows = Readonly<
  Record<string, Readonly<Record<string, readonly [next: string, ...actions: (keyof typeof ACT)[]]>>>
>;

function machine(name: string, states: readonly string[], events: readonly string[], rows: Rows): Machine {
  const steps: (Step | null)[] = [];
  for (const state of states) {
    for (const event of events) {
      const row = rows[state]?.[event];
      steps.push(
        row === undefined
          ? null
          : {
              next: states.indexOf(row[0]),
              actions: row.slice(1).reduce((bits, act) => bits | ACT[act as keyof typeof ACT], 0),
            },
      );
    }
  }
  return { name, states, events, steps };
}

/** What the machine does; null when the event is ignored in this state. */
export function step(of: Machine, state: number, event: number): Step | null {
  return of.steps[state * of.events.length + event] as Step | null;
}

const CLIENT_EVENTS = [
  'reply1xx',
  'reply2xx',
  'reply3to6xx',
  'retransmitTimer',
  'timeoutTimer',
  'lingerTimer',
  'transportError',
] as const;
/** Events of both client machines, by number. */
export const CLIENT = {
  REPLY_1XX: 0,
  REPLY_2XX: 1,
  REPLY_3TO6XX: 2,
  RETRANSMIT: 3,
  TIMEOUT: 4,
  LINGER: 5,
  TRANSPORT_ERROR: 6,
} as const;
/** States of both client machines, by number: `trying` is Calling for INVITE. */
export const CLIENT_STATE = { TRYING: 0, PROCEEDING: 1, COMPLETED: 2, ACCEPTED: 3, TERMINATED: 4 } as const;

/** INVITE client (RFC 3261 §17.1.1, RFC 6026 §7.2): timers A, B, D, M. */
export const INVITE_CLIENT = machine(
  'INVITE client',
  ['calling', 'proceeding', 'completed', 'accepted', 'terminated'],
  CLIENT_EVENTS,
  {
    calling: {
      reply1xx: ['proceeding', 'STOP_RETRANSMIT', 'START_FINAL_WAIT', 'PASS_UP'],
      reply2xx: ['accepted', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'LINGER', 'PASS_UP'],
      reply3to6xx: ['completed', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'SEND_ACK', 'LINGER', 'PASS_UP'],
      retransmitTimer: ['calling', 'SEND_REQUEST', 'RETRANSMIT'],
      timeoutTimer: ['terminated', 'STOP_RETRANSMIT', 'TIMEOUT', 'TERMINATE'],
      transportError: ['terminated', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'FAIL', 'TERMINATE'],
    },
    proceeding: {
      reply1xx: ['proceeding', 'START_FINAL_WAIT', 'PASS_UP'],
      reply2xx: ['accepted', 'STOP_TIMEOUT', 'LINGER', 'PASS_UP'],
      reply3to6xx: ['completed', 'STOP_TIMEOUT', 'SEND_ACK', 'LINGER', 'PASS_UP'],
      timeoutTimer: ['terminated', 'TIMEOUT', 'TERMINATE'],
      transportError: ['terminated', 'STOP_TIMEOUT', 'FAIL', 'TERMINATE'],
    },
    completed: {
      reply3to6xx: ['completed', 'SEND_ACK'],
      lingerTimer: ['terminated', 'TERMINATE'],
      transportError: ['terminated', 'TERMINATE'],
    },
    accepted: {
      // A 2xx after the first, from this or another fork beyond us, is passed on (RFC 6026 §7.2).
      reply2xx: ['accepted', 'PASS_UP'],
      lingerTimer: ['terminated', 'TERMINATE'],
    },
  },
);

/** Non-INVITE client (RFC 3261 §17.1.2): timers E, F, K. */
export const OTHER_CLIENT = machine(
  'non-INVITE client',
  ['trying', 'proceeding', 'completed', 'accepted', 'terminated'],
  CLIENT_EVENTS,
  {
    trying: {
      // Timer E runs on; when it fires in Proceeding it goes on at T2.
      reply1xx: ['proceeding', 'PASS_UP'],
      reply2xx: ['completed', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'LINGER', 'PASS_UP'],
      reply3to6xx: ['completed', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'LINGER', 'PASS_UP'],
      retransmitTimer: ['trying', 'SEND_REQUEST', 'RETRANSMIT'],
      timeoutTimer: ['terminated', 'STOP_RETRANSMIT', 'TIMEOUT', 'TERMINATE'],
      transportError: ['terminated', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'FAIL', 'TERMINATE'],
    },
    proceeding: {
      reply1xx: ['proceeding', 'PASS_UP'],
      reply2xx: ['completed', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'LINGER', 'PASS_UP'],
      reply3to6xx: ['completed', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'LINGER', 'PASS_UP'],
      retransmitTimer: ['proceeding', 'SEND_REQUEST', 'SLOW_RETRANSMIT'],
      timeoutTimer: ['terminated', 'STOP_RETRANSMIT', 'TIMEOUT', 'TERMINATE'],
      transportError: ['terminated', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'FAIL', 'TERMINATE'],
    },
    completed: {
      lingerTimer: ['terminated', 'TERMINATE'],
    },
  },
);

const SERVER_EVENTS = [
  'request',
  'ack',
  'send1xx',
  'send2xx',
  'send3to6xx',
  'retransmitTimer',
  'timeoutTimer',
  'lingerTimer',
  'transportError',
] as const;
/** Events of both server machines, by number. `request` is a retransmission of the one that began it. */
export const SERVER = {
  REQUEST: 0,
  ACK: 1,
  SEND_1XX: 2,
  SEND_2XX: 3,
  SEND_3TO6XX: 4,
  RETRANSMIT: 5,
  TIMEOUT: 6,
  LINGER: 7,
  TRANSPORT_ERROR: 8,
} as const;
/** States of both server machines, by number. */
export const SERVER_STATE = {
  TRYING: 0,
  PROCEEDING: 1,
  COMPLETED: 2,
  CONFIRMED: 3,
  ACCEPTED: 4,
  TERMINATED: 5,
} as const;

const SERVER_STATES = ['trying', 'proceeding', 'completed', 'confirmed', 'accepted', 'terminated'] as const;

/** INVITE server (RFC 3261 §17.2.1, RFC 6026 §7.1): timers G, H, I, L. `trying` is Proceeding before any reply. */
export const INVITE_SERVER = machine('INVITE server', SERVER_STATES, SERVER_EVENTS, {
  trying: {
    send1xx: ['proceeding', 'SEND_REPLY'],
    send2xx: ['accepted', 'SEND_REPLY', 'LINGER'],
    send3to6xx: ['completed', 'SEND_REPLY', 'RETRANSMIT', 'START_ACK_WAIT'],
    request: ['trying'],
  },
  proceeding: {
    request: ['proceeding', 'SEND_REPLY'],
    send1xx: ['proceeding', 'SEND_REPLY'],
    send2xx: ['accepted', 'SEND_REPLY', 'LINGER'],
    send3to6xx: ['completed', 'SEND_REPLY', 'RETRANSMIT', 'START_ACK_WAIT'],
    transportError: ['proceeding'],
  },
  completed: {
    request: ['completed', 'SEND_REPLY'],
    ack: ['confirmed', 'STOP_RETRANSMIT', 'STOP_TIMEOUT', 'LINGER', 'PASS_UP'],
    retransmitTimer: ['completed', 'SEND_REPLY', 'RETRANSMIT'],
    timeoutTimer: ['terminated', 'STOP_RETRANSMIT', 'TIMEOUT', 'TERMINATE'],
    transportError: ['completed'],
  },
  confirmed: {
    ack: ['confirmed'],
    lingerTimer: ['terminated', 'TERMINATE'],
  },
  accepted: {
    // Retransmitted INVITEs are absorbed; every 2xx of the proxy core goes to the transport (RFC 6026 §7.1).
    request: ['accepted'],
    ack: ['accepted', 'PASS_UP'],
    send2xx: ['accepted', 'SEND_REPLY'],
    lingerTimer: ['terminated', 'TERMINATE'],
    transportError: ['accepted'],
  },
});

/** Non-INVITE server (RFC 3261 §17.2.2): timer J. */
export const OTHER_SERVER = machine('non-INVITE server', SERVER_STATES, SERVER_EVENTS, {
  trying: {
    request: ['trying'],
    send1xx: ['proceeding', 'SEND_REPLY'],
    send2xx: ['completed', 'SEND_REPLY', 'LINGER'],
    send3to6xx: ['completed', 'SEND_REPLY', 'LINGER'],
  },
  proceeding: {
    request: ['proceeding', 'SEND_REPLY'],
    send1xx: ['proceeding', 'SEND_REPLY'],
    send2xx: ['completed', 'SEND_REPLY', 'LINGER'],
    send3to6xx: ['completed', 'SEND_REPLY', 'LINGER'],
    transportError: ['proceeding'],
  },
  completed: {
    request: ['completed', 'SEND_REPLY'],
    lingerTimer: ['terminated', 'TERMINATE'],
    transportError: ['completed'],
  },
});
