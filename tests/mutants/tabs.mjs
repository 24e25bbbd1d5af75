// Bugs in who leads among several tabs (src/guest/session/lead.rs, www/client/tabs.ts), and in what a tab takes for its own in storage.

const lead = "src/guest/session/lead.rs";
const session = "src/guest/session/mod.rs";
const keeping = "src/guest/session/keeping.rs";
const pages = ["tests/e2e/tabs.test.mjs"];

export const mutants = [
  {
    name: "fencing-unchecked",
    protocols: ["guest", "session"],
    bug: "a tab that stood still does not look whether another has led since",
    file: lead,
    find: "== Some(FENCE) && *fence != self.fence;",
    replace: "== Some(FENCE) && fence.is_empty();",
  },
  {
    name: "thawed-leader-sends-before-proof",
    protocols: ["guest", "session"],
    bug: "a tab that led and stood still goes on sending before it knows that it leads still",
    file: lead,
    find: "        self.proved = false;\n        self.looks_at_fence = true;",
    replace: "        self.looks_at_fence = true;",
  },
  {
    name: "old-answer-proves-the-lead",
    protocols: ["guest", "session"],
    bug: "the answer to a question from before the page stood still is taken for proof that it leads",
    file: session,
    find: "            Input::Role(Role::Leader) if self.stood_still => {}\n",
    replace: "",
  },
  {
    name: "back-from-the-cache-connects-unasked",
    protocols: ["guest", "session"],
    bug: "a page that comes back connects though another tab leads by now",
    file: "src/guest/session/line.rs",
    find: "        if self.away && matches!(self.link.state(), State::Waiting { .. } | State::AuthRequired) {",
    replace: "        if !self.away && self.wanted && !self.wanted {",
  },
  {
    name: "conversation-remembered-in-doubt",
    protocols: ["guest", "session"],
    bug: "a tab that stood still writes over what another remembers of the conversation",
    file: keeping,
    find: "        if self.is_doubtful() {\n            // Another tab may have begun",
    replace: "        if self.is_doubtful() && self.disposed {\n            // Another tab may have begun",
  },
  {
    name: "record-rewritten-in-doubt",
    protocols: ["session"],
    bug: "a tab that stood still brings back the record of a message that the next leader has sent",
    file: keeping,
    find: "        if self.is_doubtful() {\n            // Another tab may have sent",
    replace: "        if self.is_doubtful() && self.disposed {\n            // Another tab may have sent",
  },
  {
    name: "list-of-another-tab-is-taken-for-all",
    protocols: ["session"],
    bug: "who takes over reads only what is newer than the list that it takes over",
    file: lead,
    find: "        if self.watermark.is_none() && !self.wire.is_session() {",
    replace: "        if self.watermark.is_none() {",
  },
  {
    name: "what-another-stored-is-overlooked",
    protocols: ["guest", "session"],
    bug: "a tab that leads does not look when another says that it has stored something",
    file: lead,
    find: "        if self.begin(now) && self.leading {\n            self.load();",
    replace: "        if self.begin(now) && self.leading {",
  },
  {
    name: "follower-keeps-what-storage-has",
    protocols: ["guest", "session"],
    bug: "a tab that follows keeps the messages that are stored, and shows and sends them when it leads again",
    file: lead,
    find: "        self.drop_settled_elsewhere(&[]);\n",
    replace: "",
  },
  {
    name: "records-outgrow-their-bytes",
    protocols: ["guest", "session"],
    bug: "what becomes of the messages does not count for the 192 KiB that they may take",
    file: "src/guest/outbox.rs",
    find: "const GROWTH_BYTES: usize = 320;",
    replace: "const GROWTH_BYTES: usize = 0;",
  },
  {
    name: "damaged-record-costs-the-living-page-its-message",
    protocols: ["guest", "session"],
    bug: "a record that was damaged under a living page is put aside though the page has the good one",
    file: keeping,
    find: "self.outbox.ids(&|record| record.key(&prefix) == *key).pop()",
    replace: "self.outbox.ids(&|record| record.key(&prefix).is_empty()).pop()",
  },
  {
    name: "two-stealing-followers",
    pages,
    bug: "every follower that doubts the leader takes the lead, also from one that has just taken it",
    file: "www/client/tabs.ts",
    find: "      if (lock === null) return this.#watch();\n",
    replace: "      void lock;\n",
  },
  {
    name: "copied-tab-keeps-its-id",
    pages,
    bug: "a tab that was duplicated goes on under the other's name and with its conversation",
    file: "www/client/client.ts",
    find: "    this.#early.forget();\n    this.#drop();\n    this.#told = [];\n    this.#begin();",
    replace: "    this.#drop();\n    this.#told = [];\n    this.#begin();",
  },
];
