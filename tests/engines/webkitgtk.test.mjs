import { play } from "./play.mjs";

play("webkitgtk");
