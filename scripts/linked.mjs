// A module as wasm-ld leaves it with `--emit-relocs`: which bytes of its code and data are the address of which symbol. This is
// read, checked against the bytes, and changed in place; the linker writes every such number five bytes wide.
// The format: https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md

const section = { custom: 0, import: 2, global: 6, export: 7, start: 8, element: 9, code: 10, data: 11 };
const symbolKind = { function: 0, data: 1, section: 3 };
const undefinedSymbol = 0x10;
const explicitName = 0x40;
export const relocation = { functionCall: 0, slotInCode: 1, slotInData: 2, addressInAccess: 3, addressInCode: 4, addressInData: 5 };
const addresses = [relocation.addressInAccess, relocation.addressInCode, relocation.addressInData];
/** Indices of types, globals and tables: nothing here moves those. */
const otherRelocations = [6, 7, 20];
const i32 = 0x7f;
const i32Const = 0x41;
const globalGet = 0x23;
const end = 0x0b;
const externalGlobal = 3;

/** Reads bytes of a module one after the other. */
class Reader {
  constructor(bytes, at, limit) {
    Object.assign(this, { bytes, at, limit });
  }
  get more() {
    return this.at < this.limit;
  }
  byte() {
    return this.bytes[this.at++];
  }
  unsigned() {
    let [value, scale, byte] = [0, 1, 0];
    do {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte & 0x80);
    return value;
  }
  signed() {
    const from = this.at;
    const value = this.unsigned();
    return this.bytes[this.at - 1] & 0x40 ? value - 2 ** (7 * (this.at - from)) : value;
  }
  name() {
    const length = this.unsigned();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }
  list(read) {
    return Array.from({ length: this.unsigned() }, read);
  }
}

/** A linked module: `symbols`, `functions`, `segments`, `slots` (of the table), and `places`, where a symbol is named. */
export class Linked {
  #bytes;
  #sections = [];
  #globals = 0;
  #constants = [];
  #read;

  constructor(bytes) {
    this.#bytes = Uint8Array.from(bytes);
    this.#read = (from, to) => new Reader(this.#bytes, from, to);
    this.#split();
    this.#readFunctions();
    this.#readSlots();
    this.#readSegments();
    this.#readLinking();
    this.#readPlaces();
  }

  /** Makes a trap of a function, in the bytes that it has: no locals, and nothing but `unreachable` until its end. */
  trap(fn) {
    this.#bytes.fill(0, fn.start, fn.end - 1);
    fn.places = [];
  }

  /** Gives the function with this index the slots of the table. */
  fillSlots(slots, index) {
    for (const slot of slots) this.slots.set(slot, index);
  }

  #setAddress(place, address) {
    if (place.type === relocation.addressInData) new DataView(this.#bytes.buffer).setUint32(place.at, address, true);
    else this.#bytes.set(wide(address), place.at);
  }

