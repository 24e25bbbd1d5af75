import { play } from "./play.mjs";

play("chromium");
