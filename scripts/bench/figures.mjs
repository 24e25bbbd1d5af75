// The arithmetic of the figures, and how they are written.

/** The value below which so many of a hundred lie. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1))];
}
export const median = (values) => percentile(values, 50);

export const ms = (value) => (value < 10 ? `${value.toFixed(value < 0.995 ? 3 : 2)} ms` : `${Math.round(value)} ms`);
export const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
export const spread = (values) => `${ms(median(values))}`;
