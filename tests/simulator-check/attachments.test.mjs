// §10 rows `onAttachment`, `getAttachment`, `deleteAttachment` and attachments in `onMessage`; §3.5, §6.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ISO_MS, Room, assertStringError, byClass, byTracing, http, randomUUID,
} from "./harness.mjs";

const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const request = (fields = {}) => ({
  action: "onAttachment", attachmentId: randomUUID(), fileName: "foo.png", fileType: "image/png", fileSize: PNG.length,
  errorsAsJson: true, ...fields,
});
const attached = (id, more = {}) => ({
  action: "onMessage", message: { text: "see file", type: "Text", content: [{ contentType: "Attachment", attachment: { id } }], ...more },
});
const isUploadEvent = (frame) => ["UploadSuccessEvent", "UploadFailureEvent"].includes(frame.json?.class);
const put = ({ url, headers }, body = PNG) => http(url, { method: "PUT", headers: { "content-type": "image/png", ...headers }, body });

async function presign(guest, fields) {
  const frame = await guest.request(request(fields));
  assert.equal(frame.class, "PresignedUrlResponse", JSON.stringify(frame));
  return frame.body;
}

async function upload(guest, fields) {
  const presigned = await presign(guest, fields);
  assert.ok((await put(presigned)).ok);
  const { json } = await guest.inbox.next((frame) => isUploadEvent(frame) && frame.json.body.attachmentId === presigned.attachmentId);
  assert.equal(json.class, "UploadSuccessEvent");
  return { ...presigned, downloadUrl: json.body.downloadUrl };
}

test("§10 onAttachment: PresignedUrlResponse with a header the PUT must carry", async (t) => {
  const guest = await new Room(t).guest();
  const attachmentId = randomUUID();
  const frame = await guest.request(request({ attachmentId }));
  assert.equal(frame.type, "response");
  assert.equal(frame.class, "PresignedUrlResponse");
  assert.equal(frame.code, 200);
  assert.equal(frame.body.attachmentId, attachmentId);
  assert.ok(Object.keys(frame.body.headers).length > 0);
  for (const value of Object.values(frame.body.headers)) assert.equal(typeof value, "string");
  assert.ok(URL.canParse(frame.body.url));
  assert.equal(frame.body.fileName, "foo.png");
  assert.equal(frame.body.fileSize, PNG.length);
  assert.equal(frame.body.fileType, "image/png");
});

test("§2.9 onAttachment without attachmentId: the server assigns one", async (t) => {
  const guest = await new Room(t).guest();
  const one = await presign(guest, { attachmentId: undefined });
  const two = await presign(guest, { attachmentId: undefined });
  assert.equal(typeof one.attachmentId, "string");
  assert.notEqual(one.attachmentId, "");
  assert.notEqual(one.attachmentId, two.attachmentId);
});

test("§6.3 after the PUT: UploadSuccessEvent with attachmentId, downloadUrl and timestamp; the download has the bytes", async (t) => {
  const guest = await new Room(t).guest();
  const presigned = await presign(guest);
  await guest.assertNone(isUploadEvent);
  const response = await put(presigned);
  assert.ok(response.ok, `status ${response.status}`);
  const { json } = await guest.inbox.next(byClass("UploadSuccessEvent"));
  assert.equal(json.type, "message");
  assert.equal(json.code, 200);
  assert.equal(json.body.attachmentId, presigned.attachmentId);
  assert.match(json.body.timestamp, ISO_MS);
  const download = await http(json.body.downloadUrl);
  assert.equal(download.status, 200);
  assert.equal(download.headers.get("access-control-allow-origin"), "*");
  assert.deepEqual(Buffer.from(await download.arrayBuffer()), PNG);
});

test("§10 a PUT without the header it must carry is refused and nothing is uploaded", async (t) => {
  const guest = await new Room(t).guest();
  const presigned = await presign(guest);
  const response = await put({ url: presigned.url, headers: {} });
  assert.ok(response.status >= 400 && response.status < 500, `status ${response.status}`);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  await guest.assertNone(isUploadEvent);
  assertStringError(await guest.request(attached(presigned.attachmentId)), 4010);
});

test("CORS: the preflight of the PUT allows x-amz-tagging and content-type", async (t) => {
  const guest = await new Room(t).guest();
  const presigned = await presign(guest);
  const response = await http(presigned.url, {
    method: "OPTIONS",
    headers: {
      origin: "https://shop.example.com",
      "access-control-request-method": "PUT",
      "access-control-request-headers": "content-type,x-amz-tagging",
    },
  });
  assert.ok(response.ok, `status ${response.status}`);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  assert.match(response.headers.get("access-control-allow-headers").toLowerCase(), /x-amz-tagging/);
  assert.match(response.headers.get("access-control-allow-methods"), /PUT/);
  assert.equal((await put(presigned)).headers.get("access-control-allow-origin"), "*");
});

