/** Carries the switches out: puts rules up and takes them down, and remembers over a reload which ones are on. */
import type { Protocol } from "./deployment.js";
import type { Feed } from "./feed.js";
import { type SimulatorSession, actAsAgent, addRules, expireAccessTokens, expireSession, removeAllRules, removeRules } from "./simulator.js";
import { ALL_SWITCHES, type Act, type Switch } from "./switches.js";

/** The service's limit of connections per token (guest-api.md §4.4). */
const CONNECTIONS_PER_TOKEN = 3;

export class Breaking {
  readonly #feed: Feed;
  readonly #deploymentId: string;
  readonly #protocol: Protocol;
  readonly #key: string;
  #rules: Record<string, readonly number[]>;

  constructor(feed: Feed, deploymentId: string, protocol: Protocol) {
    this.#feed = feed;
    this.#deploymentId = deploymentId;
    this.#protocol = protocol;
    this.#key = `guestwire-demo:rules:${deploymentId}`;
    this.#rules = JSON.parse(localStorage.getItem(this.#key) ?? "{}") as Record<string, readonly number[]>;
  }

  /** The newest session that is still open; the acts aim at it. */
  get session(): SimulatorSession | undefined {
    return this.#feed.snapshot.sessions.filter((session) => !session.ended && session.protocol === this.#protocol).at(-1);
  }

  get isConnected(): boolean {
    return this.session !== undefined && this.session.connections > 0;
  }

  /** Whether its rules stand; a rule for the next message is off again once it was hit. */
  isOn(which: Switch): boolean {
    const ids = this.#rules[which.id];
    if (ids === undefined) return false;
    const standing = this.#feed.snapshot.rules.filter((rule) => ids.includes(rule.id));
    return which.kind === "hold" ? standing.length > 0 : standing.some((rule) => rule.hits === 0);
  }

  get anyOn(): boolean {
    return ALL_SWITCHES.some((which) => this.isOn(which));
  }

  async press(which: Switch): Promise<void> {
    if (which.kind === "act") await this.#act(which.act);
    else if (this.isOn(which)) await this.#switchOff(which);
    else await this.#switchOn(which);
    await this.#feed.refresh();
  }

  /** Every rule of this deployment is taken down; what was held is delivered. */
  async heal(): Promise<void> {
    await removeAllRules(this.#deploymentId);
    this.#remember({});
    await this.#feed.refresh();
  }

  async #switchOn(which: Extract<Switch, { kind: "hold" | "once" }>): Promise<void> {
    const ids = await addRules(which.rules(this.#deploymentId, this.#protocol));
    this.#remember({ ...this.#rules, [which.id]: ids });
    if (which.kind === "hold" && which.breaksNow) await this.#nudge();
    if (which.kind === "hold" && which.then) await this.#act(which.then);
  }

  async #switchOff(which: Switch): Promise<void> {
    const { [which.id]: ids = [], ...others } = this.#rules;
    await removeRules(ids);
    this.#remember(others);
  }

  async #act(act: Act): Promise<void> {
    const session = this.session;
    if (session === undefined) return;
    switch (act) {
      case "drop":
        await addRules([{ on: "frame-out", match: { deploymentId: this.#deploymentId }, count: 1, do: "drop" }]);
        return this.#nudge();
      case "expire": return expireSession(session.token);
      case "expireToken": return expireAccessTokens(this.#deploymentId);
      case "readOnly": return actAsAgent(session.token, { do: "disconnect", readOnly: true });
      case "evict": return this.#pushOut(session.token);
    }
  }

  /** Faults are met by frames. A typing notice that is already over makes one without showing anything, and so does an answer to no ping. */
  async #nudge(): Promise<void> {
    if (this.session === undefined || !this.isConnected) return;
    await actAsAgent(this.session.token, {
      do: "raw",
      frame: this.#protocol === "session" ? { type: "pong" } : {
        type: "message", class: "StructuredMessage", code: 200,
        body: {
          id: crypto.randomUUID().replaceAll("-", ""), type: "Event", direction: "Outbound",
          channel: { time: new Date().toISOString(), type: "Private" },
          events: [{ eventType: "Typing", typing: { type: "Off", duration: 0 } }],
        },
      },
    });
  }

  /** Real connections with the visitor's token, closed again once the oldest is out. */
  async #pushOut(token: string): Promise<void> {
    const url = `${location.origin.replace(/^http/, "ws")}/v1?deploymentId=${encodeURIComponent(this.#deploymentId)}`;
    const sockets = Array.from({ length: CONNECTIONS_PER_TOKEN }, () => new WebSocket(url));
    await Promise.all(sockets.map((socket) => configured(socket, token, this.#deploymentId)));
    for (const socket of sockets) socket.close(1000);
  }

  #remember(rules: Record<string, readonly number[]>): void {
    this.#rules = rules;
    localStorage.setItem(this.#key, JSON.stringify(rules));
  }
}

/** Resolves when the service has answered the configure, or when the socket is gone (a fault may be standing). */
function configured(socket: WebSocket, token: string, deploymentId: string): Promise<void> {
  return new Promise((resolve) => {
    socket.addEventListener("open", () => socket.send(JSON.stringify({ action: "configureSession", deploymentId, token })));
    socket.addEventListener("message", () => resolve(), { once: true });
    socket.addEventListener("close", () => resolve(), { once: true });
  });
}
