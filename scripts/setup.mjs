// Brings in what building and testing need, and says so. What is there in the right version is left alone; what is missing goes
// into `.tools/` and `node_modules/`, never anywhere else (but for browsers, which come from the system's packages).

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, at, isScript, main, need, run, say, Stop, tools, which } from "./process.mjs";

// The newest published one that reads the same lock file as the tests expect.
const wasmPackVersion = "0.15.1";
const oldestNode = 20;

/** What `npm start` and `npm run build` need. */
export async function setupBuild() {
  checkNode();
  checkRust();
  await wasmTarget();
  await nodeModules();
  await wasmBindgen();
}

/** What `npm test` needs besides. Gives back one sentence for each thing that could not be had. */
export async function setupTests() {
  await setupBuild();
  const missing = [];
  const attempt = async (work) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      say(`  ${error.message}`);
      missing.push(error.message);
    }
  };
  await attempt(rustComponents);
  // Side by side: neither of the tools keeps two processors busy, and packages are mostly waited for.
  const packages = async () => {
    await attempt(browsers);
    await attempt(webkit);
  };
  await Promise.all([attempt(wasmPack), attempt(geckodriver), packages()]);
  return missing;
}

function checkNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < oldestNode) throw new Stop(`Node ${oldestNode} or newer is needed, this is ${process.versions.node}: get it from https://nodejs.org and run this again.`);
}

function checkRust() {
  const rustc = ask("rustc", ["--version"]);
  if (rustc === undefined || which("cargo") === undefined) throw new Stop("Rust is missing: install rustup from https://rustup.rs, open a new shell and run this again.");
  const oldest = /rust-version = "([\d.]+)"/.exec(readFileSync(at("Cargo.toml"), "utf8"))?.[1];
  const version = /rustc ([\d.]+)/.exec(rustc)?.[1];
  if (oldest !== undefined && version !== undefined && isOlder(version, oldest)) throw new Stop(`Rust ${oldest} or newer is needed, this is ${version}: run \`rustup update stable\` and then this again.`);
  if (!["cc", "gcc", "clang"].some(which) && process.platform !== "win32") throw new Stop("A C compiler is missing (Rust links with it): install gcc or clang, on Debian by `apt-get install build-essential`, and run this again.");
}

function isOlder(version, than) {
  const [a, b] = [version, than].map((text) => text.split(".").map(Number));
  const first = [0, 1, 2].find((i) => (a[i] ?? 0) !== (b[i] ?? 0));
  return first !== undefined && (a[first] ?? 0) < (b[first] ?? 0);
}

async function wasmTarget() {
  const target = "wasm32-unknown-unknown";
  const sysroot = ask("rustc", ["--print", "sysroot"])?.trim() ?? "";
  if (existsSync(join(sysroot, "lib", "rustlib", target, "lib"))) return;
  if (which("rustup") === undefined) throw new Stop(`This Rust has no ${target} and there is no rustup to add it: install rustup from https://rustup.rs and run this again.`);
  say(`Adding the Rust target ${target}`);
  await need("rustup", ["target", "add", target], { show: true, why: `The Rust target ${target} could not be added: run \`rustup target add ${target}\` where the network allows it.` });
}

async function rustComponents() {
  const missing = [["rustfmt", "rustfmt"], ["clippy", "cargo-clippy"]].filter(([, program]) => ask("cargo", [program.replace("cargo-", "").replace("rustfmt", "fmt"), "--version"]) === undefined).map(([name]) => name);
  if (missing.length === 0) return;
  say(`Adding ${missing.join(" and ")}`);
  await need("rustup", ["component", "add", ...missing], { why: `${missing.join(" and ")} could not be added: run \`rustup component add ${missing.join(" ")}\`.` });
}

// Compared with the lock file itself and not with a stamp of ours: whoever ran `npm install` by hand is up to date as well.
async function nodeModules() {
  const wanted = JSON.parse(readFileSync(at("package-lock.json"), "utf8")).packages;
  const stale = Object.entries(wanted).filter(([path, entry]) => path !== "" && entry.optional !== true && installedVersion(path) !== entry.version);
  if (stale.length === 0) return;
  say("Installing the node modules (npm ci)");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  await need(npm, ["ci", "--no-audit", "--no-fund"], { why: "npm ci failed: the lines above say why." });
}

function installedVersion(path) {
  const manifest = at(path, "package.json");
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).version : undefined;
}

/** The version the lock file holds: library and tool have to be the same to the last digit. */
export function wasmBindgenVersion() {
  const version = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(readFileSync(at("Cargo.lock"), "utf8"))?.[1];
  if (version === undefined) throw new Stop("Cargo.lock names no wasm-bindgen: run `cargo metadata` once and commit the lock file.");
  return version;
}

async function wasmBindgen() {
  // Not --locked: the tool's own lock file is older than some of what it needs to build with today's compiler.
  await cargoInstall("wasm-bindgen-cli", "wasm-bindgen", wasmBindgenVersion(), []);
}

