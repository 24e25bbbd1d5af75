/** `/agent`: the agent console alone, for every session of the simulator, or for one deployment with `?deployment=`. */
import { h, render } from "preact";
import { AgentConsole } from "./console.js";
import { Feed } from "./feed.js";

const feed = new Feed(new URLSearchParams(location.search).get("deployment") ?? undefined);
render(h(AgentConsole, { feed }), document.getElementById("agent") as HTMLElement);
feed.start();