test("§10 onMessage with an uploaded attachment: the echo and the history have the resolved content", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest({ token: guest.token });
  const { attachmentId } = await upload(guest);
  const frame = await guest.request(attached(attachmentId));
  assert.equal(frame.class, "StructuredMessage", JSON.stringify(frame));
  assert.equal(frame.body.text, "see file");
  const copy = (await other.inbox.next((f) => f.json?.body?.id === frame.body.id)).json;
  const [entity] = (await guest.history()).entities;
  for (const body of [frame.body, copy.body, entity]) {
    assert.equal(body.content.length, 1);
    const [{ contentType, attachment }] = body.content;
    assert.equal(contentType, "Attachment");
    assert.equal(attachment.id, attachmentId);
    assert.equal(attachment.filename, "foo.png");
    assert.equal(attachment.fileSize, PNG.length);
    assert.equal(attachment.mime, "image/png");
    assert.equal(attachment.mediaType, "Image");
    assert.deepEqual(Buffer.from(await (await http(attachment.url)).arrayBuffer()), PNG);
  }
});

for (const [fileName, fileType, mediaType] of [
  ["a.mp3", "audio/mpeg", "Audio"], ["a.mp4", "video/mp4", "Video"], ["a.pdf", "application/pdf", "File"],
]) {
  test(`§3.4.4 ${fileType} is resolved as mediaType ${mediaType}`, async (t) => {
    const room = new Room(t);
    await room.set({ fileTypes: ["*/*"] });
    const guest = await room.guest();
    const { attachmentId } = await upload(guest, { fileName, fileType });
    const frame = await guest.request(attached(attachmentId));
    assert.equal(frame.body.content[0].attachment.mediaType, mediaType);
  });
}

test("§2.4 an attachment-only message without type and text (web): the echo is Text without text", async (t) => {
  const guest = await new Room(t).guest();
  const { attachmentId } = await upload(guest);
  const message = { content: [{ contentType: "Attachment", attachment: { id: attachmentId } }], metadata: { id: "m-1" } };
  const frame = await guest.request({ action: "onMessage", message });
  assert.equal(frame.class, "StructuredMessage", JSON.stringify(frame));
  assert.equal(frame.body.type, "Text");
  assert.ok(!frame.body.text);
  assert.equal(frame.body.content[0].attachment.id, attachmentId);
  assert.equal(frame.body.metadata.id, "m-1");
});

test("§2.4 an attachment-only message as Text with empty text (Kotlin) is taken", async (t) => {
  const guest = await new Room(t).guest();
  const { attachmentId } = await upload(guest);
  const frame = await guest.request(attached(attachmentId, { text: "" }));
  assert.equal(frame.body.type, "Text");
  assert.equal(frame.body.content[0].attachment.id, attachmentId);
});

const REFUSED = [
  ["a blocked extension", { fileName: "setup.exe" }, 4001],
  ["no extension", { fileName: "photo" }, 4001],
  ["an empty file", { fileSize: 0 }, 4102],
  ["a file over the maximum", { fileSize: 10240 * 1024 + 1 }, 4002],
  ["a name of 1024 characters", { fileName: `${"n".repeat(1020)}.png` }, 4005],
];

for (const [name, fields, code] of REFUSED) {
  test(`§10 onAttachment with ${name}: GenerateUrlError ${code} when errorsAsJson`, async (t) => {
    const guest = await new Room(t).guest();
    const sent = request(fields);
    const frame = await guest.request(sent);
    assert.equal(frame.class, "GenerateUrlError", JSON.stringify(frame));
    assert.ok((frame.type === "response" && frame.code === 400) || (frame.type === "message" && frame.code === 200), JSON.stringify(frame));
    assert.equal(frame.body.attachmentId, sent.attachmentId);
    assert.equal(frame.body.errorCode, code);
    assert.equal(typeof frame.body.errorMessage, "string");
  });

  test(`§10 onAttachment with ${name}: string ${code} without errorsAsJson`, async (t) => {
    const guest = await new Room(t).guest();
    assertStringError(await guest.request(request({ ...fields, errorsAsJson: undefined })), code);
  });
}

