// Bugs in letting messages out: order of storing and sending, one at a time, whose error it is, whose token.

const send = "src/guest/session/send.rs";
const receive = "src/guest/session/receive.rs";
const keeping = "src/guest/session/keeping.rs";

export const mutants = [
  {
    name: "persist-after-send",
    protocols: ["guest", "session"],
    bug: "that a message was sent is stored only once it was",
    file: send,
    find: `        let Some(write) = self.store(&id) else { return };
        self.flight = Flight::Storing { id, write, again };`,
    replace: `        self.next_write += 1;
        let write = WriteId(self.next_write);
        let stored = id.clone();
        self.flight = Flight::Storing { id, write, again };
        self.flight_stored(write);
        self.rewrite(&stored);`,
  },
  {
    name: "accepted-without-storing",
    protocols: ["guest", "session"],
    bug: "an accepted message is stored when it is sent and not before",
    file: "src/guest/session/commands.rs",
    find: "        self.store(&id);\n        self.arm_expiry();",
    replace: "        self.arm_expiry();",
  },
  {
    name: "two-in-flight",
    protocols: ["guest", "session"],
    bug: "the next message goes along with the one that waits for its echo",
    file: send,
    find: "        self.act(Act::Send(socket, frame));\n",
    replace: `        self.act(Act::Send(socket, frame));
        let next = self.outbox.iter().find(|other| other.standing == Standing::Queued && !other.sent && other.id != id).map(|other| other.id.clone());
        if let Some(next) = next {
            let anchor = self.anchor();
            if let Some(other) = self.outbox.get_mut(&next) {
                other.anchor = anchor;
                other.sent = true;
            }
            self.rewrite(&next);
            if let Some(other) = self.outbox.get(&next) {
                let outgoing =
                    Outgoing { text: &other.text, structured: other.structured, content: other.content.as_deref(), attributes: other.attributes.as_deref() };
                let frame = self.wire.message(self.token(), &next, &outgoing);
                self.pace.note(now);
                let _ = self.requests.take(now, 0);
                self.act(Act::Send(socket, frame));
            }
        }
`,
  },
  {
    name: "error-given-to-the-oldest",
    bug: "a refusal settles the first message of the outbox instead of the one in flight",
    file: send,
    find: `    pub(super) fn refused(&mut self, fault: Fault) {
        let Some(id) = self.flight.id().map(str::to_string) else { return };`,
    replace: `    pub(super) fn refused(&mut self, fault: Fault) {
        let Some(id) = self.outbox.iter().next().map(|record| record.id.clone()) else { return };`,
  },
  {
    name: "error-of-another-request-given-to-the-message",
    bug: "a refusal of any request settles the message that is in flight",
    file: receive,
    find: "            None if tracing.is_some() && tracing == self.flight.id() => self.refused(fault),",
    replace: "            None if self.flight.is_out() => self.refused(fault),",
  },
  {
    name: "text-crosses-to-a-new-token",
    protocols: ["guest", "session"],
    bug: "what was written for one guest is sent for the next one",
    edits: [
      { file: keeping, find: "        self.disown_outbox();\n    }\n", replace: "    }\n" },
      { file: keeping, find: "            self.catch_up();\n            self.disown_outbox();\n", replace: "            self.catch_up();\n" },
      { file: "src/guest/session/admission.rs", find: "            self.disown_outbox();\n", replace: "" },
    ],
  },
  {
    name: "text-crosses-to-a-new-token-after-a-sign-in",
    bug: "what waited when the identity was used up is sent under the new one",
    edits: [
      { file: keeping, find: "        self.disown_outbox();\n    }\n", replace: "    }\n" },
      { file: keeping, find: "            self.catch_up();\n            self.disown_outbox();\n", replace: "            self.catch_up();\n" },
      {
        file: "src/guest/session/ending.rs",
        find: `        self.end_conversation(End::LoggedOut);
        self.forget_identity();`,
        replace: `        self.link.end(self.now, End::LoggedOut);
        self.forget_identity();`,
      },
    ],
  },
  {
    name: "quarantine-drops-good-records",
    protocols: ["guest", "session"],
    bug: "one record that cannot be read costs all of them",
    file: keeping,
    find: "        for (name, value) in bad {",
    replace: `        if !bad.is_empty() {
            let good: Vec<String> = self.outbox.iter().map(|record| record.id.clone()).collect();
            for id in good {
                self.drop_record(&id);
            }
        }
        for (name, value) in bad {`,
  },
  {
    name: "retry-counted-as-stored",
    protocols: ["guest", "session"],
    bug: "a message that is asked for again counts as stored though storage refused it, and goes with its old record",
    file: "src/guest/session/commands.rs",
    find: "        record.durable = false;\n        record.standing = Standing::Queued;",
    replace: "        record.standing = Standing::Queued;",
  },
  {
    name: "what-storage-keeps-is-not-counted",
    protocols: ["guest", "session"],
    bug: "a record that storage does not let go of takes no room in the outbox",
    file: keeping,
    find: "self.outbox.beside += bytes;",
    replace: "self.outbox.beside += 0 * bytes;",
  },
  {
    name: "what-was-never-stored-takes-room",
    protocols: ["guest", "session"],
    bug: "a record that storage never took counts as one that it does not let go of",
    file: keeping,
    find: "let bytes = if record.durable { record.bytes(&self.prefix) } else { 0 };",
    replace: "let bytes = record.bytes(&self.prefix);",
  },
  {
    name: "refused-move-leaves-the-old-record",
    protocols: ["guest"],
    bug: "a message whose new key storage refuses leaves its old record behind",
    file: keeping,
    find: "                    record.n = old.n;\n",
    replace: "",
  },
  {
    name: "an-error-counts-from-itself",
    protocols: ["guest"],
    bug: "a message that was answered by a 5xx is looked for no later than the history lags, and sent again",
    file: send,
    find: "Doubt::unanswered(id, self.now.mono + ACK_MS)",
    replace: "Doubt::unanswered(id, self.now.mono)",
  },
  {
    name: "what-was-found-goes-at-once",
    protocols: ["guest"],
    bug: "what is found in storage, which may have lost that it was sent, goes before the history was read",
    file: send,
    find: "(is_undated || record.found && self.reads_again)",
    replace: "is_undated",
  },
  {
    name: "an-end-is-slept-off",
    protocols: ["guest"],
    bug: "a page that was asleep begins a conversation that nobody asked for in the place of one that has ended",
    file: keeping,
    find: " && !has_ended {",
    replace: " {",
  },
];
