// The package as others get it: `npm pack`, installed into an empty folder, then imported in Node without a DOM, type-checked, built by
// Vite, and run from a classic <script>. Each of these but the types sends a message over either protocol and sees the service
// acknowledge it.
// Needs `dist/`, the simulator's program in SIMULATOR_BIN and a Chromium in CHROMIUM; `npm test -- --only package` brings them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";
import { at, need, run } from "./process.mjs";
import { chromiumFlags } from "./setup.mjs";
import { freePort, startSimulator } from "./simulator.mjs";

const deadlineMs = 20_000;
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

/** The two protocols, and how a page has its tokens: from the site's own backend, which here is the simulator's. */
const protocols = [
  { protocol: "guest", name: "the guest API", files: [] },
  { protocol: "session", name: "the session protocol", files: ["core-session-inline", "glue-session"] },
];
const tokenUrl = () => `${simulator.url}/demo-backend/token`;
/** What of a page's requests is of the session protocol, by name and without what a bundler adds to it. */
const ofSession = (paths) => paths.map((path) => /([a-z-]*session[a-z-]*?)(?:-[\w-]{8})?\.(?:js|wasm)$/.exec(path)?.[1]).filter((name) => name !== undefined).sort();

const consumer = mkdtempSync(join(tmpdir(), "guestwire-package-"));
const installed = join(consumer, "node_modules", "guestwire");
const put = (name, content) => writeFileSync(join(consumer, name), content);
let simulator;
let site;
let browser;

before(async () => {
  await need(npm, ["pack", "--pack-destination", consumer]);
  const tarball = readdirSync(consumer).find((name) => name.endsWith(".tgz"));
  put("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }));
  await need(npm, ["install", "--offline", "--no-audit", "--no-fund", `./${tarball}`], { cwd: consumer });
  simulator = await startSimulator(process.env.SIMULATOR_BIN, { bot: "silent" });
  site = await serve(consumer);
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: chromiumFlags() });
});

after(async () => {
  await browser?.close();
  await new Promise((done) => (site === undefined ? done() : site.server.close(done)));
  await simulator?.close();
  rmSync(consumer, { recursive: true, force: true });
});

test("the tarball holds what a site needs and nothing else", () => {
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  assert.deepEqual(Object.keys(manifest.dependencies ?? {}), [], "no runtime dependencies");
  for (const script of ["preinstall", "install", "postinstall", "prepare"]) assert.equal(manifest.scripts?.[script], undefined, `no ${script} script`);
  for (const name of ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "dist/third-party-licences.txt"]) assert.ok(existsSync(join(installed, name)), name);
  const targets = Object.values(manifest.exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)));
  for (const target of targets) assert.ok(existsSync(join(installed, target)), `${target} is exported and there`);
  for (const file of manifest.sideEffects) assert.ok(existsSync(join(installed, file)), `${file} has side effects and is there`);
  const all = readdirSync(installed, { recursive: true }).map(String);
  assert.deepEqual(all.filter((name) => name.endsWith(".map") || name.includes("demo") || name.endsWith(".test.js")), []);
});

test("every entry can be imported in Node without a DOM", async () => {
  put("entries.mjs", 'for (const entry of ["guestwire", "guestwire/define", "guestwire/slim", "guestwire/streams"]) await import(entry);\nconsole.log("imported");\n');
  const { code, output } = await run(process.execPath, ["entries.mjs"], { cwd: consumer, quiet: true });
  assert.equal(output.trim(), "imported");
  assert.equal(code, 0);
});

test("Node sends a message over a socket of its own and sees it acknowledged", async () => {
  const text = `from Node ${randomUUID()}`;
  put("node.mjs", `
    import { GuestClient } from "guestwire";
    import WebSocket from ${JSON.stringify(pathToFileURL(at("node_modules", "ws", "wrapper.mjs")).href)};
    const client = new GuestClient({
      deploymentId: ${JSON.stringify(randomUUID())}, endpoint: ${JSON.stringify(simulator.url)}, storage: "memory",
      createSocket: (url) => new WebSocket(url),
    });
    client.on("error", (error) => console.error(error));
    const receipt = client.send(${JSON.stringify(text)});
    await client.start();
    console.log(JSON.stringify(await receipt.done));
    await client.stop();
  `);
  const { code, output } = await run(process.execPath, ["node.mjs"], { cwd: consumer, quiet: true, timeoutMs: deadlineMs });
  assert.equal(code, 0, output);
  const { serverId } = JSON.parse(output.trim().split("\n").at(-1));
  assert.equal(await storedAs(text), serverId);
});

