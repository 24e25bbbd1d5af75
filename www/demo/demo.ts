/** The demo: a shop with the real element on the left, the agent on the right, and between them what breaks and what shows. */
import { h, render } from "preact";
import { GuestClient } from "../client/index.js";
import { Breaking } from "./breaking.js";
import { AgentConsole } from "./console.js";
import { type Protocol, deploymentOfThisBrowser, optionsFor, protocolOfThisPage } from "./deployment.js";
import { Feed } from "./feed.js";
import { Ledger } from "./ledger.js";
import { Line } from "./line.js";
import { Network } from "./network.js";
import { resetDeployment } from "./simulator.js";
import { Strip } from "./strip.js";
import { arrangeColumns } from "./tabs.js";

const deploymentId = deploymentOfThisBrowser();
const protocol = protocolOfThisPage();
const feed = new Feed(deploymentId);
const line = new Line();
const ledger = accountOf(protocol);
const breaking = new Breaking(feed, deploymentId, protocol);
const client = new GuestClient(optionsFor(protocol, deploymentId));

/** Each protocol has a conversation of its own, and so an account of its own. */
function accountOf(which: Protocol): Ledger {
  return new Ledger(which === "guest" ? deploymentId : `${deploymentId}:${which}`);
}

function place(id: string): HTMLElement {
  return document.getElementById(id) as HTMLElement;
}

/** The real element in the shop, with the client that the strip and the account listen to as well. */
async function openChat(wide: boolean): Promise<void> {
  await customElements.whenDefined("guestwire-chat");
  const chat = document.createElement("guestwire-chat");
  chat.client = client;
  // On a phone the open panel fills the screen, and there the page is to be seen first.
  if (wide) chat.setAttribute("open", "");
  place("shop").append(chat);
}

/** As on the very first visit: nothing broken, nothing said. */
async function startOver(): Promise<void> {
  await breaking.heal();
  await client.forget();
  await resetDeployment(deploymentId);
  for (const which of ["guest", "session"] as const) accountOf(which).clear();
  location.reload();
}

/** A simulator that knows no session of ours, or was started anew, knows nothing of what was sent before: that account is closed. */
let restartsSeen = 0;
function closeOldAccount(): void {
  if (feed.snapshot.restarts === restartsSeen) return;
  restartsSeen = feed.snapshot.restarts;
  ledger.forgetSettled();
}

const wide = arrangeColumns();
place("deployment").textContent = deploymentId;
for (const id of ["agent-alone", "supervisor"]) (place(id) as HTMLAnchorElement).search = new URLSearchParams({ deployment: deploymentId }).toString();
render(h(Strip, { line, ledger, feed }), place("strip"));
render(h(Network, { breaking, feed, protocol, startOver }), place("network"));
render(h(AgentConsole, { feed }), place("agent"));

await feed.refresh();
if (feed.snapshot.reachable && !feed.snapshot.sessions.some((session) => session.protocol === protocol)) ledger.forgetSettled();
feed.subscribe(closeOldAccount);
feed.start();

line.follow(client);
ledger.follow(client, () => { line.changed(); void feed.refresh(); });
// The strip tells of an end or a refusal; there is nothing to add to it here.
client.start().catch(() => undefined);
await openChat(wide);
