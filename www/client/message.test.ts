import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoreRow } from "./core-event.js";
import { Row } from "./message.js";

const outbound: CoreRow = { id: "m1", serverId: "m1", direction: "outbound", kind: "structured", time: 1_661_196_266_704, status: "sent" };
const structured = (body: object, kind: CoreRow["kind"] = "structured"): Row => new Row({ ...outbound, kind, body: JSON.stringify(body) });
const fallback = (...content: object[]): string | undefined => structured({ content }).fallback;

test("a plain message has a text, a sender and nothing to fall back on", () => {
  const message = structured({ text: "Hi", channel: { from: { firstName: "Tony", lastName: "Stark", nickname: "Agent T", image: "https://x.test/t.png" } }, originatingEntity: "Human", metadata: { correlationId: "c", odd: 1 } }, "text");
  assert.equal(message.text, "Hi");
  assert.deepEqual(message.from, { name: "Agent T", image: "https://x.test/t.png", entity: "human" });
  assert.equal(message.fallback, undefined);
  assert.deepEqual(message.metadata, { correlationId: "c" });
  assert.deepEqual(message.content, []);
});

test("without a nickname the names do, and nothing at all is an unknown sender", () => {
  assert.deepEqual(structured({ channel: { from: { firstName: "Tony", lastName: "Stark" } }, originatingEntity: "Bot" }).from, { name: "Tony Stark", entity: "bot" });
  assert.deepEqual(structured({ channel: { from: {} } }).from, { entity: "unknown" });
  assert.equal(new Row({ ...outbound, direction: "inbound", body: "{}" }).from, undefined);
});

test("the guest's own text stands until the service's body comes, and a change without a body keeps the one there was", () => {
  const own: CoreRow = { id: "a", direction: "inbound", kind: "text", time: 1, status: "queued", text: "hello" };
  const accepted = new Row(own);
  assert.equal(accepted.text, "hello");
  const sent = new Row({ ...own, status: "sent", serverId: "s", body: '{"text":"hello!","metadata":{"id":"a"}}' }, accepted);
  assert.equal(sent.text, "hello!");
  const later = new Row({ ...own, status: "sent", serverId: "s" }, sent);
  assert.equal(later.text, "hello!");
  assert.deepEqual(later.metadata, { id: "a" });
});

test("a failed row bears its error", () => {
  const { error } = new Row({ ...outbound, direction: "inbound", status: "failed", code: 7010 });
  assert.equal(error?.name, "DeliveryUnknown");
});

test("content goes through untouched, attachments are read from it", () => {
  const part = { contentType: "Attachment", attachment: { id: "att1", filename: "image.png", mediaType: "Image", fileSize: 100, mime: "image/png", url: "https://x.test/d" } };
  const message = structured({ content: [part, { contentType: "Novel", novel: { depth: [1, { a: null }] } }, "odd", null] });
  assert.deepEqual(message.content, [part, { contentType: "Novel", novel: { depth: [1, { a: null }] } }]);
  assert.deepEqual(message.attachments, [{ id: "att1", fileName: "image.png", fileSize: 100, mime: "image/png", url: "https://x.test/d", state: "sent" }]);
});

test("an unreadable body costs the row nothing but its body", () => {
  const message = new Row({ ...outbound, text: "kept", body: "{" });
  assert.equal(message.text, "kept");
  assert.deepEqual(message.content, []);
});

test("a row is shown whole where its members are listed", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(structured({ text: "Hi" }, "text"))), { id: "m1", serverId: "m1", direction: "outbound", kind: "text", text: "Hi", time: 1_661_196_266_704, status: "sent", from: { entity: "unknown" }, content: [], attachments: [], metadata: {} });
});

