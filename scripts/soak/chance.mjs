// Choices from a seed: the same seed and stream, the same choices (mulberry32, whose period of 2^32 is long enough for a schedule).

export class Chance {
  #state;

  /** `stream` tells generators of one seed apart, so that one that is asked more often does not shift the others. */
  constructor(seed, stream = "") {
    // FNV-1a over both.
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(`${seed}/${stream}`)) hash = Math.imul(hash ^ byte, 0x01000193);
    this.#state = hash >>> 0;
  }

  /** At least 0, below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(least, most) {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick(list) {
    return list[this.between(0, list.length - 1)];
  }

  shuffled(list) {
    const rest = [...list];
    for (let n = rest.length - 1; n > 0; n -= 1) {
      const m = this.between(0, n);
      [rest[n], rest[m]] = [rest[m], rest[n]];
    }
    return rest;
  }
}
