// Bugs in the connection's life (src/core/link/mod.rs) and in what a new connection begins with.

const link = "src/core/link/mod.rs";

export const mutants = [
  {
    name: "backoff-reset-on-open",
    protocols: ["guest", "session"],
    bug: "an open socket counts as a good connection, so a service that closes at once is hammered",
    file: link,
    find: "                *opened = true;\n",
    replace: "                *opened = true;\n                self.failures = 0;\n",
  },
  {
    name: "no-socket-id-check-on-frames",
    protocols: ["guest", "session"],
    bug: "frames of a socket that was given up count as the current one's",
    file: link,
    find: "        self.observe(now);\n        self.socket() == Some(id)",
    replace: "        self.observe(now);\n        self.socket().is_some() || self.socket() == Some(id)",
  },
  {
    name: "no-socket-id-check-on-closes",
    protocols: ["guest", "session"],
    bug: "the close of a socket that was given up ends the current one",
    edits: [
      {
        file: link,
        find: `        if self.socket() != Some(id) {
            return false;
        }`,
        replace: `        if self.socket().is_none() {
            return false;
        }`,
      },
      {
        file: link,
        find: `        if self.leaving == Some(id) {
            self.gone(if close.clean { Gone::Clean } else { Gone::Unclean });
            return true;
        }`,
        replace: `        if self.leaving == Some(id) {
            self.gone(if close.clean { Gone::Clean } else { Gone::Unclean });
        }`,
      },
    ],
  },
  {
    name: "suspect-never-probes",
    protocols: ["guest", "session"],
    bug: "a line that is doubted is not asked, so it stays doubted",
    file: link,
    find: "                    self.probe(PROBE_MS - HURRY_MS);\n",
    replace: "                    let _ = HURRY_MS;\n",
  },
  {
    name: "join-forgotten-after-a-drop",
    bug: "a Join that the service never got is not owed to the next connection",
    file: "src/guest/session/line.rs",
    find: "remembered.join_owed = (remembered.join_owed || response.new) && !response.auto_started;",
    replace: "remembered.join_owed = response.new && !response.auto_started;",
  },
  {
    name: "a-cleared-conversation-comes-back",
    bug: "what the old socket still delivers of a conversation that was cleared is shown in the next",
    file: link,
    find: "        self.disowned = self.leaving;\n",
    replace: "",
  },
  {
    name: "hidden-gives-up-at-the-first-missed-probe",
    protocols: ["guest", "session"],
    bug: "a page behind others, whose timers are late, takes one probe without an answer for a dead line",
    file: "src/core/link/turns.rs",
    find: "self.hidden && !self.suspect && self.missed < 2",
    replace: "self.hidden && !self.suspect && self.missed < 1",
  },
  {
    name: "frozen-until-resume",
    protocols: ["guest", "session"],
    bug: "a page that was frozen with notice comes back with `resume` alone",
    file: "src/guest/session/line.rs",
    find: "            _ if self.away => {\n",
    replace: "            Page::Shown | Page::Resumed if self.away => {\n",
  },
  {
    name: "late-timers-put-off-for-ever",
    protocols: ["session"],
    bug: "an acknowledgement that is overdue is given a second more by every timer that is late",
    file: "src/guest/session/mod.rs",
    find: "self.now.mono - due > LATE_MS && self.is_ack_of(due) =>",
    replace: "self.now.mono - due > LATE_MS =>",
  },
];
