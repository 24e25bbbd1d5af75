// Bugs in what is done about a message without an acknowledgement (src/guest/proof.rs, src/guest/session/send.rs).

const send = "src/guest/session/send.rs";

export const mutants = [
  {
    name: "no-read-back-before-resend",
    protocols: ["guest", "session"],
    bug: "a message without an echo is sent again at once, and the history is never asked",
    file: send,
    find: `        doubt.looking = true;
        let anchor = self.outbox.get(&doubt.id).and_then(|record| record.anchor.clone());
        self.history.want_proof(anchor);`,
    replace: `        let id = doubt.id.clone();
        self.resend(&id, true);`,
  },
  {
    name: "second-look-skipped",
    protocols: ["guest", "session"],
    bug: "absence at the first look is taken for proof, though bytes of the old socket may still arrive",
    file: send,
    find: `                doubt.look = Look::Second;
                self.look();`,
    replace: `                let (id, conclusive) = (doubt.id.clone(), doubt.is_conclusive(anchored));
                self.resend(&id, conclusive);`,
  },
  {
    name: "resend-under-a-new-id-on-the-wire",
    bug: "the second attempt has a tracing id and a metadata id of its own, so its echo and the first one's name nothing",
    file: send,
    find: "        let frame = self.wire.message(self.token(), &id, &outgoing);",
    replace: `        let named = if again { self.random.uuid() } else { id.clone() };
        let frame = self.wire.message(self.token(), &named, &outgoing);`,
  },
  {
    name: "resend-under-a-new-id-everywhere",
    bug: "a message that goes again becomes another one: row, record and wire have a new id",
    file: send,
    find: `        if let Some(record) = self.outbox.get_mut(id) {
            record.doubtful |= !conclusive;
        }
        self.unsend(id);`,
    replace: `        self.end_flight();
        let fresh = self.random.uuid();
        if let Some(mut record) = self.outbox.remove(id) {
            self.erase(&record);
            self.transcript.remove(id);
            record.sent = false;
            record.doubtful |= !conclusive;
            record.id = fresh;
            self.show_record(&record);
            let id = record.id.clone();
            self.outbox.insert(record);
            self.rewrite(&id);
        }`,
  },
  {
    name: "joined-by-text-whatever-the-ids-say",
    protocols: ["guest", "session"],
    bug: "any entry of the guest's with the same words is taken for the message in flight",
    file: "src/guest/proof.rs",
    find: `    !carries_ids
        && !claimed
        && entry.direction == Direction::Inbound
        && entry.own_id.is_none()
        && entry.text == Some(&record.text)
        && is_behind(record.anchor.as_ref(), entry, live)`,
    replace: `    let _ = (carries_ids, claimed, live, is_behind);
    entry.direction == Direction::Inbound && entry.text == Some(&record.text)`,
  },
  {
    name: "joined-by-text-before-the-anchor",
    protocols: ["guest", "session"],
    bug: "where the service carries no ids, an older message of the same words is taken for the one in flight",
    file: "src/guest/proof.rs",
    find: "(Some(anchor), Some(time)) => time - i64::from(!live) >= anchor.time && entry.id != Some(&anchor.id),",
    replace: "(Some(anchor), Some(_)) => live || anchor.time > 0,",
  },
  {
    name: "proved-by-its-like-in-the-next-conversation",
    bug: "a message that is asked for again in another conversation is looked for among the words of that one",
    file: "src/guest/session/commands.rs",
    find: "        if record.sent && record.owner != owner {",
    replace: "        if record.sent && record.owner != owner && record.tries > 99 {",
  },
  {
    name: "expired-on-its-way",
    protocols: ["guest", "session"],
    bug: "a message that was sent expires before it was looked for",
    file: "src/guest/outbox.rs",
    find: "        self.is_queued() && !self.sent\n",
    replace: "        self.is_queued()\n",
  },
  {
    name: "proved-in-another-conversation",
    bug: "that a message is not in a history which does not reach back to it is taken for proof",
    file: send,
    find: "        let is_known = anchored || is_moment || !self.has_hole || self.has_gap;",
    replace: "        let (anchored, is_known) = (true, anchored || is_moment || !self.has_hole || self.has_gap || true);",
  },
  {
    name: "the-last-conversation-is-searched-in-the-next",
    protocols: ["guest", "session"],
    bug: "a message of a conversation that is over is taken for one of the same words in the next",
    file: "src/guest/session/ending.rs",
    find: "        self.give_up_proof(&Record::may_arrive);\n",
    replace: "",
  },
  {
    name: "its-like-is-taken-for-it",
    bug: "what proved one message proves another of the same words to a page that does not know the first any more",
    file: send,
    find: "        self.give_up_proof(&|other| other.may_arrive() && other.text == record.text);\n",
    replace: "",
  },
  {
    name: "silent-line-counts-as-a-refused-read",
    bug: "a read that failed because the line had died counts among the three after which a proof is given up",
    file: "src/guest/proof.rs",
    find: "if answered_at > self.heard_at {",
    replace: "if answered_at < u64::MAX {",
  },
  {
    name: "sent-without-an-owner",
    protocols: ["session"],
    bug: "what was accepted before there was a conversation is of none also once it was sent, and is sent again unasked",
    file: send,
    find: "        record.owner = owner;\n",
    replace: "        let _ = owner;\n",
  },
  {
    name: "a-limit-hurries-the-proof",
    protocols: ["guest"],
    bug: "after an error that may have met another request the message is looked for as if it had been under way for long",
    file: send,
    find: "let (id, since) = (id.clone(), at + ACK_MS);",
    replace: "let (id, since) = (id.clone(), *at);",
  },
];
