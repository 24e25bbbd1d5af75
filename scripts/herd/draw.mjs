// The picture of a herd, as SVG written out by hand: one panel for each policy over a common time and a common, logarithmic scale.
// It has its own colours for a light and for a dark page, blue and orange, which every kind of colour vision tells apart; and since
// each panel is named, none has to.

const WIDTH = 980;
const LEFT = 68;
const RIGHT = 28;
const HEAD = 98;
/** A panel's plot, what stands above it, and what lies between two. */
const [PLOT, TITLE, GAP] = [78, 24, 14];
const FOOT = 42;
/** The scale begins below one attempt, so that one is seen. */
const LOWEST = 0.5;
/** Of a herd no more than this share may come in one stretch once the first half minute is over (row 1), percent. */
const MOST_PERCENT = 1.5;

const STYLE = `
svg { color-scheme: light dark; background: #ffffff; font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
text { fill: #1f2328; } .quiet { fill: #57606a; font-size: 12px; } .head { font-size: 17px; font-weight: 600; } .name { font-weight: 600; }
.right { text-anchor: end; } .middle { text-anchor: middle; } .figures { font-variant-numeric: tabular-nums; font-size: 12px; }
.page { fill: #ffffff; } .grid { stroke: #d8dee4; } .back { stroke: #57606a; } .limit { stroke: #57606a; stroke-dasharray: 4 3; }
.ours { fill: #0072b2; stroke: #0072b2; } .other { fill: #d55e00; stroke: #d55e00; } .marker { fill: #1f2328; }
.ours, .other { stroke-width: .6; vector-effect: non-scaling-stroke; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; } .page { fill: #0d1117; } text, .marker { fill: #e6edf3; } .quiet { fill: #9da7b3; } .grid { stroke: #2d333b; } .back, .limit { stroke: #9da7b3; }
  .ours { fill: #56b4e9; stroke: #56b4e9; } .other { fill: #e69f00; stroke: #e69f00; }
}`;

/** Thousands apart by a thin space, as everywhere. */
export const grouped = (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
export const inSeconds = (ms) => `${(ms / 1000).toFixed(1)}\u202fs`;
/** What a policy came to, in words. */
export const words = ({ back, fullest, attempts }) => `p50 ${inSeconds(back.p50)} · p99 ${inSeconds(back.p99)} · at most ${fullest.percent.toFixed(2)}\u202f% · ${grouped(attempts)} attempts`;

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const short = (number) => String(Number(number.toFixed(2)));

/** Draws what `bench/herd` told. */
export function draw(herd) {
  const { clients, bucketMs, awayMs, fromMs, ideal, policies } = herd;
  const longest = Math.max(...policies.map(({ buckets }) => buckets.length)) * bucketMs;
  const endMs = Math.ceil(longest / 30_000) * 30_000;
  const x = (ms) => LEFT + (ms / endMs) * (WIDTH - LEFT - RIGHT);
  const rise = (attempts) => (attempts < LOWEST ? 0 : (Math.log10(attempts / LOWEST) / Math.log10(clients / LOWEST)) * PLOT);
  const height = HEAD + policies.length * (TITLE + PLOT + GAP) + FOOT;
  const out = [];
  const text = (at, y, words, kind = "") => out.push(`<text x="${short(at)}" y="${short(y)}"${kind && ` class="${kind}"`}>${escaped(words)}</text>`);
  const line = (x1, y1, x2, y2, kind) => out.push(`<line x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}" class="${kind}"/>`);

  text(LEFT, 28, `${grouped(clients)} clients lose the service within ${herd.lostWithinMs}\u202fms`, "head");
  text(LEFT, 48, `Attempts to connect in each ${bucketMs}\u202fms, on a logarithmic scale. The service is away for ${awayMs / 1000}\u202fs, then admits ${grouped(herd.admittedPerSecond)} a second and`, "quiet");
  text(LEFT, 64, `refuses the rest: at best half are back ${inSeconds(ideal.p50)} after it (p50), and 99\u202f% ${inSeconds(ideal.p99)} after it (p99, ▼). “At most”: the fullest ${bucketMs}\u202fms`, "quiet");
  text(LEFT, 80, `after the first ${fromMs / 1000}\u202fs, as a share of all clients. Dashed: ${MOST_PERCENT}\u202f%, which guestwire may not exceed.`, "quiet");

  const bottom = HEAD + policies.length * (TITLE + PLOT + GAP) - GAP;
  policies.forEach((policy, n) => {
    const base = HEAD + n * (TITLE + PLOT + GAP) + TITLE + PLOT;
    const kind = n === 0 ? "ours" : "other";
    out.push(`<text x="${LEFT}" y="${base - PLOT - 8}"><tspan class="name">${escaped(policy.name)}</tspan> <tspan class="quiet" dx="6">${escaped(policy.formula)}</tspan></text>`);
    text(WIDTH - RIGHT, base - PLOT - 8, words(policy), "figures right");
    for (let tick = 10; tick <= clients; tick *= 10) {
      line(LEFT, base - rise(tick), WIDTH - RIGHT, base - rise(tick), "grid");
      // Every second one is named.
      if (Math.round(Math.log10(clients / tick)) % 2 === 0) text(LEFT - 6, base - rise(tick) + 4, grouped(tick), "quiet right");
    }
    out.push(`<path class="${kind}" transform="translate(${LEFT} ${base}) scale(${short6(((WIDTH - LEFT - RIGHT) / endMs) * bucketMs)} -1)" d="${steps(policy.buckets, rise)}"/>`);
    const limit = base - rise((clients * MOST_PERCENT) / 100);
    line(x(fromMs), limit, WIDTH - RIGHT, limit, "limit");
    line(LEFT, base, WIDTH - RIGHT, base, "back");
    line(x(awayMs), base - PLOT, x(awayMs), base, "back");
    const at = x(awayMs + policy.back.p99);
    out.push(`<path class="marker" d="M${short(at - 5)} ${base - PLOT}h10l-5 8z"/>`);
  });
  for (let ms = 0; ms <= endMs; ms += 30_000) {
    line(x(ms), bottom, x(ms), bottom + 4, "back");
    text(x(ms), bottom + 18, `${ms / 1000}\u202fs`, "quiet middle");
  }
  text(x(awayMs), bottom + 34, "the service is back", "quiet middle");

  const told = policies.map((policy) => `${policy.name}: ${words(policy)}`).join(". ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title told">`,
    `<title id="title">How ${grouped(clients)} clients come back after an outage of ${awayMs / 1000}\u202fs, by what they wait for</title>`,
    `<desc id="told">${escaped(told)}.</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    ...out,
    "</svg>",
    "",
  ].join("\n");
}

const short6 = (number) => String(Number(number.toFixed(6)));

/** The outline over a row of counts: one unit wide each, and as high as `rise` says. */
function steps(counts, rise) {
  let path = "M0 0";
  let before = "0";
  counts.forEach((count, n) => {
    const now = rise(count).toFixed(1).replace(/\.0$/, "");
    if (now !== before) path += `H${n}V${now}`;
    before = now;
  });
  return `${path}H${counts.length}V0z`;
}
