/** The day that the simulator plays: how it is asked for, and how far it is. */
import { type ScenarioPlan, type ScenarioState, playScenario, readScenario, setSwitches, stopScenario } from "../simulator.js";

export interface Plan {
  /** So many times as fast as the clock. */
  readonly speed: number;
  /** Events a second over all streams; 0: as the story has them. */
  readonly rate: number;
  /** Shares, 0 to 1. */
  readonly outOfOrder: number;
  readonly duplicate: number;
}

export const CALM: Plan = { speed: 20, rate: 0, outOfOrder: 0.05, duplicate: 0.02 };
/** As many agents as fill two connections of the multiplexer, together with the two channels for everybody. */
export const AGENTS = 18;
/** As many calls as they can take. */
const CALLS_PER_HOUR = 200;

export class Scenario {
  version = 0;
  plan: Plan = CALM;
  state: ScenarioState = { playing: false, events: 0, at: 0 };
  reachable = true;
  failure: string | undefined;
  readonly #deploymentId: string;
  readonly #onBegin: () => void;
  /** One request after the other: what is asked last stands. */
  #queue: Promise<void> = Promise.resolve();

  /** `onBegin`: a new day begins, and what was before is over. */
  constructor(deploymentId: string, onBegin: () => void) {
    this.#deploymentId = deploymentId;
    this.#onBegin = onBegin;
  }

  play(): Promise<void> {
    return this.#ask(async () => {
      this.#onBegin();
      this.state = await playScenario(this.#deploymentId, bodyOf(this.plan));
    });
  }

  stop(): Promise<void> {
    return this.#ask(async () => { this.state = await stopScenario(this.#deploymentId); });
  }

  /** Another plan; what is playing begins anew by it. */
  change(plan: Partial<Plan>): void {
    this.plan = { ...this.plan, ...plan };
    this.version += 1;
    if (this.state.playing) void this.play();
  }

  /** How much longer every answer takes, in ms. */
  delay(latencyMs: number): Promise<void> {
    return this.#ask(() => setSwitches(this.#deploymentId, { latencyMs }));
  }

  /** Looks how far it is. */
  look(): Promise<void> {
    return this.#ask(async () => { this.state = await readScenario(this.#deploymentId); });
  }

  #ask(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      try {
        await work();
        this.reachable = true;
        this.failure = undefined;
      } catch (error) {
        // Only the network throws TypeErrors here.
        this.reachable = !(error instanceof TypeError);
        this.failure = this.reachable && error instanceof Error ? error.message : undefined;
      }
      this.version += 1;
    });
    return this.#queue;
  }
}

export function bodyOf({ speed, rate, outOfOrder, duplicate }: Plan): ScenarioPlan {
  return { speed, outOfOrder, duplicate, agents: AGENTS, callsPerHour: CALLS_PER_HOUR, ...(rate === 0 ? {} : { ratePerSecond: rate }) };
}

/** The ids of the scenario's agents. */
export const AGENT_IDS: readonly string[] = Array.from({ length: AGENTS }, (_, index) => `agent-${String(index + 1).padStart(2, "0")}`);

/** The centre's time of day: it opens at eight. */
export function centreClock(atMs: number): string {
  const minutes = Math.floor(atMs / 60_000);
  return `${String((8 + Math.floor(minutes / 60)) % 24).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}