const parts: readonly [kind: string, part: object, expected: string][] = [
  ["Attachment", { attachment: { filename: "invoice.pdf", mediaType: "File", url: "https://x.test/i" } }, "invoice.pdf"],
  ["QuickReply", { quickReply: { text: "Yes", payload: "cookie1" } }, "[Yes]"],
  ["ButtonResponse", { buttonResponse: { text: "Book Now", payload: "I want it", type: "Button" } }, "Book Now"],
  ["Card", { card: { title: "Card 1", description: "D1", actions: [{ type: "Link", text: "Open", url: "https://x.test" }, { type: "Postback", text: "Book Now", payload: "p" }] } }, "Card 1\nD1\nOpen: https://x.test\n[Book Now]"],
  ["Carousel", { carousel: { cards: [{ title: "Card 1", actions: [] }, { title: "Card 2", description: "D2", actions: [] }] } }, "Card 1\nCard 2\nD2"],
  ["DatePicker", { datePicker: { title: "Select a time", subtitle: "Choose slot", availableTimes: [{ duration: 30, dateTime: "2026-08-22T19:24:26.704Z" }] } }, `Select a time\nChoose slot\n${new Date(Date.UTC(2026, 7, 22, 19, 24, 26, 704)).toLocaleString()}`],
  ["ListPicker", { listPicker: { sections: [{ title: "Fruit", multipleSelection: false, items: [{ id: "1", title: "Apple", subtitle: "red" }, { id: "2", title: "Pear" }] }], receivedMessage: { title: "Pick one" }, replyMessage: { title: "Picked" } } }, "Pick one\nFruit\nApple: red\nPear"],
  ["Form", { form: { cannedResponseId: "c", introduction: { title: "Tell us", buttonText: "Go" }, formPages: [{ title: "You", subtitle: "Your name", pageComponents: [] }] } }, "Tell us\nYou\nYour name"],
  ["Form", { form: { cannedResponseId: "c", response: [{ id: "1", component: { contentType: "ButtonResponse", buttonResponse: { type: "Form", text: "Jane", payload: "Jane" } } }] } }, "Jane"],
  ["GenericTemplate", { generic: { title: "Old card", description: "text", actions: [{ type: "Postback", text: "Go", payload: "g" }] } }, "Old card\ntext\n[Go]"],
  ["QuickReplyV2", { quickReplyV2: { title: "Sure?", actions: [{ text: "Yes", payload: "y" }, { quickReply: { text: "No", payload: "n" } }] } }, "Sure?\n[Yes]\n[No]"],
  ["Text", { text: { body: "plain", type: "Text" } }, "plain"],
  ["Mention", { mention: { id: "u1", firstName: "Ann", lastName: "Lee" } }, "Ann Lee"],
  ["Notification", { template: { header: { text: "Head" }, body: { text: "Your order is on its way", parameters: [] } } }, "Head\nYour order is on its way"],
  ["Story", { story: { type: "Reply", url: "https://x.test/story" } }, "https://x.test/story"],
  ["Reactions", { reactions: [{ reactionType: "Like", count: 2 }, { reactionType: "Love", count: 1 }] }, "Like 2, Love 1"],
  ["Location", { location: { text: "The shop", address: "High Street 1", latitude: 1, longitude: 2 } }, "The shop\nHigh Street 1"],
  ["ListTemplate", { list: { title: "Offers", elements: [{ title: "One" }, { title: "Two" }] } }, "Offers\nOne\nTwo"],
  ["Postback", { postback: { payload: "p", text: "Start" } }, "Start"],
  ["RichLink", { richLink: { text: "Our page", url: "https://x.test" } }, "Our page\nhttps://x.test"],
  ["InteractiveApplication", { interactiveApplication: { name: "Booking", url: "https://x.test/app" } }, "Booking\nhttps://x.test/app"],
  ["PaymentRequest", { paymentRequest: { amount: "3.00" } }, "Payment request"],
  ["PaymentResponse", { paymentResponse: {} }, "Payment response"],
  ["RoadsideAssistance", { roadsideAssistance: { phone: "1" } }, "Roadside assistance"],
  ["Hologram", { hologram: { title: "Soon", text: "in your room" } }, "Soon\nin your room"],
  ["Riddle", { riddle: { answer: 42 } }, "Riddle"],
];

for (const [kind, part, expected] of parts) {
  test(`${kind} reads: ${expected.replaceAll("\n", " / ")}`, () => {
    assert.equal(fallback({ contentType: kind, ...part }), expected);
  });
}

test("device bookkeeping is not for readers", () => {
  assert.equal(fallback({ contentType: "Push", push: { id: "1" } }), undefined);
});

test("parts with nothing in them neither throw nor show", () => {
  for (const [kind, part] of parts) {
    for (const member of Object.keys(part)) {
      assert.doesNotThrow(() => fallback({ contentType: kind }, { contentType: kind, [member]: null }, { contentType: kind, [member]: [null, 1, {}] }, { contentType: kind, [member]: "x" }));
    }
  }
});

test("events read as what happened; typing and joins are not told", () => {
  const event = (presence: string): string | undefined => structured({ events: [{ eventType: "Presence", presence: { type: presence } }] }, "event").fallback;
  assert.equal(event("Disconnect"), "The conversation was ended.");
  assert.equal(event("SignIn"), "You signed in.");
  assert.equal(event("Join"), undefined);
  assert.equal(structured({ events: [{ eventType: "Typing", typing: { type: "On" } }] }, "event").fallback, undefined);
});
