/** Weights of a PID controller. */
interface PidWeights {
  readonly ki: number;
  readonly kp: number;
  readonly kd: number;
}

/** Turns the load of the machine into a drop rate that brings the load back to where it shall be. */
export class PidController {
  weights: PidWeights = { ki: -25, kp: 0, kd: 0 };
  #integral = 0;
  #last = 0;

  /**
   * Takes a measurement (0 … 1) and says how many of a hundred requests are to be dropped. Low loads over a long time do
   * not add up, for they can not be answered by dropping less than nothing.
   */
  update(load: number, setpoint: number): number {
    const { ki, kp, kd } = this.weights;
    const error = setpoint - load;
    if (this.#integral < 0 || error < 0) this.#integral += error;
    const difference = error - this.#last;
    this.#last = error;
    const output = ki * this.#integral + kp * error + kd * difference;
    return output > 0 ? Math.trunc(output) : 0;
  }
}