test("§10 onAttachment with a type that is not allowed: 4001; an allowed one passes", async (t) => {
  const room = new Room(t);
  await room.set({ fileTypes: ["image/png", "audio/*"] });
  const guest = await room.guest();
  assert.deepEqual(guest.session.allowedMedia.inbound.fileTypes, [{ type: "image/png" }, { type: "audio/*" }]);
  await presign(guest);
  await presign(guest, { fileName: "a.mp3", fileType: "audio/mpeg" });
  const frame = await guest.request(request({ fileName: "foo.tiff", fileType: "image/tiff" }));
  assert.equal(frame.class, "GenerateUrlError", JSON.stringify(frame));
  assert.equal(frame.body.errorCode, 4001);
});

test("§10 UploadFailureEvent 4003 when told to; the attachment cannot be sent", async (t) => {
  const room = new Room(t);
  await room.set({ upload: "failure" });
  const guest = await room.guest();
  const presigned = await presign(guest);
  await put(presigned);
  const { json } = await guest.inbox.next(isUploadEvent);
  assert.equal(json.class, "UploadFailureEvent");
  assert.equal(json.type, "message");
  assert.equal(json.body.attachmentId, presigned.attachmentId);
  assert.equal(json.body.errorCode, 4003);
  assert.equal(typeof json.body.errorMessage, "string");
  assert.match(json.body.timestamp, ISO_MS);
  assertStringError(await guest.request(attached(presigned.attachmentId)), 4010);
});

test("§10 upload success never sent when told to", async (t) => {
  const room = new Room(t);
  await room.set({ upload: "silent" });
  const guest = await room.guest();
  assert.ok((await put(await presign(guest))).ok);
  await guest.assertNone(isUploadEvent);
});

test("§10 onMessage with an unknown attachment: 4009, nothing stored", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  assertStringError(await guest.request(attached(randomUUID())), 4009);
  assert.deepEqual((await room.session(guest.token)).messages, []);
});

test("§10 onMessage with an attachment that was not uploaded: 4010, nothing stored", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const { attachmentId } = await presign(guest);
  assertStringError(await guest.request(attached(attachmentId)), 4010);
  assert.deepEqual((await room.session(guest.token)).messages, []);
});

test("§10 an attachment of one guest is unknown to another: 4009", async (t) => {
  const room = new Room(t);
  const { attachmentId } = await upload(await room.guest());
  assertStringError(await (await room.guest()).request(attached(attachmentId)), 4009);
});

test("§10 getAttachment: PresignedUrlResponse with headers {}, name, size, type and a url that works", async (t) => {
  const guest = await new Room(t).guest();
  const { attachmentId } = await upload(guest);
  await guest.request(attached(attachmentId));
  const frame = await guest.request({ action: "getAttachment", attachmentId });
  assert.equal(frame.type, "response");
  assert.equal(frame.class, "PresignedUrlResponse");
  assert.equal(frame.body.attachmentId, attachmentId);
  assert.deepEqual(frame.body.headers, {});
  assert.equal(frame.body.fileName, "foo.png");
  assert.equal(frame.body.fileSize, PNG.length);
  assert.equal(frame.body.fileType, "image/png");
  assert.deepEqual(Buffer.from(await (await http(frame.body.url)).arrayBuffer()), PNG);
  const again = await guest.request({ action: "getAttachment", attachmentId });
  assert.notEqual(again.body.url, frame.body.url, "a new url");
});

test("§10 getAttachment of an unknown attachment: 4009", async (t) => {
  const guest = await new Room(t).guest();
  assertStringError(await guest.request({ action: "getAttachment", attachmentId: randomUUID() }), 4009);
});

test("§10 deleteAttachment: AttachmentDeletedResponse, and the attachment is gone", async (t) => {
  const guest = await new Room(t).guest();
  const { attachmentId } = await upload(guest);
  const id = guest.send({ action: "deleteAttachment", attachmentId });
  const { json } = await guest.inbox.next((frame) => byTracing(id)(frame) || byClass("AttachmentDeletedResponse")(frame));
  assert.equal(json.class, "AttachmentDeletedResponse", JSON.stringify(json));
  assert.equal(json.code, 200);
  assert.equal(json.body.attachmentId, attachmentId);
  assertStringError(await guest.request(attached(attachmentId)), 4009);
});

test("§10 deleteAttachment of one that was sent: 4009 or 400, and the message keeps it", async (t) => {
  const guest = await new Room(t).guest();
  const { attachmentId } = await upload(guest);
  await guest.request(attached(attachmentId));
  const frame = await guest.request({ action: "deleteAttachment", attachmentId });
  assert.ok(frame.code === 4009 || frame.code === 400, JSON.stringify(frame));
  assertStringError(frame, frame.code);
  assert.equal((await guest.history()).entities[0].content[0].attachment.id, attachmentId);
});
