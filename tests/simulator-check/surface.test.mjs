// §10 "HTTP/WS surface", §1.3 handshake, §1.4 deployment config, CORS of simulator.md.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Room, firstLine, http, randomUUID, url, wsUrl } from "./harness.mjs";

const configPath = (id) => `/webdeployments/v1/deployments/${id}/config.json`;
const domainsPath = (id) => `/webdeployments/v1/deployments/${id}/domains.json`;

test("the first line on standard output is the url as JSON", () => {
  const line = JSON.parse(firstLine);
  assert.deepEqual(Object.keys(line), ["url"]);
  assert.match(line.url, /^http:\/\/[^/]+:\d+$/);
});

test("§1.4 config.json has every required field with its type", async (t) => {
  const room = new Room(t);
  const response = await http(configPath(room.deploymentId));
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^application\/json/);
  const config = await response.json();
  assert.equal(config.id, room.deploymentId);
  assert.equal(typeof config.version, "string");
  assert.ok(config.languages.length > 0 && config.languages.every((language) => typeof language === "string"));
  assert.ok(config.languages.includes(config.defaultLanguage));
  assert.equal(new URL(config.apiEndpoint).origin, url);
  assert.equal(config.status, "Active");
  assert.equal(typeof config.auth.enabled, "boolean");
  assert.equal(typeof config.auth.allowSessionUpgrade, "boolean");
  assert.equal(typeof config.journeyEvents.enabled, "boolean");
  assert.equal(config.messenger.enabled, true);
  assert.match(config.messenger.styles.primaryColor, /^#[0-9a-f]{6}$/i);
  assert.ok(["On", "Off", "OnDemand"].includes(config.messenger.launcherButton.visibility));
  assert.equal(typeof config.messenger.fileUpload, "object");
  for (const mode of config.messenger.fileUpload.modes ?? []) assert.ok(Number.isInteger(mode.maxFileSizeKB));
  const { conversations } = config.messenger.apps;
  assert.ok(conversations.messagingEndpoint.startsWith(wsUrl));
  assert.equal(typeof conversations.showAgentTypingIndicator, "boolean");
  assert.equal(typeof conversations.showUserTypingIndicator, "boolean");
  assert.equal(typeof conversations.autoStart.enabled, "boolean");
  assert.equal(typeof conversations.conversationDisconnect.enabled, "boolean");
  assert.ok(["ReadOnly", "Send"].includes(conversations.conversationDisconnect.type));
  assert.equal(typeof conversations.conversationClear.enabled, "boolean");
  assert.equal(typeof conversations.notifications.enabled, "boolean");
  assert.ok(["IncludeMessagesContent", "ExcludeMessagesContent"].includes(conversations.notifications.notificationContentType));
  assert.equal(typeof conversations.markdown.enabled, "boolean");
  assert.equal(typeof conversations.humanize.enabled, "boolean");
  assert.ok(!JSON.stringify(config).includes("null"));
});

test("a deploymentId that starts with missing has no config: 404", async () => {
  assert.equal((await http(configPath(`missing-${randomUUID()}`))).status, 404);
});

test("a deploymentId that starts with inactive has status Inactive", async () => {
  const response = await http(configPath(`inactive-${randomUUID()}`));
  assert.equal(response.status, 200);
  assert.equal((await response.json()).status, "Inactive");
});

test("a deploymentId that starts with malformed has a config that is not JSON", async () => {
  const response = await http(configPath(`malformed-${randomUUID()}`));
  assert.equal(response.status, 200);
  const body = await response.text();
  assert.throws(() => JSON.parse(body), SyntaxError);
});

test("a deploymentId that starts with refused has a fine config and its upgrade answers 403", async (t) => {
  const room = new Room(t, "refused-");
  assert.equal((await room.config()).status, "Active");
  assert.equal((await room.refusal()).status, 403);
});

test("§1.3 the upgrade of an unknown deployment answers 403", async (t) => {
  assert.equal((await new Room(t, "missing-").refusal()).status, 403);
});

test("§1.3 the upgrade of an inactive deployment answers 403", async (t) => {
  assert.equal((await new Room(t, "inactive-").refusal()).status, 403);
});

test("§10 the upgrade without a deploymentId is refused", async (t) => {
  const { status } = await new Room(t).refusal({ path: "/v1?application=simulator-check-1" });
  assert.ok(status === 403 || status === 400, `status ${status}`);
});

test("§1.3 the upgrade takes deploymentId alone, with application, with an Origin and with a deploymentId header", async (t) => {
  const room = new Room(t);
  const id = encodeURIComponent(room.deploymentId);
  const variants = [
    { path: `/v1?deploymentId=${id}` },
    { path: `/v1?application=${encodeURIComponent("MessengerSDK-1.0/TransportSDK-2.14.0")}&deploymentId=${id}` },
    { origin: "https://shop.example.com" },
    { headers: { deploymentId: room.deploymentId } },
  ];
  for (const variant of variants) {
    const guest = await room.connect(variant);
    assert.equal(guest.socket.protocol, "", "no subprotocol (§0)");
    assert.equal((await guest.configure()).class, "SessionResponse");
    await guest.close();
  }
});

test("§1.3 query values are URL-encoded: the deploymentId is the decoded one", async (t) => {
  const room = new Room(t, "dé ploy+&=");
  await room.set({ allowedDomains: ["example.com"] });
  assert.equal((await room.refusal({ origin: "https://elsewhere.test" })).status, 403);
  const guest = await room.guest({ origin: "https://example.com" });
  assert.equal(guest.session.newSession, true);
});

