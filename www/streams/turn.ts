/** A turn of the host's loop, so that a page can draw and answer in between. */

const host = globalThis as { setImmediate?: (run: () => void) => unknown };
const queue: (() => void)[] = [];
let port: MessagePort | undefined;

/** Settles in another task, at once: unlike a timer it is not held back in a hidden page, nor clamped to 4 ms. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    // Node, where an open port would keep the process alive.
    if (host.setImmediate !== undefined) host.setImmediate(resolve);
    else if (typeof MessageChannel !== "function") setTimeout(resolve, 0);
    else if (queue.push(resolve) === 1) post();
  });
}

function post(): void {
  if (port === undefined) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      for (const resolve of queue.splice(0)) resolve();
    };
    port = port2;
  }
  port.postMessage(null);
}
