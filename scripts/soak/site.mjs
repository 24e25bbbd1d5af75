// The site that the page of the soak is on: page, client and nothing else, of another origin than the service. A page of it may be put
// into the back/forward cache.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, relative } from "node:path";
import { at, Stop } from "../process.mjs";
import { files } from "../stamp.mjs";

const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Serves a snapshot of dist/, so that a build meanwhile changes nothing; `{ url, close }`. */
export async function serveSoak() {
  const kept = new Map([["/away.html", "<!doctype html><title>away</title><link rel=icon href=data:,>"]]);
  for (const path of files([at("dist")], (path) => path.endsWith("demo"))) {
    if (types[extname(path)] !== undefined) kept.set(`/${relative(at(), path).replaceAll("\\", "/")}`, readFileSync(path));
  }
  if (!kept.has("/dist/index.js")) throw new Stop("There is no dist/: run `npm run build`, or leave out --no-build.");
  kept.set("/bench/memory.js", readFileSync(at("bench", "memory.js")));
  for (const name of ["page.html", "page.js"]) kept.set(`/${name}`, readFileSync(at("scripts", "soak", name)));
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const body = kept.get(pathname);
    if (body === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(pathname)] }).end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((done) => (server.closeAllConnections(), server.close(done))) };
}
