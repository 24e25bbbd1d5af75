// Plays every scenario in one engine, each as a test with its name. They take turns: what is in front and what has the focus is one for
// the whole browser.

import { after, before, describe, test } from "node:test";
import { startSimulator, url } from "../e2e/service.mjs";
import { Engine } from "./engine.mjs";
import { line } from "./scenarios/line.mjs";
import { page } from "./scenarios/page.mjs";
import { severalTabs } from "./scenarios/tabs.mjs";
import { Stage } from "./stage.mjs";

const TIMEOUT_MS = 60_000;

export function play(name) {
  describe(`in ${name}`, () => {
    const engine = new Engine(name);
    before(async () => {
      await Promise.all([engine.start(), startSimulator()]);
      // A window of the same origin that outlives the tests' own: with the last one the browser would end.
      engine.home = await engine.session.window();
      await engine.session.switchTo(engine.home);
      await engine.session.open(`${url}/icon.svg`);
    });
    after(() => engine.end());
    for (const { name: scenario, protocol, timeout = TIMEOUT_MS, play: run } of [...line, ...page, ...severalTabs]) {
      test(scenario, { timeout }, (t) => run(new Stage(t, engine, protocol)));
    }
  });
}
