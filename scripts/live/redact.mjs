// Frames leave this machine only redacted: no token, no JWT, no address that opens a file, no name of a person, nothing that the
// other side said. What is left is the form of the protocol.

/** Members that are gone whatever they hold. */
const SECRET = /^(token|jwt|authorization|refreshToken|resumeToken|sessionJoinToken|password|secret)$/i;
const ADDRESS = /^(url|downloadUrl|image|imageUrl|avatarUrl|logoUrl)$/i;
const PERSON = /^(firstName|lastName|nickname|name|email)$/i;

/** Replaces what is secret; the same secret always gets the same name, so that frames can still be told apart. */
export class Redactor {
  #names = new Map();

  /** Makes a value known by a name of its own: wherever it occurs, that stands in its place. */
  hide(kind, value) {
    if (typeof value !== "string" || value === "") return;
    if (!this.#names.has(value)) this.#names.set(value, `<${kind} ${[...this.#names.values()].filter((name) => name.startsWith(`<${kind} `)).length + 1}>`);
  }

  /** A frame, an HTTP body or a line of text without what is secret. */
  redact(text) {
    let value;
    try {
      value = JSON.parse(text);
    } catch {
      return { unreadable: Buffer.byteLength(text) };
    }
    this.#collect(value);
    return this.#walk(value, {});
  }

  /** An address: where it leads, not what opens it. */
  address(url) {
    const { origin, pathname, searchParams } = new URL(url);
    const known = new Set(["deploymentId", "application", "pageNumber", "pageSize"]);
    const query = [...searchParams].map(([name, value]) => `${name}=${known.has(name) ? value : "<redacted>"}`).join("&");
    return this.#replace(`${origin}${pathname}${query === "" ? "" : `?${query}`}`);
  }

  #collect(value, key = "") {
    if (typeof value === "string") {
      if (key === "token") this.hide("token", value);
      else if (SECRET.test(key) || /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(value)) this.hide("jwt", value);
    } else if (typeof value === "object" && value !== null) {
      for (const [name, member] of Object.entries(value)) this.#collect(member, name);
    }
  }

  #walk(value, around, key = "") {
    if (typeof value === "string") return this.#text(value, around, key);
    if (Array.isArray(value)) return value.map((item) => this.#walk(item, around, key));
    if (typeof value !== "object" || value === null) return value;
    // An outbound message is an agent's or a bot's, and stays one in all its parts.
    const within = { theirs: around.theirs || value.direction === "Outbound", headers: key === "headers" };
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.#walk(member, within, name)]));
  }

  #text(value, { theirs, headers }, key) {
    if (this.#names.has(value)) return this.#names.get(value);
    if (SECRET.test(key)) return "<redacted>";
    if (ADDRESS.test(key)) return "<address>";
    if (headers) return "<header>";
    if (PERSON.test(key)) return "<name>";
    if (theirs && /^(text|title|subtitle|description|payload|body|header|footer|summaryText|caption)$/i.test(key)) return `<${value.length} characters>`;
    return this.#replace(value);
  }

  #replace(text) {
    let clean = text;
    for (const [secret, name] of this.#names) clean = clean.replaceAll(secret, name).replaceAll(encodeURIComponent(secret), name);
    return clean;
  }
}
