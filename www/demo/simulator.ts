/**
 * The simulator's control paths (`/_sim`) as typed calls: what the service has stored, what it has seen, and how to break it.
 * Knows no user interface and no client.
 */

/** A message or an event as the service stored it. */
export interface StoredMessage {
  readonly serverId: string;
  readonly direction: "Inbound" | "Outbound";
  readonly at: number;
  readonly text?: string;
  readonly content?: readonly { readonly contentType: string }[];
  readonly events?: readonly { readonly eventType: string; readonly presence?: { readonly type: string } }[];
}

export interface SimulatorSession {
  readonly token: string;
  readonly deploymentId: string;
  readonly protocol: "guest" | "session";
  readonly connections: number;
  readonly readOnly: boolean;
  readonly ended: boolean;
  readonly lastActivity: number;
  /** When the guest last said that it is typing, in ms. */
  readonly typingAt: number | null;
  /** Oldest first, as `events`. */
  readonly messages: readonly StoredMessage[];
  readonly events: readonly StoredMessage[];
}

export type RecordKind =
  | "open" | "close" | "frame-in" | "frame-out" | "http" | "stored" | "evicted" | "limited" | "fault";

export interface LogRecord {
  readonly seq: number;
  readonly at: number;
  readonly kind: RecordKind;
  readonly token?: string;
  readonly direction?: "Inbound" | "Outbound";
  readonly tracingId?: string;
  readonly serverId?: string;
  readonly text?: string;
}

/** A fault rule; the fields beside `do` are those of that fault. */
export interface Rule {
  readonly on: "connect" | "frame-in" | "frame-out" | "http";
  readonly match?: Readonly<Record<string, string>>;
  readonly nth?: number;
  readonly count?: number;
  readonly do: string;
  readonly [field: string]: unknown;
}

export interface ListedRule { readonly id: number; readonly hits: number }

/** What an agent can do to a guest's session. */
export type AgentAct =
  | { readonly do: "text"; readonly text: string }
  | { readonly do: "typing" }
  | { readonly do: "structured"; readonly text: string; readonly content: readonly object[] }
  | { readonly do: "disconnect"; readonly readOnly: boolean }
  | { readonly do: "raw"; readonly frame: object };

async function call(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`/_sim${path}`, {
    method,
    cache: "no-store",
    ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} /_sim${path} answered ${response.status}: ${text.slice(0, 200)}`);
  return text ? JSON.parse(text) : {};
}

/** The query that narrows a list to one deployment. */
function only(deploymentId: string | undefined): string {
  return deploymentId === undefined ? "" : `deploymentId=${encodeURIComponent(deploymentId)}`;
}

export async function readSessions(deploymentId?: string): Promise<SimulatorSession[]> {
  return (await call("GET", `/sessions?${only(deploymentId)}`)) as SimulatorSession[];
}

/** The records from number `since` on; `next` is the one to ask from next time. */
export async function readLog(since: number, deploymentId?: string): Promise<{ next: number; records: LogRecord[] }> {
  return (await call("GET", `/log?since=${since}&${only(deploymentId)}`)) as { next: number; records: LogRecord[] };
}

/** Everybody's rules. */
export async function readRules(): Promise<ListedRule[]> {
  return (await call("GET", "/faults")) as ListedRule[];
}

export async function addRules(rules: readonly Rule[]): Promise<number[]> {
  return ((await call("POST", "/faults", rules)) as { ids: number[] }).ids;
}

export async function removeRules(ids: readonly number[]): Promise<void> {
  // Without an id the call would remove everybody's rules.
  if (ids.length > 0) await call("DELETE", `/faults?${ids.map((id) => `id=${id}`).join("&")}`);
}

export async function removeAllRules(deploymentId: string): Promise<void> {
  await call("DELETE", `/faults?${only(deploymentId)}`);
}

export async function actAsAgent(token: string, act: AgentAct): Promise<void> {
  await call("POST", "/agent", { token, ...act });
}

export async function expireSession(token: string): Promise<void> {
  await call("POST", "/expire", { what: "session", token });
}

/** Ends the access tokens of a deployment: the session protocol's. */
export async function expireAccessTokens(deploymentId: string): Promise<void> {
  await call("POST", "/expire", { what: "token", deploymentId });
}

export async function resetDeployment(deploymentId: string): Promise<void> {
  await call("POST", "/reset", { deploymentId });
}

/** A day of a contact centre, as it is asked for. */
export interface ScenarioPlan {
  readonly speed: number;
  readonly agents: number;
  readonly callsPerHour: number;
  /** Without it, as many as the story has. */
  readonly ratePerSecond?: number;
  readonly outOfOrder: number;
  readonly duplicate: number;
}

/** `at`: the centre's time, in ms. */
export interface ScenarioState { readonly playing: boolean; readonly events: number; readonly at: number }

/** One that is under way in the deployment begins anew. */
export async function playScenario(deploymentId: string, plan: ScenarioPlan): Promise<ScenarioState> {
  return (await call("POST", "/scenario", { deploymentId, do: "play", ...plan })) as ScenarioState;
}

export async function stopScenario(deploymentId: string): Promise<ScenarioState> {
  return (await call("POST", "/scenario", { deploymentId, do: "stop" })) as ScenarioState;
}

export async function readScenario(deploymentId: string): Promise<ScenarioState> {
  return (await call("GET", `/scenario?${only(deploymentId)}`)) as ScenarioState;
}

/** Has a stream of the deployment tell something. */
export async function sendOnStream(deploymentId: string, to: string, what: object): Promise<void> {
  await call("POST", "/stream", { deploymentId, to, ...what });
}

export async function setSwitches(deploymentId: string, switches: Readonly<Record<string, unknown>>): Promise<void> {
  await call("POST", "/set", { deploymentId, ...switches });
}