  /**
   * Leaves of a segment only the symbols in `live`, moved together. What still names another is never read: any address will do.
   * The linker does not say how a symbol is aligned: no more than its address is and, by Rust's rules, its size. (WebAssembly
   * itself reads from any address.)
   */
  keepOnly(segment, live) {
    // The linker has no relocation for a data symbol that is exported, as a global.
    check(!this.#constants.some((value) => value >= segment.address && value < segment.address + segment.size), `no global for what is in ${segment.name}`);
    const own = ({ kind, segment: at }) => kind === symbolKind.data && at === this.segments.indexOf(segment);
    const alignment = ({ offset, size }) => [16, 8, 4, 2].find((power) => (segment.address + offset) % power === 0 && size % power === 0) ?? 1;
    // Symbols that share bytes move as one.
    const pieces = [];
    for (const symbol of [...live].filter(own).sort((a, b) => a.offset - b.offset || b.size - a.size)) {
      const last = pieces.at(-1);
      const limit = symbol.offset + symbol.size;
      if (last !== undefined && symbol.offset < last.end) Object.assign(last, { end: Math.max(last.end, limit), align: Math.max(last.align, alignment(symbol)) });
      else pieces.push({ start: symbol.offset, end: limit, align: alignment(symbol), symbols: [] });
      pieces.at(-1).symbols.push(symbol);
    }
    let free = 0;
    const moved = new Map();
    for (const piece of pieces.sort((a, b) => b.align - a.align || a.start - b.start)) {
      while ((free - piece.start) % piece.align !== 0) free += 1;
      for (const symbol of piece.symbols) moved.set(symbol, free + symbol.offset - piece.start);
      piece.to = free;
      free += piece.end - piece.start;
    }
    for (const place of [...this.functions, ...this.segments].flatMap(({ places }) => places)) {
      if (!addresses.includes(place.type) || !own(place.symbol)) continue;
      this.#setAddress(place, segment.address + (moved.has(place.symbol) ? moved.get(place.symbol) + place.addend : 0));
    }
    const packed = new Uint8Array(free);
    for (const { start, end: limit, to } of pieces) packed.set(this.#bytes.subarray(segment.start + start, segment.start + limit), to);
    this.#bytes.set(packed, segment.start);
    segment.size = free;
  }

  /** The module without the sections for linking, for tools that take it as it runs. */
  toBytes() {
    return this.#write({ bytes: this.#bytes });
  }

  /**
   * The module with every address and every slot in its code hidden in a global that anybody might change: what an optimiser
   * still reads of these is what the code needs. Gives `bytes` and `hidden`, the symbol behind the export of each such global.
   */
  opaque() {
    const bytes = this.#bytes.slice();
    const hidden = new Map();
    const global = new Map();
    for (const place of this.functions.flatMap((fn) => fn.places)) {
      if (place.type !== relocation.addressInCode && place.type !== relocation.slotInCode) continue;
      // By addend as well: two places in one symbol are not the same.
      const key = `${place.type} ${place.symbol.id} ${place.addend}`;
      if (!global.has(key)) {
        hidden.set(`hidden.${global.size}`, place.symbol);
        global.set(key, this.#globals + global.size);
      }
      bytes[place.at - 1] = globalGet;
      bytes.set(wide(global.get(key)), place.at);
    }
    const globals = [...hidden].map(() => [i32, 1, i32Const, 0, end]);
    const exports = [...hidden.keys()].map((name, at) => [...text(name), externalGlobal, ...number(this.#globals + at)]);
    return { bytes: this.#write({ bytes, globals, exports }), hidden };
  }

  #split() {
    const reader = this.#read(8, this.#bytes.length);
    while (reader.more) {
      const id = reader.byte();
      const size = reader.unsigned();
      const [start, limit] = [reader.at, reader.at + size];
      const name = id === section.custom ? reader.name() : "";
      this.#sections.push({ id, name, start, body: reader.at, end: limit });
      reader.at = limit;
    }
  }

  #section(id, name = "") {
    const found = this.#sections.find((one) => one.id === id && one.name === name);
    check(found !== undefined, `section ${id} ${name}`);
    return this.#read(found.body, found.end);
  }

  #readFunctions() {
    const imports = this.#section(section.import);
    let imported = 0;
    for (const kind of imports.list(() => [imports.name(), imports.name(), imports.byte(), imports.unsigned()][2])) {
      check(kind === 0, "imports of functions alone");
      imported += 1;
    }
    const code = this.#section(section.code);
    this.functions = code.list(() => {
      const size = code.unsigned();
      code.at += size;
      return { start: code.at - size, end: code.at, places: [] };
    });
    const names = new Map();
    const all = this.#section(section.custom, "name");
    while (all.more) {
      const [kind, size] = [all.byte(), all.unsigned()];
      const part = this.#read(all.at, all.at + size);
      if (kind === 1) part.list(() => names.set(part.unsigned(), part.name()));
      all.at += size;
    }
    for (const [at, fn] of this.functions.entries()) Object.assign(fn, { index: imported + at, name: names.get(imported + at) ?? "" });
    this.imported = imported;
    this.#readGlobals();
    const exports = this.#section(section.export);
    /** Indices of the functions that are exported. */
    this.exported = exports.list(() => [exports.name(), exports.byte(), exports.unsigned()]).filter(([, kind]) => kind === 0).map(([, , index]) => index);
    check(!this.#sections.some(({ id }) => id === section.start), "no start function");
  }
  #readGlobals() {
    const globals = this.#section(section.global);
    globals.list(() => {
      const [type, isVariable, instruction] = [globals.byte(), globals.byte() === 1, globals.byte()];
      check(type === i32 && instruction === i32Const, "globals that begin with a number");
      const value = globals.signed();
      check(globals.byte() === end, "globals that begin with a number");
      this.#globals += 1;
      if (!isVariable) this.#constants.push(value);
    });
  }

  #readSlots() {
    const elements = this.#section(section.element);
    check(elements.unsigned() === 1 && elements.unsigned() === 0 && elements.byte() === i32Const, "one plain segment of elements");
    const first = elements.signed();
    check(elements.byte() === end, "one plain segment of elements");
    /** Slot of the table to index of a function. */
    this.slots = new Map(elements.list(() => elements.unsigned()).map((index, at) => [first + at, index]));
  }

  #readSegments() {
    const data = this.#section(section.data);
    this.segments = data.list(() => {
      check(data.unsigned() === 0 && data.byte() === i32Const, "plain segments of data");
      const address = data.signed();
      check(data.byte() === end, "plain segments of data");
      const size = data.unsigned();
      data.at += size;
      return { address, size, start: data.at - size, places: [] };
    });
  }

  #readLinking() {
    const linking = this.#section(section.custom, "linking");
    check(linking.unsigned() === 2, "version 2 of the linking section");
    const segmentNames = 5;
    const symbolTable = 8;
    while (linking.more) {
      const [kind, size] = [linking.byte(), linking.unsigned()];
      const part = this.#read(linking.at, linking.at + size);
      linking.at += size;
      if (kind === segmentNames) part.list(() => [part.name(), part.unsigned(), part.unsigned()]).forEach(([name], at) => Object.assign(this.segments[at], { name }));
      if (kind === symbolTable) this.symbols = part.list((_, id) => readSymbol(part, id));
    }
    check(this.symbols?.length > 0, "symbols");
  }

  #readPlaces() {
    const relocated = { "reloc.CODE": section.code, "reloc.DATA": section.data };
    for (const [name, id] of Object.entries(relocated)) {
      const list = this.#section(section.custom, name);
      const target = this.#sections[list.unsigned()];
      check(target?.id === id, `${name} for its section`);
      const hosts = id === section.code ? this.functions : this.segments;
      list.list(() => {
        const [type, offset, symbol] = [list.byte(), list.unsigned(), list.unsigned()];
        if (otherRelocations.includes(type)) return;
        const place = { type, at: target.start + offset, symbol: this.symbols[symbol], addend: addresses.includes(type) ? list.signed() : 0 };
        this.#checkPlace(place);
        const host = hosts.find(({ start, end: limit, size }) => start <= place.at && place.at < (limit ?? start + size));
        check(host !== undefined, "a function or a segment around each relocation");
        host.places.push(place);
      });
      check(!list.more, `the known form of ${name}`);
    }
    const named = new Set([...this.functions, ...this.segments].flatMap(({ places }) => places).map(({ symbol }) => symbol.index));
    check([...this.slots.values()].every((index) => named.has(index)), "a relocation for each slot of the table");
  }