test("§5.4 a WebSocket ping is answered by a pong with its payload", async (t) => {
  const guest = await new Room(t).connect();
  const pong = new Promise((settle) => guest.socket.once("pong", (payload) => settle(payload.toString())));
  guest.socket.ping("15 s");
  assert.equal(await pong, "15 s");
});

test("§0 close 1000 is answered by close 1000", async (t) => {
  const guest = await new Room(t).guest();
  assert.equal((await guest.close()).code, 1000);
});

test("§1.1 domains.json says which sites may embed", async (t) => {
  const room = new Room(t);
  const response = await http(domainsPath(room.deploymentId));
  assert.equal(response.status, 200);
  const domains = await response.json();
  assert.equal(domains.allowAllDomains, true);
  assert.ok(Array.isArray(domains.allowedDomains));
});

test("§10 Origin allow-list: an Origin that is not on it gets 403 on the upgrade", async (t) => {
  const room = new Room(t);
  await room.set({ allowedDomains: ["example.com"] });
  const domains = await (await http(domainsPath(room.deploymentId))).json();
  assert.deepEqual(domains, { allowAllDomains: false, allowedDomains: ["example.com"] });
  assert.equal((await room.refusal({ origin: "https://elsewhere.test" })).status, 403);
  assert.equal((await room.refusal({ origin: "https://notexample.com" })).status, 403);
  assert.equal((await room.refusal({ origin: "https://example.com" })).status, 101);
});

const CORS_PATHS = [
  ["config.json", () => configPath(randomUUID()), 200],
  ["config.json that is missing", () => configPath(`missing-${randomUUID()}`), 404],
  ["domains.json", () => domainsPath(randomUUID()), 200],
  ["the history without a JWT", () => "/api/v2/webmessaging/messages?pageNumber=1&pageSize=25", 401],
];

for (const [name, path, status] of CORS_PATHS) {
  test(`CORS: ${name} (${status}) allows every origin and exposes nothing`, async () => {
    const response = await http(path(), { headers: { origin: "https://shop.example.com" } });
    assert.equal(response.status, status);
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    assert.equal(response.headers.get("access-control-expose-headers"), null);
  });
}

test("CORS: POST and DELETE of the token endpoints allow every origin and expose nothing", async () => {
  for (const [method, name, body] of [
    ["POST", "oauthcodegrantjwtexchange", JSON.stringify({ deploymentId: randomUUID(), oauth: {} })],
    ["POST", "refresh", "{}"],
    ["DELETE", "revoke", undefined],
  ]) {
    const response = await http(`/api/v2/webdeployments/token/${name}`, {
      method,
      headers: { origin: "https://shop.example.com", "content-type": "application/json" },
      body,
    });
    assert.ok([400, 401, 403].includes(response.status), `${name} ${response.status}`);
    assert.equal(response.headers.get("access-control-allow-origin"), "*", name);
    assert.equal(response.headers.get("access-control-expose-headers"), null, name);
  }
});

for (const [path, method, header] of [
  ["/api/v2/webmessaging/messages", "GET", "authorization"],
  ["/api/v2/webdeployments/token/oauthcodegrantjwtexchange", "POST", "content-type"],
  ["/api/v2/webdeployments/token/refresh", "POST", "content-type"],
  ["/api/v2/webdeployments/token/revoke", "DELETE", "authorization"],
]) {
  test(`CORS: the preflight of ${method} ${path} is answered with the allow headers`, async () => {
    const response = await http(path, {
      method: "OPTIONS",
      headers: {
        origin: "https://shop.example.com",
        "access-control-request-method": method,
        "access-control-request-headers": header,
      },
    });
    assert.ok(response.ok, `status ${response.status}`);
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    const list = (name) => (response.headers.get(name) ?? "").toLowerCase().split(/\s*,\s*/).sort();
    for (const allowed of ["authorization", "content-type", "x-amz-tagging"]) {
      assert.ok(list("access-control-allow-headers").includes(allowed), allowed);
    }
    for (const allowed of ["get", "post", "put", "patch", "delete"]) {
      assert.ok(list("access-control-allow-methods").includes(allowed), allowed);
    }
  });
}

test("CORS: /v1 carries no allow header, accepted, refused or asked without an upgrade", async (t) => {
  const room = new Room(t);
  const guest = await room.connect({ origin: "https://shop.example.com" });
  assert.equal(guest.upgradeHeaders["access-control-allow-origin"], undefined);
  const refused = await new Room(t, "refused-").refusal({ origin: "https://shop.example.com" });
  assert.equal(refused.headers["access-control-allow-origin"], undefined);
  const plain = await http(`/v1?deploymentId=${room.deploymentId}`, { headers: { origin: "https://shop.example.com" } });
  assert.ok(plain.status >= 400 && plain.status < 500, `status ${plain.status}`);
  assert.equal(plain.headers.get("access-control-allow-origin"), null);
});

test("a path that the service does not have answers 404", async () => {
  assert.equal((await http("/api/v2/nothing/here")).status, 404);
});

test("/ is the demo and /agent the agent console: both are pages", async () => {
  for (const path of ["/", "/agent"]) {
    const response = await http(path);
    assert.match(response.headers.get("content-type") ?? "", /^text\/(html|plain)/, path);
    assert.notEqual((await response.text()).trim(), "", path);
  }
});
