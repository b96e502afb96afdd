import type { Clock } from 'strowger';
import type { LocalRequest } from '../tm/api.ts';

/** How long messages to one side and back take, `$leg(rtt)`: from the last that was sent to the first that answered it. */
export class RoundTrip {
  /** In ms; null before the first. */
  ms: number | null = null;
  #sentMs = 0;

  /** The same request, timed. */
  timed(request: LocalRequest, clock: Clock): LocalRequest {
    const sentMs = clock.now();
    let isHeard = false;
    const heard = (): void => {
      if (!isHeard) this.ms = clock.now() - sentMs;
      isHeard = true;
    };
    const { onReply, onProvisional, onAnswer } = request;
    return {
      ...request,
      onReply(reply, code, t) {
        if (reply !== null) heard();
        onReply?.(reply, code, t);
      },
      ...(onProvisional === undefined
        ? {}
        : {
            onProvisional(reply) {
              heard();
              onProvisional(reply);
            },
          }),
      ...(onAnswer === undefined
        ? {}
        : {
            onAnswer(reply) {
              heard();
              onAnswer(reply);
            },
          }),
    };
  }

  /** Our 2xx goes out, whose ACK answers it. */
  begins(clock: Clock): void {
    this.#sentMs = clock.now();
  }

  ends(clock: Clock): void {
    this.ms = clock.now() - this.#sentMs;
  }
}
