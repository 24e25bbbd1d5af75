// Hostile words and names on the demo in Chromium, under a policy that lets no injected script run unheard: everything is text,
// nothing opens, nothing breaks the layout, and the service holds what was typed to the letter.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { until, visit } from "./stage.mjs";

const LRO = "\u202d", RLO = "\u202e", PDF = "\u202c", LRI = "\u2066", PDI = "\u2069", ZWSP = "\u200b";
const HOSTILE = {
  "a script": '<script>window.hurt = "script"</script>',
  "a handler": '<img src="x" onerror="window.hurt = \'image\'"><svg onload="window.hurt = \'svg\'">',
  "broken out of": '"></p></div></dialog><h1>owned</h1><style>*{display:none!important}</style><!--',
  "a template": "{{constructor.constructor('window.hurt=1')()}} ${window.hurt = 2} `javascript:window.hurt=3`",
  "an address that is a script": "javascript:window.hurt='link' JaVaScRiPt://example.com/%0Awindow.hurt=1 data:text/html,<script>window.hurt=1</script> vbscript:x",
  "right to left overrides": `invoice${RLO}gpj.exe ${LRO}${RLO}${RLO} never closed ${LRI}${PDF}`,
  "entities": "&lt;b&gt; &amp; &#x3c;script&#x3e; &nbsp;",
  "control characters": `before\u0001\u0008\u001b[31m${ZWSP}after`,
  "a very long word": "x".repeat(3000),
  "stacked marks": "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324".repeat(40),
  "JSON": '{"action":"onMessage","token":"null"}\\u0000 __proto__ constructor',
};

/** A message of the agent's as a raw frame, stored as well, so that it comes back from the history. */
function said({ text, nickname = "Agent", image, content, type = content ? "Structured" : "Text" }) {
  return {
    do: "raw", store: true,
    frame: {
      type: "message", class: "StructuredMessage", code: 200,
      body: {
        id: randomUUID().replaceAll("-", ""), type, direction: "Outbound", originatingEntity: "Human", metadata: {}, ...(text !== undefined && { text }), ...(content && { content }),
        channel: { time: new Date().toISOString(), type: "Private", messageId: randomUUID(), from: { nickname, ...(image && { image }) }, to: {} },
      },
    },
  };
}

/** Nothing ran, nothing is there that the element did not draw, nothing sticks out. */
async function assertUnhurt(visitor) {
  const found = await visitor.page.evaluate(() => {
    const root = document.querySelector("guestwire-chat").shadowRoot;
    const log = root.querySelector(".log");
    return {
      hurt: window.hurt,
      foreign: [...root.querySelectorAll("script, style, iframe, h1, b, .log img:not([src^='http'])")].map(({ outerHTML }) => outerHTML),
      links: [...root.querySelectorAll("a")].map(({ protocol }) => protocol).filter((protocol) => !["https:", "http:", "mailto:", "tel:"].includes(protocol)),
      handlers: [...root.querySelectorAll("*")].flatMap((node) => node.getAttributeNames()).filter((name) => name.startsWith("on")),
      sideways: log.scrollWidth - log.clientWidth,
      page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      prototype: Object.keys(Object.prototype),
    };
  });
  assert.deepEqual(found, { hurt: undefined, foreign: [], links: [], handlers: [], sideways: 0, page: 0, prototype: [] });
}

/** The words in the newest bubble as they are in the document, not as they are laid out. */
const bubbles = (visitor, side) => visitor.log.locator(`.message.${side} .bubble .text`).allTextContents();

