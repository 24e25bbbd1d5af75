// The three engines: how each is started and what it is asked to be like, and the process that a page of it lives in.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { at, endGroup, start } from "../../scripts/process.mjs";
import { findBrowsers } from "../../scripts/setup.mjs";
import { until } from "../e2e/service.mjs";
import { Session, command } from "./webdriver.mjs";

/** Wide enough for the demo's three columns, with the chat open. */
export const SIZE = [1280, 900];
const DRIVER_MS = 20_000;
/** What a page is made to hold so that its process is known by its size; far above what anything here grows by on its own. */
const BALLAST_BYTES = 128 << 20;
const PAGE_BYTES = 4096;

const found = findBrowsers();
// The library's own tests in Chrome and Firefox go by the same file.
const { "goog:chromeOptions": chrome, "moz:firefoxOptions": firefox } = JSON.parse(readFileSync(at("webdriver.json"), "utf8"));

// What chromedriver adds for tests and a visitor's browser does not have: here a page that nobody sees shall be slowed down as theirs is.
const unlikeVisitors = ["disable-background-timer-throttling", "disable-backgrounding-occluded-windows", "disable-renderer-backgrounding", "disable-hang-monitor"];

/**
 * `tab`: what a visitor's second tab is opened as. MiniBrowser keeps a tab that was opened from outside behind the others and has no
 * command to bring it forward, so there it is a window. `restores`: a page that is left stays in the back/forward cache (faults.md, 16).
 * `survivesCrash`: the driver goes on when a page's process is killed.
 */
const KINDS = {
  chromium: {
    driver: (port) => [found.chromedriver, [`--port=${port}`]],
    capabilities: { browserName: "chrome", "goog:chromeOptions": { ...chrome, binary: found.chromium, excludeSwitches: unlikeVisitors } },
    tab: "tab", restores: true, survivesCrash: true,
  },
  firefox: {
    driver: (port) => [found.geckodriver, ["--port", String(port)]],
    capabilities: { browserName: "firefox", "moz:firefoxOptions": { ...firefox, binary: at("tests", "engines", "firefox.sh") } },
    env: { FIREFOX: found.firefox },
    tab: "tab", restores: false, survivesCrash: true,
  },
  webkitgtk: {
    driver: (port) => [found.webkitwebdriver, [`--port=${port}`]],
    capabilities: { "webkitgtk:browserOptions": { binary: found.minibrowser, args: ["--automation"] } },
    tab: "window", restores: true, survivesCrash: false,
    // It has no mode without a screen.
    screen: true,
  },
};

/** One engine that runs, with the programs that were started for it. */
export class Engine {
  #programs = [];

  constructor(name) {
    Object.assign(this, { name, ...KINDS[name] });
  }

  async start() {
    const env = this.screen === undefined ? this.env : { DISPLAY: await this.#startScreen(), GDK_BACKEND: "x11" };
    const port = await freePort();
    const [program, args] = this.driver(port);
    const driver = this.#start(program, args, { env, stdio: "ignore" });
    const base = `http://127.0.0.1:${port}`;
    await until(() => driver.exitCode ?? command(base, "GET", "/status").catch(() => undefined), (status) => status !== undefined, `an answer of ${program}`, DRIVER_MS);
    this.session = await Session.begin(base, this.capabilities);
    await this.session.resize(...SIZE);
    this.driverPid = driver.pid;
  }

  async end() {
    await this.session?.end().catch(() => undefined); // it may be gone with what a scenario did to it
    for (const program of this.#programs) endGroup(program, "SIGKILL");
  }

  /** Brings a window back from where `minimize` put it. */
  async restore() {
    await this.session.resize(...SIZE);
  }

  #start(program, args, options) {
    assert.ok(program, `${this.name} or its driver is missing: run \`node scripts/setup.mjs\``);
    const child = start(program, args, options);
    this.#programs.push(child);
    return child;
  }

  #startScreen() {
    const screen = this.#start(found.xvfb, ["-displayfd", "1", "-screen", "0", `${SIZE.join("x")}x24`, "-nolisten", "tcp"], { stdio: ["ignore", "pipe", "ignore"] });
    return new Promise((resolve, reject) => {
      screen.once("error", reject);
      screen.once("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
      createInterface({ input: screen.stdout }).once("line", (display) => resolve(`:${display}`));
    });
  }

  /**
   * The process in which the current page lives. No engine tells, and each has its own way to share them out, so the page is made to
   * hold what can be seen from outside, and holds it from then on: the process that grew by that much is its own.
   */
  async processOfPage() {
    const before = sizes(this.driverPid);
    await this.session.run((bytes) => { window.ballast = new Uint8Array(bytes).fill(1); }, BALLAST_BYTES);
    const grown = [...sizes(this.driverPid)].filter(([pid, bytes]) => bytes - (before.get(pid) ?? 0) > 0.9 * BALLAST_BYTES).map(([pid]) => pid);
    assert.equal(grown.length, 1, `processes that grew with the page: ${grown}`);
    return grown[0];
  }
}

/** Bytes in memory of each process below `ancestor`. */
function sizes(ancestor) {
  const all = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)) {
    try {
      // The name, in brackets, may hold anything; behind it the fourth field of proc(5) is the parent, the twenty-fourth the size.
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
      all.set(pid, { parent: Number(fields[1]), bytes: Number(fields[21]) * PAGE_BYTES });
    } catch {
      // it has ended meanwhile
    }
  }
  const isBelow = (pid) => {
    for (let one = pid; one > 1; one = all.get(one)?.parent ?? 0) if (one === ancestor) return true;
    return false;
  };
  return new Map([...all].filter(([pid]) => isBelow(pid)).map(([pid, { bytes }]) => [pid, bytes]));
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
