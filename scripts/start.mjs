// `npm start`: sets up, builds, starts the simulator with the demo, prints the address. Port 8787 or the next free one, said
// aloud, because another port is another origin and so another visitor.

import { build } from "./build.mjs";
import { main, say } from "./process.mjs";
import { setupBuild } from "./setup.mjs";
import { buildSimulator, freePort, startSimulator } from "./simulator.mjs";

const usualPort = 8787;

await main(async () => {
  const started = performance.now();
  say("Looking for the tools (Rust, wasm32 target, wasm-bindgen, node modules)");
  await setupBuild();
  await build({ dev: process.argv.includes("--dev") });
  say("Building the simulator (cargo; up to a minute the first time)");
  const program = await buildSimulator();
  const port = await freePort(usualPort);
  if (port !== usualPort) say(`Port ${usualPort} is taken, using ${port}. It is another origin: a conversation kept under the other address is not here.`);
  const { url, child } = await startSimulator(program, { port, bot: "script" });
  say(`
guestwire demo, ready after ${((performance.now() - started) / 1000).toFixed(1)} s:

  ${url}/        guest, network switches, agent console
  ${url}/agent   the agent console alone

Break the line with the switches and keep typing. Ctrl-C ends it.
`);
  await new Promise((resolve) => child.once("exit", resolve));
});