test("Node, a trusted host with a secret of its own, sends one over the session protocol with a module that it brings itself", async () => {
  const text = `from Node ${randomUUID()}`;
  put("session.mjs", `
    import { readFile } from "node:fs/promises";
    import { createRequire } from "node:module";
    import { GuestClient, initGuestwire } from "guestwire/slim";
    import WebSocket from ${JSON.stringify(pathToFileURL(at("node_modules", "ws", "wrapper.mjs")).href)};
    initGuestwire(readFile(createRequire(import.meta.url).resolve("guestwire/core-session.wasm")));
    const client = new GuestClient({
      deploymentId: ${JSON.stringify(randomUUID())}, endpoint: ${JSON.stringify(simulator.url)}, storage: "memory",
      protocol: "session", token: { clientId: "a host", clientSecret: "its secret" },
      createSocket: (url) => new WebSocket(url),
    });
    client.on("error", (error) => console.error(error));
    const receipt = client.send(${JSON.stringify(text)});
    await client.start();
    console.log(JSON.stringify(await receipt.done));
    await client.stop();
  `);
  const { code, output } = await run(process.execPath, ["session.mjs"], { cwd: consumer, quiet: true, timeoutMs: deadlineMs });
  assert.equal(code, 0, output);
  const { serverId } = JSON.parse(output.trim().split("\n").at(-1));
  assert.equal(await storedAs(text), serverId);
});

for (const [name, module] of [["inlined", ""], ["that it brings itself", 'initStreams(readFile(createRequire(import.meta.url).resolve("guestwire/core-streams.wasm")));']]) {
  test(`Node hears of an interaction over a stream with a module ${name}`, async () => {
    const deploymentId = randomUUID();
    put("streams.mjs", `
      import { readFile } from "node:fs/promises";
      import { createRequire } from "node:module";
      import { InteractionStream, initStreams } from "guestwire/streams";
      import WebSocket from ${JSON.stringify(pathToFileURL(at("node_modules", "ws", "wrapper.mjs")).href)};
      ${module}
      const stream = new InteractionStream({
        endpoint: ${JSON.stringify(simulator.url)}, token: { url: ${JSON.stringify(`${tokenUrl()}?deploymentId=${deploymentId}`)} },
        createSocket: (url) => new WebSocket(url),
      });
      stream.on("event", async ({ participant }) => {
        console.log(participant);
        await stream.stop();
      });
      await stream.start();
      const event = { timestamp: new Date().toISOString(), type: "ParticipantJoined", participant: "somebody", interaction: "i", channel: "voice" };
      await fetch(${JSON.stringify(`${simulator.url}/_sim/stream`)}, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ deploymentId: ${JSON.stringify(deploymentId)}, to: "interactions", events: [event] }) });
    `);
    const { code, output } = await run(process.execPath, ["streams.mjs"], { cwd: consumer, quiet: true, timeoutMs: deadlineMs });
    assert.equal(output.trim(), "somebody");
    assert.equal(code, 0);
  });
}

/** The examples of a text, of `## heading` alone if there is one. */
const examples = (text, heading) => {
  const part = heading === undefined ? text : new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## )`, "m").exec(text)[1];
  return [...part.matchAll(/```js\n([\s\S]*?)```/g)].map(([, program]) => program);
};
/** Those of the streams, and what each prints when it hears of a day of the simulator's contact centre. */
const ofStreams = () => [...examples(readFileSync(join(installed, "README.md"), "utf8"), "Streams"), ...examples(readFileSync(at("docs", "streams.md"), "utf8"))];
const printed = [
  [/^[A-Z]\w+ \S+ (true|false) \d+$/m, /^connected 0$/m],
  [/^(customer|.+ \(agent\)) (true|false) \d+$/m],
  [/^\S+ \S+ (online|busy)$/m, /^posted presence\.changed$/m],
  [/^\d+ \d+ [\d.]+$/m],
  [/^Participant(Joined|Left) .+ \S+$/m],
  [/^\S+ \S+ [a-z-]+ (true|false)$/m, /"stream":"presence","action":"CONNECTED"/],
  [/^ready$/m, /^\d+ 0$/m, /"stream":"conversations","action":"STOPPED"/, /^ended 0$/m],
];

test("each example of the streams has the types that it says", async () => {
  const programs = ofStreams();
  assert.equal(programs.length, printed.length, "an example, and what it prints");
  put("host.d.ts", 'declare module "ws" { const WebSocket: any; export default WebSocket; }\ndeclare const process: { env: Record<string, string> };\n');
  programs.forEach((program, n) => put(`example-${n}.js`, program));
  const flags = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--types", ""];
  const { code, output } = await run("tsc", [...flags, "host.d.ts", ...programs.map((_, n) => `example-${n}.js`)], { cwd: consumer, quiet: true });
  assert.equal(output.trim(), "");
  assert.equal(code, 0);
});

