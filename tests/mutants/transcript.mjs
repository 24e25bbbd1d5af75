// Bugs in the list of rows and in reading the history.

const transcript = "src/guest/transcript.rs";

export const mutants = [
  {
    name: "joined-by-time",
    protocols: ["guest", "session"],
    bug: "two entries of the same millisecond are taken for one",
    file: transcript,
    find: "        // A message of ours keeps its row; whatever else turned out to be the same goes.\n",
    replace: `        let mut keys = keys;
        if keys.is_empty() {
            let same = |key: &u32| self.get(*key).is_settled() && entry.time == Some(self.get(*key).time);
            keys.extend(self.order.iter().copied().find(same));
        }
        // A message of ours keeps its row; whatever else turned out to be the same goes.
`,
  },
  {
    name: "joined-by-text-in-the-list",
    protocols: ["guest", "session"],
    bug: "an entry of the guest's is joined to any row of the same words",
    file: transcript,
    find: "        // A message of ours keeps its row; whatever else turned out to be the same goes.\n",
    replace: `        let mut keys = keys;
        if keys.is_empty() && entry.direction == Direction::Inbound {
            let same = |key: &u32| self.get(*key).own.as_ref().is_some_and(|(text, _)| entry.text == Some(text));
            keys.extend(self.order.iter().copied().find(same));
        }
        // A message of ours keeps its row; whatever else turned out to be the same goes.
`,
  },
  {
    name: "list-in-the-order-of-ids",
    protocols: ["guest", "session"],
    bug: "the list is ordered by the service's ids, and by its time only where those are the same",
    file: transcript,
    find: "(true, true) => self.time.cmp(&other.time).then_with(|| self.tie().cmp(other.tie())),",
    replace: "(true, true) => self.tie().cmp(other.tie()).then_with(|| self.time.cmp(&other.time)),",
  },
  {
    name: "page-number-from-list-size",
    bug: "the next older page is counted from the rows in the list, which the unsent make longer",
    edits: [
      { file: "src/guest/session/commands.rs", find: "            self.history.want_older(ticket);", replace: "            self.history.want_older(ticket, self.transcript.len());" },
      {
        file: "src/guest/history.rs",
        find: `    pub fn want_older(&mut self, ticket: Ticket) {
`,
        replace: `    pub fn want_older(&mut self, ticket: Ticket, rows: usize) {
        self.pages = rows as u32 / super::wire::guest_api::PAGE_SIZE;
`,
      },
    ],
  },
  {
    name: "a-line-that-is-left-moves-no-watermark",
    protocols: ["guest"],
    bug: "what came over a line that was being left is not looked for again, and stays though its conversation was cleared",
    file: "src/guest/session/line.rs",
    find: "            self.watermark = self.transcript.oldest();\n",
    replace: "            self.watermark = None;\n",
  },
];
