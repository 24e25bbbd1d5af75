// The streams' bundle without the codes that only a chat meets: their texts are a sixth of it. They are taken out of the table as it is
// read, so that there is one table in the sources and none of its lines is written twice.

import { readFileSync } from "node:fs";

/** What a stream can meet of `www/client/errors.ts`; a test looks through the sources for others. */
export const streamCodes = [7000, 7001, 7037, 7038, 7055, 7100, 7101, 7102, 7103, 7106];

const line = /^ {2}(\d+): \[.*\],\n/gm;

/** The table's source with these codes alone. Throws when it does not have them, line by line. */
export function withCodes(source, codes) {
  const kept = new Set();
  const text = source.replaceAll(line, (entry, code) => (codes.includes(Number(code)) ? kept.add(code) && entry : ""));
  if (kept.size !== codes.length) throw new Error(`the table of codes has no ${codes.filter((code) => !kept.has(String(code))).join(", ")} any more`);
  return text;
}

/** For esbuild. */
export const onlyStreamCodes = {
  name: "only-stream-codes",
  setup(plugin) {
    plugin.onLoad({ filter: /[\\/]client[\\/]errors\.ts$/ }, ({ path }) => ({ loader: "ts", contents: withCodes(readFileSync(path, "utf8"), streamCodes) }));
  },
};
