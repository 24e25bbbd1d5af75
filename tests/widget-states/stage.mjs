// Builds the states page into a temporary folder and serves it under the strictest policy the element claims to pass. The
// element is given a scripted client, so the real one is left out of the bundle.

import { createServer } from "node:http";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const www = join(here, "..", "..", "www");
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript" };

/** No inline script or style, nothing from elsewhere, no Trusted Types policy: whatever needs one fails. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const withoutClient = {
  name: "without the client",
  setup(bundle) {
    bundle.onResolve({ filter: /client\/index\.js$/ }, () => ({ path: "client", namespace: "none" }));
    bundle.onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export class GuestClient { constructor() { throw new Error('the states page has its own client'); } }" }));
  },
};

export async function serveStates() {
  const folder = mkdtempSync(join(tmpdir(), "guestwire-states-"));
  const common = { bundle: true, target: "es2022", jsx: "automatic", jsxImportSource: "preact", plugins: [withoutClient], outdir: folder, logLevel: "silent" };
  await build({ ...common, entryPoints: [join(here, "states.ts"), { in: join(www, "widget", "define.ts"), out: "define" }].map((entry) => (typeof entry === "string" ? { in: entry, out: "states" } : entry)), format: "esm" });
  await build({ ...common, entryPoints: [{ in: join(www, "loader", "guestwire.ts"), out: "guestwire" }], format: "iife" });
  for (const file of ["index.html", "loader.html", "page.css"]) copyFileSync(join(here, file), join(folder, file));

  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://states").pathname.slice(1) || "index.html";
    if (path === "favicon.ico") return void response.writeHead(204).end();
    try {
      const body = readFileSync(join(folder, path.replaceAll("..", "")));
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream", "content-security-policy": POLICY });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    async close() {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

/** Starts listening to every live region, or to those of a selector; gives back what has been said since. What is said does not stay. */
export async function listen(page, regions = "[data-live]") {
  await page.evaluate((selector) => {
    window.said = [];
    for (const region of window.chat.shadowRoot.querySelectorAll(selector)) {
      new MutationObserver((records) => {
        for (const record of records) for (const node of record.addedNodes) window.said.push(`${region.dataset.live}: ${node.textContent}`);
      }).observe(region, { childList: true, subtree: true, characterData: true });
    }
  }, regions);
  return () => page.evaluate(() => window.said);
}