async function wasmPack() {
  await cargoInstall("wasm-pack", "wasm-pack", wasmPackVersion, ["--locked"]);
}

async function geckodriver() {
  if (which("geckodriver") !== undefined) return;
  await cargoInstall("geckodriver", "geckodriver", undefined, ["--locked"]);
}

async function cargoInstall(name, program, version, flags) {
  const there = ask(program, ["--version"])?.match(/(\d+\.\d+\.\d+)/)?.[1];
  if (there !== undefined && (version === undefined || there === version)) return;
  const what = version === undefined ? name : `${name} ${version}`;
  say(`Installing ${what} into .tools (a few minutes, once)`);
  const args = ["install", name, ...(version === undefined ? [] : ["--version", version]), ...flags];
  await need("cargo", [...args, "--root", tools, "--force"], { why: `${what} could not be installed: run \`cargo ${args.join(" ")}\` where the network allows it.` });
}

/** The browsers tests run in, where they are. */
export function findBrowsers() {
  const first = (names, places = []) => names.map(which).find((path) => path !== undefined) ?? places.find((path) => existsSync(path));
  return {
    chromium: process.env.CHROMIUM ?? first(["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"], ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]),
    chromedriver: process.env.CHROMEDRIVER ?? first(["chromedriver"], ["/usr/lib/chromium/chromedriver", "/usr/lib/chromium-browser/chromedriver"]),
    firefox: process.env.FIREFOX ?? first(["firefox", "firefox-esr"], ["/Applications/Firefox.app/Contents/MacOS/firefox"]),
    geckodriver: process.env.GECKODRIVER ?? first(["geckodriver"]),
    webkitwebdriver: process.env.WEBKITWEBDRIVER ?? first(["WebKitWebDriver"]),
    minibrowser: process.env.MINIBROWSER ?? first(["MiniBrowser"], miniBrowsers()),
    xvfb: process.env.XVFB ?? first(["Xvfb"]),
  };
}

/** The flags that every Chromium here runs with, those of `webdriver.json`; `headless`: who launches it does not say that itself. */
export function chromiumFlags({ headless = false } = {}) {
  const { args } = JSON.parse(readFileSync(at("webdriver.json"), "utf8"))["goog:chromeOptions"];
  return args.filter((flag) => headless || !flag.startsWith("--headless"));
}

/** WebKitGTK's own browser lies beside its library, off the PATH, in a folder of the processor's kind. */
function miniBrowsers() {
  const folders = ["/usr/lib", "/usr/libexec"].filter((folder) => existsSync(folder)).flatMap((folder) => [folder, ...readdirSync(folder).filter((name) => name.endsWith("-linux-gnu")).map((name) => join(folder, name))]);
  return folders.flatMap((folder) => ["webkit2gtk-4.1", "webkitgtk-6.0"].map((library) => join(folder, library, "MiniBrowser")));
}

async function browsers() {
  const { chromium, chromedriver, firefox } = findBrowsers();
  await systemPackages([chromium === undefined && "chromium", chromedriver === undefined && "chromium-driver", firefox === undefined && "firefox-esr"]);
}

/** Apart from the others: a system that has no package of it shall have those all the same. */
async function webkit() {
  const { webkitwebdriver, minibrowser, xvfb } = findBrowsers();
  // MiniBrowser comes with the library that the driver needs.
  await systemPackages([(webkitwebdriver === undefined || minibrowser === undefined) && "webkit2gtk-driver", xvfb === undefined && "xvfb"]);
}

async function systemPackages(wanted) {
  const packages = wanted.filter(Boolean);
  if (packages.length === 0) return;
  const names = packages.join(" ");
  if (which("apt-get") === undefined) throw new Stop(`The browser tests need ${packages.join(", ")} on the PATH: install them and run this again.`);
  const asRoot = process.getuid?.() === 0 ? [] : ask("sudo", ["-n", "true"]) !== undefined ? ["sudo", "-n"] : undefined;
  const sentence = `The browser tests need ${packages.join(", ")}: run \`sudo apt-get install -y ${names}\`.`;
  if (asRoot === undefined) throw new Stop(sentence);
  say(`Installing ${packages.join(", ")} (apt-get)`);
  const apt = (...args) => {
    const [program, ...rest] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
    return run(program, rest, { quiet: true });
  };
  let done = await apt("install", "-y", "--no-install-recommends", ...packages);
  if (done.code !== 0) {
    await apt("update"); // the list may be old or, in a bare image, missing
    done = await apt("install", "-y", "--no-install-recommends", ...packages);
  }
  if (done.code !== 0) throw new Stop(sentence);
}

if (isScript(import.meta.url)) {
  await main(async () => {
    const missing = await setupTests();
    say(missing.length === 0 ? "Everything is there." : "");
    process.exitCode = missing.length === 0 ? 0 : 1;
  });
}