test("each example of the streams runs, and tells what is going on", async (t) => {
  const socket = JSON.stringify(pathToFileURL(at("node_modules", "ws", "wrapper.mjs")).href);
  put("host.mjs", `import WebSocket from ${socket};\nglobalThis.WebSocket ??= WebSocket;\n`);
  const control = async (path, body) => assert.ok((await fetch(`${simulator.url}/_sim/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).ok, path);
  for (const [n, program] of ofStreams().entries()) {
    await t.test(`${n + 1}, ${/new (\w+)/.exec(program)[1]}`, async () => {
      const deploymentId = randomUUID();
      let output = "";
      let heard;
      const wanted = new Promise((resolve) => (heard = () => printed[n].every((line) => line.test(output)) && resolve()));
      const hear = (text) => ((output += text), heard());
      const hook = createServer((request, response) => {
        let body = "";
        request.on("data", (chunk) => (body += chunk)).on("end", () => (response.writeHead(204).end(), hear(`posted ${JSON.parse(body).eventType}\n`)));
      });
      await new Promise((done) => hook.listen(0, "127.0.0.1", done));
      const here = program
        .replaceAll(/\b(domain|region|environment): "[^"]*"/g, `endpoint: "${simulator.url}"`)
        .replaceAll('"https://streams.example.com"', `"${simulator.url}"`)
        .replaceAll('"/token"', `"${tokenUrl()}?deploymentId=${deploymentId}"`)
        .replaceAll('"https://crm.example.com/presence"', `"http://127.0.0.1:${hook.address().port}/presence"`)
        .replaceAll('"ws"', socket);
      put(`example-${n}.mjs`, here);
      // A deployment with switches of its own is known by a client's id as well.
      await control("set", { deploymentId, accessTokenSeconds: 3_600 });
      await control("scenario", { deploymentId, do: "play", ratePerSecond: 300 });
      const child = spawn(process.execPath, ["--import", "./host.mjs", `example-${n}.mjs`], { cwd: consumer, env: { ...process.env, CLIENT_ID: deploymentId, CLIENT_SECRET: "a secret" } });
      let late;
      try {
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", hear);
        child.on("exit", (code) => hear(`ended ${code}\n`));
        await Promise.race([wanted, new Promise((_, fail) => (late = setTimeout(() => fail(new Error(`not all of ${printed[n].join(" ")} in\n${output.slice(0, 2_000)}`)), deadlineMs)))]);
      } finally {
        clearTimeout(late);
        child.kill();
        hook.closeAllConnections();
        hook.close();
        await control("scenario", { deploymentId, do: "stop" });
      }
    });
  }
});

test("the backend of the README gives tokens that a message is sent with, and keeps its secret", async () => {
  const readme = readFileSync(join(installed, "README.md"), "utf8");
  const program = /`token\.mjs`[\s\S]*?```js\n([\s\S]*?)```/.exec(readme)?.[1];
  put("token.mjs", program);
  const secret = "a secret: 100% & more";
  const backend = async (settings, work) => {
    const port = await freePort(18_700);
    const child = spawn(process.execPath, ["token.mjs"], { cwd: consumer, env: { ...process.env, LOGIN: simulator.url, CLIENT_ID: "a site", PORT: String(port), ...settings }, stdio: "inherit" });
    const url = `http://127.0.0.1:${port}/token`;
    try {
      // It says nothing when it is there: it is asked until it answers.
      for (let answered = false; !answered && child.exitCode === null;) answered = await fetch(url).then(() => true, () => new Promise((again) => setTimeout(again, 50, false)));
      await work(url);
    } finally {
      child.kill();
    }
  };
  const told = async (url, method = "POST") => {
    const response = await fetch(url, { method });
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("access-control-allow-origin"), null);
    return [response.status, await response.text()];
  };
  await backend({ CLIENT_SECRET: secret }, async (url) => {
    const [status, body] = await told(url);
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(JSON.parse(body)), ["access_token", "expires_in"]);
    assert.ok(!body.includes("secret"));
    assert.deepEqual(await told(url, "GET"), [404, "{}"]);
    assert.deepEqual(await told(`${url}s`), [404, "{}"]);
    const text = `by the README ${randomUUID()}`;
    put("by-url.mjs", `
      import { GuestClient } from "guestwire";
      import WebSocket from ${JSON.stringify(pathToFileURL(at("node_modules", "ws", "wrapper.mjs")).href)};
      const client = new GuestClient({
        deploymentId: ${JSON.stringify(randomUUID())}, endpoint: ${JSON.stringify(simulator.url)}, storage: "memory",
        protocol: "session", token: { url: ${JSON.stringify(url)} }, createSocket: (url) => new WebSocket(url),
      });
      const receipt = client.send(${JSON.stringify(text)});
      await client.start();
      console.log((await receipt.done).serverId);
      await client.stop();
    `);
    const { code, output } = await run(process.execPath, ["by-url.mjs"], { cwd: consumer, quiet: true, timeoutMs: deadlineMs });
    assert.equal(code, 0, output);
    assert.equal(await storedAs(text), output.trim());
  });
  await backend({ CLIENT_SECRET: "wrong" }, async (url) => assert.deepEqual(await told(url), [401, "{}"]));
  await backend({ CLIENT_SECRET: secret, LOGIN: "http://127.0.0.1:1" }, async (url) => assert.deepEqual(await told(url), [503, "{}"]));
});

