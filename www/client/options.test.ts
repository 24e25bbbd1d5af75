import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { GuestOptions } from "./api.js";
import { GuestwireError } from "./errors.js";
import { checkOptions, plainOptions } from "./options.js";

const session = { deploymentId: "d1", endpoint: "https://service.test", protocol: "session", token: { url: "/token" } };
const grant = { clientId: "id", clientSecret: "secret" };

/** What options are refused with; undefined if they are taken. */
function refusal(given: object): [code: number, field: string | undefined] | undefined {
  try {
    checkOptions({ ...session, ...given } as GuestOptions);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof GuestwireError, String(error));
    return [error.code, error.field];
  }
}

function onPageOf(origin: string): void {
  Object.assign(globalThis, { origin });
}
afterEach(() => void Reflect.deleteProperty(globalThis, "origin"));

test("the session protocol needs an endpoint", () => {
  assert.equal(refusal({}), undefined);
  assert.deepEqual(refusal({ endpoint: undefined }), [7000, "region"], "neither is given");
  assert.deepEqual(refusal({ endpoint: undefined, region: "mypurecloud.com" }), [7000, "endpoint"]);
});

test("it has no attributes", () => {
  assert.deepEqual(refusal({ attributes: { plan: "gold" } }), [7038, "attributes"]);
  assert.equal(refusal({ protocol: "guest", attributes: { plan: "gold" } }), undefined);
});

test("a token comes from a function, a URL or a client of its own", () => {
  for (const token of [async () => ({ access_token: "t", expires_in: 60 }), { url: "/token" }, { url: "https://backend.test/token" }, grant]) {
    assert.equal(refusal({ token }), undefined, JSON.stringify(token));
  }
});

test("anything else is refused by name", () => {
  const wrong = [undefined, null, "t", 7, {}, { url: "" }, { url: 7 }, { url: new URL("https://backend.test/token") }, { clientId: "id" }, { clientSecret: "secret" }, { clientId: "", clientSecret: "secret" }, { url: "/token", ...grant }, { url: "/token", clientId: "id" }];
  for (const token of wrong) assert.deepEqual(refusal({ token }), [7000, "token"], JSON.stringify(token));
});

test("the guest API asks for no token", () => {
  assert.equal(refusal({ protocol: "guest", token: undefined }), undefined);
  assert.equal(refusal({ protocol: undefined, token: undefined }), undefined);
});

test("a client secret in an https page is refused unless that is asked for by name", () => {
  onPageOf("https://shop.test");
  assert.deepEqual(refusal({ token: grant }), [7106, "token"]);
  assert.deepEqual(refusal({ token: { ...grant, allowSecretInPage: "yes" } }), [7106, "token"]);
  assert.equal(refusal({ token: { ...grant, allowSecretInPage: true } }), undefined);
  assert.equal(refusal({ token: { url: "/token" } }), undefined);
  onPageOf("http://127.0.0.1:8787");
  assert.equal(refusal({ token: grant }), undefined);
});

test("what is wrong with the grant comes before where it stands", () => {
  onPageOf("https://shop.test");
  assert.deepEqual(refusal({ token: { clientId: "id" } }), [7000, "token"]);
});

test("the core is handed the source of tokens as it is, and of a function nothing", () => {
  const handed = (token: GuestOptions["token"]): unknown => (JSON.parse(plainOptions({ ...session, token } as GuestOptions)) as { token?: unknown }).token;
  assert.deepEqual(handed({ url: "/token" }), { url: "/token" });
  assert.deepEqual(handed(grant), grant);
  assert.equal(handed(async () => ({ access_token: "t", expires_in: 60 })), undefined);
});

test("on the guest API a token is looked at as well, for it settles what the session protocol left", () => {
  assert.equal(refusal({ protocol: "guest" }), undefined);
  assert.deepEqual(refusal({ protocol: "guest", token: {} }), [7000, "token"]);
  assert.equal(refusal({ protocol: "guest", token: undefined }), undefined);
  onPageOf("https://shop.test");
  assert.deepEqual(refusal({ protocol: "guest", token: grant }), [7106, "token"]);
});
