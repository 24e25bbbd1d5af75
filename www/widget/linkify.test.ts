import assert from "node:assert/strict";
import { test } from "node:test";
import { linkify, safeHref } from "./linkify.js";

const links = (text: string): (string | undefined)[] => linkify(text).flatMap((piece) => (piece.href === undefined ? [] : [piece.href]));

test("addresses in a sentence become links, its punctuation does not", () => {
  assert.deepEqual(linkify("See https://example.com/a, or www.example.org."), [
    { text: "See " },
    { text: "https://example.com/a", href: "https://example.com/a" },
    { text: ", or " },
    { text: "www.example.org", href: "https://www.example.org/" },
    { text: "." },
  ]);
});

test("an address ends where Chinese or Japanese punctuation begins, and not at a letter", () => {
  assert.deepEqual(links("见https://example.com/a。然后https://example.com/b，（www.example.org）、「https://example.com/c」"), ["https://example.com/a", "https://example.com/b", "https://www.example.org/", "https://example.com/c"]);
  assert.deepEqual(links("https://ja.example.org/wiki/日々"), ["https://ja.example.org/wiki/%E6%97%A5%E3%80%85"]);
});

test("a bracket stays when the address opened it", () => {
  assert.deepEqual(links("(see https://example.com/a_(b))"), ["https://example.com/a_(b)"]);
  assert.deepEqual(links("(https://example.com/a)"), ["https://example.com/a"]);
});

test("mail addresses and telephone numbers are links", () => {
  assert.deepEqual(links("ana@example.com or tel:+44123456"), ["mailto:ana@example.com", "tel:+44123456"]);
});

for (const hostile of [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "javascript://www.example.com/%0aalert(1)".replace("www.", ""),
  "data:text/html,<script>alert(1)</script>",
  "vbscript:msgbox(1)",
  "file:///etc/passwd",
  "blob:x",
  "java\nscript:alert(1)",
  "<img src=x onerror=alert(1)>",
]) {
  test(`${JSON.stringify(hostile)} stays text`, () => {
    assert.deepEqual(linkify(hostile), [{ text: hostile }]);
    assert.equal(safeHref(hostile), undefined);
  });
}

test("an unsafe scheme does not hide behind a safe one", () => {
  for (const href of links("javascript:https://example.com/ javascript://https://example.com")) assert.match(href ?? "", /^https:/);
});

test("no text is lost or changed", () => {
  for (const text of ["", "plain", "https://", "a https://x.y b www. c@d mailto: tel:", "https://example.com/\u2028next", "…https://example.com…"]) {
    assert.equal(
      linkify(text)
        .map((piece) => piece.text)
        .join(""),
      text,
    );
  }
});

test("a hundred thousand characters of anything are read through once", () => {
  const long = (part: string): string => part.repeat(100_000 / part.length);
  for (const text of [long("a"), long("a.b-"), long("a@"), `a@${long("b")}`, long("(")]) assert.deepEqual(linkify(text), [{ text }]);
  const brackets = long(")");
  const address = "https://example.com/(a)";
  assert.deepEqual(linkify(address + brackets), [{ text: address, href: address }, { text: brackets }]);
  assert.deepEqual(links(`${long("a ")}ana@example.com`), ["mailto:ana@example.com"]);
  const path = `https://example.com/${long("a")}`;
  assert.deepEqual(linkify(path), [{ text: path, href: path }]);
});

test("of what stands before an @ all or nothing is the address", () => {
  assert.deepEqual(links(`+${"a".repeat(63)}@example.com`), [`mailto:+${"a".repeat(63)}@example.com`]);
  assert.deepEqual(links(`${"a.".repeat(40)}b@example.com`), []);
});

test("closing brackets and full stops that mix leave what the address opened", () => {
  assert.deepEqual(links("[https://example.com/{a}[b].)],"), ["https://example.com/%7Ba%7D[b]"]);
});
