import { play } from "./play.mjs";

play("firefox");