test("TypeScript finds the types of every entry", async () => {
  put("types.ts", `
    import { GuestClient, type ConnectionState, type Message, type TokenSource } from "guestwire";
    import "guestwire/define";
    import { initGuestwire } from "guestwire/slim";
    import { ConversationEvents, InteractionStream, LatencyMonitor, PresenceMultiplexer, initStreams, type PresenceUpdate, type Sample, type StreamError, type StreamState, type Timeline } from "guestwire/streams";
    const client: GuestClient = new GuestClient({ deploymentId: "d", region: "mypurecloud.com" });
    const token: TokenSource = async () => ({ access_token: "t", expires_in: 60 });
    void new GuestClient({ deploymentId: "d", endpoint: "https://api.example.com", protocol: "session", token });
    // @ts-expect-error a source that does not exist
    new GuestClient({ deploymentId: "d", endpoint: "https://api.example.com", protocol: "session", token: { uri: "/token" } });
    const state: ConnectionState = client.state;
    const messages: readonly Message[] = client.messages;
    client.on("message", ({ message, index }) => { const text: string | undefined = message.text; const at: number = index; void [text, at]; });
    // @ts-expect-error an option that does not exist
    new GuestClient({ deploymentId: "d", colour: "red" });
    void [state, messages, initGuestwire];

    const common = { endpoint: "https://api.example.com", token };
    const monitor = new LatencyMonitor({ ...common, connectionId: "monitor-1", apm: (sample: Sample) => void sample.latencyMs });
    monitor.on("threshold", ({ what, over }) => { const which: "latency" | "jitter" = what; void [which, over]; });
    void [new LatencyMonitor({ source: client }), new LatencyMonitor({ source: monitor })];
    // @ts-expect-error a monitor is attached, or has a name
    new LatencyMonitor(common);
    const events = new ConversationEvents({ ...common, health: { url: "/health" } });
    events.on("event", async ({ event, late }) => { const id: string = event.id; await Promise.resolve([id, late, event.data?.["anything"]]); });
    const interactions = new InteractionStream({ ...common, channels: ["voice"] });
    const timeline: Timeline = interactions.timeline("i");
    // @ts-expect-error a channel that does not exist
    interactions.subscribe({ channels: ["fax"] });
    const presence = new PresenceMultiplexer({ ...common, channels: [{ id: "c", type: "presence", config: { presenceTypes: ["online"] } }] });
    presence.register("desk", { handler: async (update: PresenceUpdate) => { await Promise.resolve(update.payload); } });
    presence.on("error", (error: StreamError) => { const detail: string | undefined = error.detail; void detail; });
    // @ts-expect-error an event that another class has
    presence.on("timeline", () => {});
    const stands: StreamState = presence.state;
    if (stands.name === "ended") { const why: "notAllowed" | "policy" | "gaveUp" = stands.reason; void why; }
    void [timeline, initStreams];
  `);
  const flags = ["--noEmit", "--strict", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--types", ""];
  const { code, output } = await run("tsc", [...flags, "types.ts"], { cwd: consumer, quiet: true });
  assert.equal(output.trim(), "");
  assert.equal(code, 0);
});

test("a page built by Vite registers the element, sends a message and sees it acknowledged", async (t) => {
  const folder = join(consumer, "vite");
  mkdirSync(folder);
  put("vite/index.html", '<!doctype html><html lang="en"><title>Vite</title><script type="module" src="./main.js"></script></html>');
  put("vite/main.js", `
    import { GuestClient } from "guestwire";
    import "guestwire/define";
    const options = new URLSearchParams(location.search);
    const client = new GuestClient({
      deploymentId: options.get("deployment"), endpoint: options.get("endpoint"), protocol: options.get("protocol"), token: options.has("token") ? { url: options.get("token") } : undefined,
    });
    const receipt = client.send(options.get("text"));
    client.start().then(() => receipt.done).then(({ serverId }) => {
      document.documentElement.dataset.serverId = serverId;
      document.documentElement.dataset.element = String(customElements.get("guestwire-chat") !== undefined);
    });
  `);
  await build({ root: folder, base: "./", logLevel: "error", configFile: false, build: { outDir: join(folder, "out") } });
  for (const { protocol, name, files } of protocols) {
    await t.test(`over ${name}`, async () => {
      const text = `from Vite ${randomUUID()}`;
      const query = new URLSearchParams({ deployment: randomUUID(), endpoint: simulator.url, protocol, text, ...(protocol === "session" && { token: tokenUrl() }) });
      await withPage(`${site.url}/vite/out/index.html?${query}`, async (page, paths) => {
        await page.waitForFunction(() => document.documentElement.dataset.serverId !== undefined, undefined, { timeout: deadlineMs });
        assert.equal(await storedAs(text), await page.evaluate(() => document.documentElement.dataset.serverId));
        assert.equal(await page.evaluate(() => document.documentElement.dataset.element), "true");
        assert.deepEqual(ofSession(paths), files, "a page fetches what it speaks and no more");
      });
    });
  }
});

for (const { protocol, name, files } of protocols) {
  test(`a classic <script> under a strict policy opens the chat, sends what is typed over ${name} and sees it acknowledged`, async () => {
    const tokens = protocol === "session" ? ` data-protocol="session" data-token-url="${tokenUrl()}"` : "";
    const attributes = `data-deployment-id="${randomUUID()}" data-endpoint="${simulator.url}"${tokens} data-open`;
    put(`classic-${protocol}.html`, `<!doctype html><html lang="en"><title>Classic</title><body><h1>A page</h1><script async src="/node_modules/guestwire/dist/guestwire.js" ${attributes}></script></body></html>`);
    const text = `from a classic script ${randomUUID()}`;
    await withPage(`${site.url}/classic-${protocol}.html`, async (page, paths) => {
      const composer = page.locator("guestwire-chat").getByRole("textbox");
      await composer.fill(text, { timeout: deadlineMs });
      await composer.press("Enter");
      const sent = await page.waitForFunction(
        (typed) => document.querySelector("guestwire-chat").client.messages.find((message) => message.text === typed && message.status === "sent")?.serverId,
        text,
        { timeout: deadlineMs },
      );
      assert.equal(await storedAs(text), await sent.jsonValue());
      assert.deepEqual(ofSession(paths), files, "a page fetches what it speaks and no more");
    });
  });
}

/** The id under which the service stored this text; it stands there once. */
async function storedAs(text) {
  const sessions = await (await fetch(`${simulator.url}/_sim/sessions`)).json();
  const list = Array.isArray(sessions) ? sessions : (sessions.sessions ?? Object.values(sessions));
  const found = list.flatMap((session) => session.messages).filter((message) => message.text === text);
  assert.equal(found.length, 1, `stored ${found.length} times`);
  return found[0].serverId;
}

/** Opens a page and fails on anything it complains about. `work` is given the page and the paths that it fetches of its own site. */
async function withPage(url, work) {
  const page = await browser.newPage();
  const complaints = [];
  const paths = [];
  page.on("request", (request) => request.url().startsWith(site.url) && paths.push(new URL(request.url()).pathname));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
  try {
    await page.goto(url);
    await work(page, paths);
  } catch (error) {
    if (complaints.length > 0) error.message += `\nthe page said: ${complaints.join("\n")}`;
    throw error;
  } finally {
    await page.close();
  }
  assert.deepEqual(complaints, []);
}

/** A site that serves `folder` under a strict policy and allows the connection to the simulator alone. */
async function serve(folder) {
  const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".json": "application/json" };
  const connect = `${simulator.url} ${simulator.url.replace(/^http/, "ws")}`;
  const policy = `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src ${connect}; require-trusted-types-for 'script'; trusted-types 'none'`;
  const server = createServer((request, response) => {
    const file = join(folder, normalize(decodeURIComponent(new URL(request.url, "http://site").pathname)));
    if (request.url === "/favicon.ico") response.writeHead(204).end();
    else if (!file.startsWith(folder) || !existsSync(file)) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", "content-security-policy": policy }).end(readFileSync(file));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}
