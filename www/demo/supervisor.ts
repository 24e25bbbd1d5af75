/** `/supervisor`: a contact centre as its supervisor sees it, over the four streams of `guestwire/streams`. */
import { h, render } from "preact";
import { deploymentOfThisBrowser } from "./deployment.js";
import { Breaking, nudgeOf } from "./supervisor/breaking.js";
import { Floor } from "./supervisor/floor.js";
import { Herald } from "./supervisor/herald.js";
import { isCalm, pulse } from "./supervisor/pulse.js";
import { AGENT_IDS, Scenario } from "./supervisor/scenario.js";
import { Sources } from "./supervisor/sources.js";
import { Watch } from "./supervisor/watch.js";
import { TITLES, spoken } from "./supervisor/words.js";

/** A deployment of its own beside the chat's: what is broken here does not break the visitor's line. */
const deploymentId = `${deploymentOfThisBrowser()}-floor`;
const place = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;

/** How often what changes is looked at, in ms. */
const BOARD_MS = 100;
const FIGURES_MS = 1000;
const HERALD_MS = 500;

const sources = new Sources(deploymentId);
const watches = {
  latency: new Watch("latency", sources.latency),
  conversations: new Watch("conversations", sources.conversations),
  interactions: new Watch("interactions", sources.interactions),
  presence: new Watch("presence", sources.presence),
};
const all = Object.values(watches);
const scenario = new Scenario(deploymentId, () => sources.clear());
/** The first and the last agent are on different connections of the multiplexer. */
const ends = [AGENT_IDS.at(0), AGENT_IDS.at(-1)].filter((id) => id !== undefined);
const breaking = new Breaking(deploymentId, (key) => nudgeOf(key, sources.lastConversation, ends));
const herald = new Herald();
for (const { key } of all) herald.assume(TITLES[key], "ready");

place("deployment").textContent = deploymentId;
render(h(Floor, { sources, watches, scenario, breaking, herald }), place("floor"));

// The page begins whole, whatever was broken when it was left.
await Promise.all([breaking.heal(), scenario.delay(0), scenario.look()]);
sources.start();
if (!scenario.state.playing && scenario.reachable && !isCalm()) await scenario.play();

pulse.beat(BOARD_MS, () => sources.board.settle((id) => sources.interactions.timeline(id), Date.now()));
pulse.beat(FIGURES_MS, () => {
  for (const watch of all) watch.look();
  void scenario.look();
});
pulse.beat(HERALD_MS, () => {
  const now = Date.now();
  for (const { key, state } of all) {
    const words = spoken(state);
    if (words !== undefined) herald.note(TITLES[key], words, now);
  }
  herald.settle(now);
});
