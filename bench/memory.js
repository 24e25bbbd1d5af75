// The memory of a WebAssembly module, seen as it is made.

let seen;
for (const name of ["instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (...args) => {
    const result = await original.apply(WebAssembly, args);
    // By what it is: an optimiser may have given it another name.
    seen = Object.values((result.instance ?? result).exports).find((value) => value instanceof WebAssembly.Memory) ?? seen;
    return result;
  };
}

/** Its bytes; 0 where there is none. */
export const memory = () => seen?.buffer.byteLength ?? 0;
