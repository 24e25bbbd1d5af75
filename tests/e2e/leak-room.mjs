// The room of the leak test: one visitor in an empty page under the strict policy, with the element around a client of the test's own making,
// and everything that comes out of that page overheard.

import { Witness } from "./overhear.mjs";
import { BROKEN_LINE, deployment, profile, until, url } from "./stage.mjs";

/** One visitor, overheard; the element shows the client. */
export class Room {
  static async of(t, protocol) {
    const room = new Room();
    room.protocol = protocol;
    room.context = await profile(t, { expects: BROKEN_LINE });
    room.witness = await Witness.of(room.context);
    room.service = deployment(t, protocol);
    await room.enter();
    return room;
  }

  /** A page, and another life of it; something is said before the module is there. */
  async enter() {
    this.page = await this.context.newPage();
    this.early = this.witness.word("early");
    // The bare page without its script: what the service sends under its own policy, and nothing on it.
    await this.page.route("**/bare.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
    await this.page.goto(`${url}/bare.html`);
    await this.page.evaluate(async ([deploymentId, protocol, text]) => {
      window.clients = [];
      window.make = async (id, more = {}) => {
        const { GuestClient } = await import("/dist/index.js");
        const client = new GuestClient({ deploymentId: id, endpoint: location.origin, debug: (line) => window.overheard.hear("debug", line), ...more });
        window.overheard.client(client);
        window.clients.push(client);
        return client;
      };
      // Asked from the site's backend, until a test has other wishes.
      window.ask = async () => (await fetch(`/demo-backend/token?deploymentId=${deploymentId}`, { method: "POST" })).json();
      const session = protocol === "session" ? { protocol, token: () => window.ask() } : {};
      window.client = await window.make(deploymentId, session);
      window.client.send(text);
      await import("/dist/define.js");
      const chat = Object.assign(document.createElement("guestwire-chat"), { client: window.client });
      document.body.append(chat);
      window.overheard.watch(chat.shadowRoot);
      chat.open();
    }, [this.service.deploymentId, this.protocol, this.early]);
  }

  ready() {
    return this.page.waitForFunction(() => window.client.state.name === "ready");
  }

  /** Sends a text with a word that nobody else says, and gives the word. */
  async say(options = {}) {
    const word = this.witness.word("typed");
    await this.page.evaluate(([text, more]) => void window.client.send(text, more), [`${word} "is" <b>what</b> I said`, options]);
    return word;
  }

  async answers() {
    const word = this.witness.word("said");
    await this.service.says(`${word} "is" <b>what</b> we said`);
    await this.shows(word);
  }

  /** The element shows a text, and it is where the status says. */
  shows(word, status) {
    return this.page.waitForFunction(([word, status]) => window.client.messages.some((message) => message.text?.includes(word) && (status === undefined || message.status === status)) && [...document.querySelector("guestwire-chat").shadowRoot.querySelectorAll(".bubble")].some(({ textContent }) => textContent.includes(word)), [word, status]);
  }

  sent(word) {
    return this.shows(word, "sent");
  }

  told(place) {
    return until(() => this.witness.listen(this.page).then(() => this.witness.count(place)), (count) => count > 0, `${place} is heard`);
  }

  hurry() {
    return this.page.evaluate(() => window.client.reconnect());
  }

  /** What a service that is out of its mind may send: every secret and a word, in every kind of frame. */
  async rave() {
    const word = this.witness.word("raved");
    const all = [...this.witness.secrets.keys(), word].join(" ");
    const guest = [
      { type: "response", class: "string", code: 500, body: all },
      { type: "response", class: "string", code: 400, body: all, tracingId: all },
      { type: "response", class: "TooManyRequestsErrorMessage", code: 429, body: { errorMessage: all, retryAfter: 1 } },
      { type: "response", class: "ErrorMessage", code: 4011, body: { message: all } },
      { type: "message", class: all, code: 200, body: { text: all } },
      { type: "message", class: "StructuredMessage", code: 200, body: { id: all, type: all, direction: all, text: all } },
      { type: "message", class: "ConnectionClosedEvent", code: 200, body: { reason: all } },
    ];
    const session = [{ type: all, text: all }, { id: 7, senderId: all, text: { all } }, { error: all }];
    const garbage = Array.from({ length: 25 }, (_, n) => `${all} ${n} {`);
    for (const frame of [...garbage, ...(this.protocol === "session" ? session : guest), ...garbage]) await this.service.agent({ do: "raw", frame });
  }

  refusal(run, ...given) {
    return this.page.evaluate(([source, values]) => window.overheard.refusal(() => new Function("return " + source)()(...values)), [String(run), given]);
  }
}