  /** The number in the bytes is the one that the relocation stands for; else this is not the format we know. */
  #checkPlace({ type, at, symbol, addend }) {
    const reader = this.#read(at, at + 5);
    const inData = () => new DataView(this.#bytes.buffer).getUint32(at, true);
    const address = () => (symbol.kind === symbolKind.data && symbol.segment !== undefined ? (this.segments[symbol.segment].address + symbol.offset + addend) >>> 0 : NaN);
    const functionIn = (slot) => this.slots.get(slot);
    const found = {
      [relocation.functionCall]: () => [reader.unsigned(), symbol.index],
      [relocation.slotInCode]: () => [functionIn(reader.signed()), symbol.index],
      [relocation.slotInData]: () => [functionIn(inData()), symbol.index],
      [relocation.addressInAccess]: () => [reader.unsigned(), address()],
      [relocation.addressInCode]: () => [reader.signed() >>> 0, address()],
      [relocation.addressInData]: () => [inData(), address()],
    }[type]?.();
    check(found !== undefined, `relocations of a known type, not ${type}`);
    check(found[0] === found[1], `${found[1]} where ${symbol.name} is named, not ${found[0]}`);
    const operand = type === relocation.slotInCode || type === relocation.addressInCode;
    check(!operand || this.#bytes[at - 1] === i32Const, "i32.const before an address");
    const isWide = type !== relocation.slotInData && type !== relocation.addressInData;
    check(!isWide || reader.at === at + 5, "numbers five bytes wide");
  }

  #write({ bytes, globals = [], exports = [] }) {
    const written = [bytes.subarray(0, 8)];
    const more = { [section.global]: globals, [section.export]: exports };
    for (const { id, name, start, body, end: limit } of this.#sections) {
      if (id === section.custom && (name === "linking" || name.startsWith("reloc."))) continue;
      let content = [bytes.subarray(start, limit)];
      if (id in more) {
        const reader = this.#read(body, limit);
        content = [number(reader.unsigned() + more[id].length), bytes.subarray(reader.at, limit), ...more[id]];
      }
      if (id === section.element) content = [[1, 0, i32Const, ...number(Math.min(...this.slots.keys())), end], number(this.slots.size), ...[...this.slots.values()].map(number)];
      if (id === section.data) content = [number(this.segments.length), ...this.segments.flatMap((segment) => [[0, i32Const, ...wide(segment.address), end], number(segment.size), bytes.subarray(segment.start, segment.start + segment.size)])];
      written.push([id], number(content.reduce((sum, part) => sum + part.length, 0)), ...content);
    }
    return Uint8Array.from(Buffer.concat(written.map((part) => Uint8Array.from(part))));
  }
}

function readSymbol(part, id) {
  const [kind, flags] = [part.byte(), part.unsigned()];
  if (kind === symbolKind.section) return { id, kind, section: part.unsigned() };
  const isDefined = (flags & undefinedSymbol) === 0;
  if (kind === symbolKind.data) {
    const name = part.name();
    return isDefined ? { id, kind, name, segment: part.unsigned(), offset: part.unsigned(), size: part.unsigned() } : { id, kind, name };
  }
  const index = part.unsigned();
  return { id, kind, index, name: isDefined || flags & explicitName ? part.name() : "" };
}

/** A number as the linker writes it, to be changed in place: signed and unsigned are alike below 2³¹. */
function wide(value) {
  return [0, 7, 14, 21, 28].map((shift) => ((value >>> shift) & 0x7f) | (shift < 28 ? 0x80 : 0));
}

function text(name) {
  const bytes = new TextEncoder().encode(name);
  return [...number(bytes.length), ...bytes];
}

function check(condition, expected) {
  if (!condition) throw new Error(`the linker was expected to give ${expected}`);
}

function number(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return [...bytes, value];
}