describe("hostile words and names", { concurrency: 4 }, () => {
  test("typed by the visitor: stored to the letter, shown as text to both sides, over a reload too", async (t) => {
    const visitor = await visit(t);
    const { service, page } = visitor;
    const texts = Object.values(HOSTILE);
    await visitor.say(...texts);
    await until(() => service.stored(), (stored) => stored.length === texts.length, "all are stored");
    assert.deepEqual(await service.stored(), texts);
    assert.deepEqual(await bubbles(visitor, "guest"), texts);
    await assertUnhurt(visitor);
    const desk = page.locator("#agent .from-guest .bubble");
    await until(() => desk.allTextContents(), (shown) => shown.length === texts.length, "the agent sees them");
    assert.deepEqual(await desk.allTextContents(), texts);
    assert.deepEqual(await visitor.violations(), []);

    await visitor.load();
    await until(() => bubbles(visitor, "guest"), (shown) => shown.length === texts.length, "all are there again");
    assert.deepEqual(await bubbles(visitor, "guest"), texts);
    await assertUnhurt(visitor);
  });

  test("said by the agent, under names as hostile: text, and the name stays in its own box", async (t) => {
    const visitor = await visit(t);
    const { service } = visitor;
    const texts = Object.entries(HOSTILE);
    for (const [nickname, text] of texts) await service.agent(said({ text, nickname: `${text.slice(0, 300)} ${nickname}`, image: "javascript:window.hurt='avatar'" }));
    await until(() => bubbles(visitor, "agent"), (shown) => shown.length === texts.length, "all are shown");
    assert.deepEqual(await bubbles(visitor, "agent"), Object.values(HOSTILE));
    await visitor.page.waitForFunction(() => [...document.querySelector("guestwire-chat").shadowRoot.querySelectorAll("[data-live]")].every((region) => region.childElementCount === 0));
    await assertUnhurt(visitor);
    assert.equal(await visitor.log.locator(".avatar img").count(), 0);
    assert.deepEqual(await visitor.violations(), []);
    await visitor.load();
    await until(() => bubbles(visitor, "agent"), (shown) => shown.length === texts.length, "all are there again");
    await assertUnhurt(visitor);
  });

  test("an agent's picture from elsewhere is not fetched under the policy, and initials stand in its place", async (t) => {
    const visitor = await visit(t, { expects: [/Content Security Policy/] });
    const { service, page } = visitor;
    const answered = [];
    page.on("response", (response) => answered.push(new URL(response.url()).host));
    await service.agent(said({ text: "Look at me", nickname: "Eve Mallory", image: "https://tracker.example/pixel.png" }));
    await visitor.log.locator(".avatar", { hasText: "EM" }).waitFor();
    assert.equal(await visitor.log.locator(".avatar img").count(), 0);
    assert.deepEqual(answered.filter((host) => host !== new URL(page.url()).host), []);
    await assertUnhurt(visitor);
  });

  test("an override in a sender's name does not turn the time beside it around", async (t) => {
    const visitor = await visit(t);
    const { service, page } = visitor;
    await service.agent(said({ text: "plain", nickname: `Eve${RLO}live${LRI}` }));
    await service.agent(said({ text: `${RLO}reversed`, nickname: "Ana" }));
    await until(() => bubbles(visitor, "agent"), (shown) => shown.length === 2, "both are shown");
    // Left to right as drawn: of each time the first figure stands left of the last.
    const turned = await page.evaluate(() =>
      [...document.querySelector("guestwire-chat").shadowRoot.querySelectorAll(".line:not(.within) time")].filter((time) => {
        const place = (at) => {
          const range = document.createRange();
          range.setStart(time.firstChild, at);
          range.setEnd(time.firstChild, at + 1);
          return range.getBoundingClientRect().left;
        };
        return place(0) >= place(3);
      }).length,
    );
    assert.equal(turned, 0);
  });

  test("in rich content: labels, titles and addresses of every kind are text or nothing", async (t) => {
    const visitor = await visit(t);
    const { service, page } = visitor;
    const evil = HOSTILE["a handler"];
    const address = "javascript:window.hurt='content'";
    await service.agent(said({ text: "Choose", content: [{ contentType: "QuickReply", quickReply: { text: evil, payload: evil, action: "Message", image: address } }] }));
    await service.agent(said({ text: evil, content: [{ contentType: "Card", card: { title: evil, description: evil, image: address, defaultAction: { type: "Link", url: address }, actions: [{ type: "Link", text: evil, url: address }] } }] }));
    await service.agent(said({ content: [{ contentType: "Attachment", attachment: { id: "1", mediaType: "Image", url: address, mime: "text/html", filename: `${RLO}gpj.${evil}` } }] }));
    await service.agent(said({ content: [{ contentType: "Nobody knows", "<script>": { constructor: evil, __proto__: { hurt: evil } } }] }));
    await service.agent(said({ text: "That is all" }));
    await visitor.log.getByText("That is all", { exact: true }).waitFor();
    assert.equal(await visitor.log.getByRole("listitem").count(), 5);
    for (const bubble of await visitor.log.locator(".bubble").allTextContents()) assert.notEqual(bubble.trim(), "");
    await assertUnhurt(visitor);
    for (const link of await visitor.log.getByRole("link").all()) await link.click();
    assert.equal(page.context().pages().length, 1);
    assert.deepEqual(await visitor.violations(), []);
  });

  test("as frames that are no frames: the line stays, and what follows is shown", async (t) => {
    const visitor = await visit(t);
    const { service } = visitor;
    for (const frame of ["<script>window.hurt=1</script>", "[".repeat(20_000), '{"class":"StructuredMessage","body":null}', { class: "constructor", type: "message", code: 200, body: {} }, { class: "StructuredMessage", type: "message", code: 200, body: { id: "__proto__", type: "Text", direction: "Outbound", text: "from the prototype", channel: { time: "yesterday", from: null } } }])
      await service.agent({ do: "raw", frame });
    await service.says("Still here");
    await visitor.log.getByText("Still here", { exact: true }).waitFor();
    await visitor.say("So am I");
    await until(() => visitor.rows(), (rows) => rows.at(-1) === "You: So am I (Sent)", "it is sent");
    assert.deepEqual(await service.stored(), ["So am I"]);
    assert.equal((await service.records()).filter(({ kind }) => kind === "open").length, 1);
    await assertUnhurt(visitor);
  });
});
