// The service's side of a soak: the simulator's control, for one deployment.

import { randomUUID } from "node:crypto";
import { control } from "../simulator.mjs";

export class Service {
  #url;
  #next = 0;

  constructor(url) {
    this.#url = url;
    this.deploymentId = `soak-${randomUUID()}`;
  }

  #call(method, path, body) {
    return control(this.#url, method, path, body);
  }

  get endpoint() {
    return this.#url;
  }

  /** Lays down rules for this deployment and gives back their numbers. */
  async faults(rules) {
    const { ids } = await this.#call("POST", "faults", rules.map(({ match, ...rule }) => ({ ...rule, match: { ...match, deploymentId: this.deploymentId } })));
    return ids;
  }

  /** Takes rules away, all of them when none is named; how often each was met. */
  async lift(ids = []) {
    const rules = await this.#call("GET", "faults");
    const named = ids.map((id) => `&id=${id}`).join("");
    await this.#call("DELETE", `faults?deploymentId=${this.deploymentId}${named}`);
    return (rules.rules ?? rules).filter(({ id }) => ids.includes(id)).map(({ hits }) => hits);
  }

  /** The agent says something; false where there is nobody to say it to. */
  says(text) {
    return this.#call("POST", "agent", { deploymentId: this.deploymentId, do: "text", text }).then(() => true, () => false);
  }

  /** A frame that says nothing new, for a rule to meet. */
  poke() {
    return this.#call("POST", "agent", { deploymentId: this.deploymentId, do: "typing", text: "Off" }).catch(() => {});
  }

  /** What each guest's conversation holds. */
  sessions() {
    return this.#call("GET", `sessions?deploymentId=${this.deploymentId}`);
  }

  /** What happened since the last call. */
  async news() {
    const { next, records } = await this.#call("GET", `log?since=${this.#next}&deploymentId=${this.deploymentId}`);
    this.#next = next;
    return records;
  }
}
