import assert from "node:assert/strict";
import { test } from "node:test";
import { withNames, withoutSpare, withoutSpareTypes } from "./glue.mjs";

test("what is not there any more is named", () => {
  assert.throws(() => withoutSpare("export class Core {}\n"), { message: "the glue has no loading of the module any more" });
  assert.throws(() => withoutSpareTypes("export class Core {}\n"), { message: "the glue has no declared loading any more" });
});

const glue = `function imports() {
    const import0 = {
        __proto__: null,
        __wbg_now_1: () => {
            return Date.now();
        },
        __wbg_fetch_2: handleError((arg0) => {
            return arg0.fetch(wasm.memory);
        }),
    };
    return { "./core_bg.js": import0 };
}
wasm.core_send(wasm.memory);
`;
const printed = (imports, exports) => `[wasm-opt] ${JSON.stringify({ imports, exports })}\n`;

test("imports and exports get the names of the optimiser, also odd ones", () => {
  const named = withNames(glue, printed([["a", "__wbg_now_1", "$"], ["a", "__wbg_fetch_2", "$$"]], [["memory", "c"], ["core_send", "$&"]]));
  assert.match(named, /^ {8}"\$": \(\) => \{$/m);
  assert.match(named, /^ {8}"\$\$": handleError\(\(arg0\) => \{$/m);
  assert.match(named, /^wasm\["\$&"\]\(wasm\["c"\]\);$/m);
  assert.match(named, /return \{ "a": import0 \};/);
});

test("an import that the glue does not make is named", () => {
  assert.throws(() => withNames(glue, printed([["a", "__wbg_gone_3", "b"]], [])), { message: "the glue has no __wbg_gone_3 any more" });
});
