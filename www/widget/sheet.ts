/**
 * The element's constructable sheet. Sizes in rem so that they follow the visitor's text size; logical properties so that
 * right-to-left mirrors by itself (only the place on the page is physical). For the site: `::part()` on every box and
 *
 *   --guestwire-color     the brand colour; ink, hover, edge and accent are computed from it
 *   --guestwire-font      font family
 *   --guestwire-radius    corner of the panel and the bubbles (default 1.125rem)
 *   --guestwire-offset    distance from the page's corner (default 1.25rem)
 *   --guestwire-width     width of the panel (default 24rem)
 *   --guestwire-height    greatest height of the panel (default 42rem)
 *   --guestwire-z-index   default 2147483000
 *
 * Names with an underscore are private. `--_brand-*` are set from theme.ts.
 */

import { LAUNCHER } from "./launcher-sheet.js";

let shared: CSSStyleSheet | undefined;

/** One sheet for all elements of a page, made at the first use. */
export function sheet(): CSSStyleSheet {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(LAUNCHER + PALETTE + FRAME + TRANSCRIPT + COMPOSER + NOTICES + CONDITIONS);
  }
  return shared;
}

const PALETTE = `
.probe { display: none; color: var(--guestwire-color, #2f54d1); }
.root {
  color: var(--_text);
  font: 400 .9375rem/1.45 var(--guestwire-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif);
  text-align: start;
  -webkit-text-size-adjust: 100%;
  -webkit-tap-highlight-color: transparent;
  --_radius: var(--guestwire-radius, 1.125rem);
}
.root[data-theme=light] {
  color-scheme: light;
  --_ground: #fff; --_raised: #f3f5f8; --_text: #1b1f27; --_muted: #565e6c; --_line: #e4e7ec; --_edge: #868e9c;
  --_warn: #fff6e0; --_warn-text: #614200; --_good: #e6f5ec; --_good-text: #14532d; --_info: #eef2f9; --_info-text: #33415c;
  --_danger: #b42318; --_danger-ground: #fef1f0; --_veil: rgb(17 20 26 / .45);
  --_shadow: 0 0 0 1px rgb(17 24 39 / .06), 0 .5rem 1rem -.25rem rgb(17 24 39 / .1), 0 1.5rem 3.5rem -.5rem rgb(17 24 39 / .24);
}
.root[data-theme=dark] {
  color-scheme: dark;
  --_ground: #16181d; --_raised: #23272f; --_text: #eceef2; --_muted: #a7aebb; --_line: #2c313a; --_edge: #737b89;
  --_warn: #352a10; --_warn-text: #ffdb94; --_good: #14301f; --_good-text: #a5e7bf; --_info: #222a38; --_info-text: #c4d2ea;
  --_danger: #ff9d94; --_danger-ground: #3a1a18; --_veil: rgb(0 0 0 / .6);
  --_shadow: 0 0 0 1px rgb(255 255 255 / .1), 0 .5rem 1rem -.25rem rgb(0 0 0 / .4), 0 1.5rem 3.5rem -.5rem rgb(0 0 0 / .7);
}
*, *::before, *::after { box-sizing: border-box; }
p, ol, button, textarea { margin: 0; padding: 0; font: inherit; color: inherit; letter-spacing: inherit; }
/* A text in another direction than the page keeps its own order and stays on its side. */
p, time, bdi, .detail { unicode-bidi: plaintext; text-align: -webkit-match-parent; text-align: match-parent; }
ol { list-style: none; }
.icon { inline-size: 1.25rem; block-size: 1.25rem; flex: none; display: block; }
.sr { position: absolute; inline-size: 1px; block-size: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:focus-visible { outline: 2px solid var(--_brand-accent); outline-offset: 2px; }

button { border: 1px solid transparent; background: none; cursor: pointer; border-radius: .625rem; }
button[aria-disabled=true] { cursor: default; }
.small, .confirm button, .notice button { padding: .375rem .75rem; min-block-size: 2rem; border-color: var(--_edge); font-weight: 500; font-size: .8125rem; background: var(--_ground); color: var(--_text); }
.small:hover, .confirm button:hover { background: var(--_raised); }
.confirm button, .notice button { min-block-size: 2.75rem; padding-inline: 1.125rem; font-size: .9375rem; }
.root .primary { background: var(--_brand-fill); color: var(--_brand-ink); border-color: var(--_brand-edge); }
.root .primary:hover { background: var(--_brand-hover); }
.root .accent { color: var(--_brand-accent); border-color: var(--_brand-accent); }
.root .danger { color: var(--_danger); border-color: var(--_danger); }
.root .danger:hover { background: var(--_danger-ground); }
.plain { inline-size: min(2.5rem, 44px); block-size: min(2.5rem, 44px); flex: none; display: grid; place-items: center; color: var(--_muted); }
.plain:hover, .plain[aria-expanded=true] { background: var(--_raised); color: var(--_text); }
.headline { font-size: 1.0625rem; font-weight: 600; line-height: 1.3; color: var(--_text); }
`;

/* The panel clips and does not hide: what hides can be scrolled, and focus that moves to something still sliding in would scroll it. */
const FRAME = `
.panel {
  position: fixed; inset: auto; margin: 0; padding: 0; border: 0; max-inline-size: none; max-block-size: none;
  z-index: var(--guestwire-z-index, 2147483000);
  bottom: calc(var(--guestwire-offset, 1.25rem) + 4.25rem);
  inline-size: min(var(--guestwire-width, 24rem), 100vw - 2 * var(--guestwire-offset, 1.25rem));
  block-size: min(var(--guestwire-height, 42rem), 100% - 2 * var(--guestwire-offset, 1.25rem) - 4.25rem);
  background: var(--_ground); color: inherit; border-radius: calc(var(--_radius) + .125rem); box-shadow: var(--_shadow); overflow: clip;
}
.panel[open] { animation: arrive .22s cubic-bezier(.2, .8, .3, 1); }
[data-position=right] .panel { right: var(--guestwire-offset, 1.25rem); transform-origin: bottom right; }
[data-position=left] .panel { left: var(--guestwire-offset, 1.25rem); transform-origin: bottom left; }
.panel[aria-modal] {
  inset: var(--_screen-top) 0 auto 0; inline-size: 100%; block-size: var(--_screen-height);
  border-radius: 0; box-shadow: none;
}
.panel[aria-modal][open] ~ .launcher { visibility: hidden; }
.panel::backdrop { background: var(--_ground); }
.body { display: flex; flex-direction: column; block-size: 100%; min-block-size: 0; }
@keyframes arrive { from { opacity: 0; transform: translateY(.75rem) scale(.98); } }

.header { position: relative; z-index: 3; display: flex; align-items: center; gap: .125rem; padding: .75rem .625rem .75rem 1.25rem; padding-inline: 1.25rem .625rem; border-block-end: 1px solid var(--_line); flex: none; }
.heading { flex: 1; min-inline-size: 0; }
.title { font-size: 1.0625rem; font-weight: 650; line-height: 1.3; letter-spacing: -.01em; overflow-wrap: anywhere; }
.title:focus { outline: none; }
.standing { display: flex; min-inline-size: 0; align-items: center; gap: .4375rem; font-size: .8125rem; line-height: 1.35; color: var(--_muted); margin-block-start: .0625rem; }
.standing bdi { min-inline-size: 0; overflow-wrap: anywhere; }
.standing::before { content: ""; inline-size: .5rem; block-size: .5rem; border-radius: 50%; flex: none; border: .125rem solid var(--_edge); }
.standing.good::before { background: #1f9d55; border-color: #1f9d55; }
.standing.busy::before { border-color: #b7791f; }
.menu {
  position: absolute; inset-inline-end: .625rem; inset-block-start: calc(100% - .375rem); inline-size: max-content; max-inline-size: calc(100% - 1.25rem); padding: .375rem;
  background: var(--_ground); border: 1px solid var(--_edge); border-radius: .875rem; box-shadow: var(--_shadow);
}
.menu button { display: flex; justify-content: space-between; align-items: center; gap: 1.5rem; inline-size: 100%; min-block-size: 2.75rem; padding: .5rem .75rem; text-align: start; }
.menu button:focus-visible { outline-offset: -2px; }
.box { flex: none; inline-size: 1.25rem; block-size: 1.25rem; border: 1.5px solid var(--_edge); border-radius: .3125rem; }
[aria-checked=true] .box { background: var(--_brand-fill); color: var(--_brand-ink); border-color: var(--_brand-edge); }
.box .icon { inline-size: 100%; block-size: 100%; }
.menu button:hover { background: var(--_raised); }
.menu button[aria-disabled=true] { color: var(--_muted); background: none; }
`;

const TRANSCRIPT = `
.scroll { position: relative; flex: 1; min-block-size: 0; display: flex; flex-direction: column; }
.log { position: relative; flex: 1; min-block-size: 0; overflow: hidden auto; overscroll-behavior: contain; overflow-anchor: none; padding: 1rem 1rem .75rem; display: flex; flex-direction: column; scroll-padding-block: .5rem; scrollbar-width: thin; scrollbar-color: var(--_edge) transparent; }
.log:focus-visible { outline-offset: -3px; }
.date { display: flex; align-items: center; gap: .75rem; margin-block: .75rem 1rem; font-size: .75rem; font-weight: 500; color: var(--_muted); }
.day:first-of-type .date { margin-block-start: 0; }
.date::before, .date::after { content: ""; flex: 1; border-block-start: 1px solid var(--_line); }

.message { position: relative; display: flex; align-items: flex-end; margin-block-start: .1875rem; scroll-margin-block: 1rem; border-radius: .5rem; }
.message.first { margin-block-start: 1rem; }
.message:first-child { margin-block-start: 0; }
.agent { padding-inline: 2.5rem 2.5rem; }
.guest { justify-content: flex-end; padding-inline-start: 3.5rem; }
.stack { display: flex; flex-direction: column; align-items: flex-start; min-inline-size: 0; max-inline-size: 100%; }
.guest .stack { align-items: flex-end; }
.sender { font-size: .75rem; font-weight: 600; color: var(--_muted); margin: 0 .25rem .25rem; overflow-wrap: anywhere; }
.avatar { position: absolute; inset-inline-start: 0; inset-block-end: 1.25rem; inline-size: 2rem; block-size: 2rem; border-radius: 50%; display: grid; place-items: center; overflow: hidden; background: var(--_raised); color: var(--_muted); border: 1px solid var(--_line); font-size: .6875rem; font-weight: 650; letter-spacing: .02em; }
.avatar img { inline-size: 100%; block-size: 100%; object-fit: cover; }
.avatar .icon { inline-size: 1.125rem; block-size: 1.125rem; }

.bubble { padding: .5625rem .8125rem; border: 1px solid var(--_edge); border-radius: var(--_radius); max-inline-size: 100%; overflow-wrap: anywhere; }
.text { white-space: pre-wrap; text-align: start; }
.bubble a { color: inherit; text-decoration: underline; text-underline-offset: .15em; text-decoration-thickness: from-font; border-radius: .125rem; }
.agent .bubble { background: var(--_raised); border-color: var(--_edge); }
.agent .bubble a { color: var(--_brand-accent); }
.agent .bubble { border-start-start-radius: .375rem; border-end-start-radius: .375rem; }
.agent.first .bubble { border-start-start-radius: var(--_radius); }
.guest .bubble { background: var(--_brand-fill); color: var(--_brand-ink); border-color: var(--_brand-edge); border-start-end-radius: .375rem; border-end-end-radius: .375rem; }
.guest.first .bubble { border-start-end-radius: var(--_radius); }
.guest .bubble a:focus-visible { outline-color: var(--_brand-ink); outline-offset: 1px; }
.guest:is(.queued, .expired) .bubble { background: var(--_ground); color: var(--_text); border: 1px dashed var(--_brand-accent); }
.guest.failed .bubble { background: var(--_danger-ground); color: var(--_text); border-color: var(--_danger); }
.guest:is(.queued, .expired, .failed) .bubble a:focus-visible { outline-color: var(--_brand-accent); }
.file { display: flex; align-items: center; gap: .375rem; }
.text + .file { margin-block-start: .375rem; }

.line { display: flex; align-items: center; flex-wrap: wrap; gap: .125rem .5rem; margin: .25rem .25rem 0; font-size: .75rem; line-height: 1rem; color: var(--_muted); font-variant-numeric: tabular-nums; }
.guest .line { justify-content: flex-end; text-align: end; }
.status { display: inline-flex; align-items: center; gap: .25rem; }
.status .icon { inline-size: .875rem; block-size: .875rem; }
.guest:is(.failed, .expired) .status { color: var(--_danger); font-weight: 500; }
.line.within { margin-block-end: .375rem; }
.repair { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: .5rem; margin-block: .375rem .625rem; }

.marker { display: flex; align-items: center; gap: .75rem; margin-block: 1rem .75rem; font-size: .75rem; font-weight: 600; color: var(--_brand-accent); }
.marker::before, .marker::after { content: ""; flex: 1; border-block-start: 1px solid var(--_brand-accent); opacity: .5; }
.marker + .message { margin-block-start: 0; }
.event, .gap { margin-block: 1rem; padding: .5rem 1rem; text-align: center; font-size: .8125rem; color: var(--_muted); border-radius: .75rem; }
.gap { border: 1px dashed var(--_edge); }
.older { text-align: center; margin-block-end: 1rem; }
.older button { border-radius: 2rem; padding-inline: 1rem; }
.empty { margin: auto; padding: 1rem; text-align: center; color: var(--_muted); max-inline-size: 18rem; }
.emblem { display: grid; place-items: center; inline-size: 3.5rem; block-size: 3.5rem; margin: 0 auto 1rem; border-radius: 50%; background: var(--_raised); color: var(--_brand-accent); }
.emblem .icon { inline-size: 1.75rem; block-size: 1.75rem; }
.empty .headline { margin-block-end: .25rem; }

.typing { display: flex; align-items: center; gap: .625rem; margin-block-start: .75rem; padding-inline-start: 2.5rem; font-size: .8125rem; color: var(--_muted); }
.dots { display: flex; gap: .25rem; padding: .6875rem .75rem; border: 1px solid var(--_edge); border-radius: var(--_radius); background: var(--_raised); }
.dots i { inline-size: .375rem; block-size: .375rem; border-radius: 50%; background: var(--_muted); animation: breathe 1.2s ease-in-out infinite; }
.dots i:nth-child(2) { animation-delay: .15s; }
.dots i:nth-child(3) { animation-delay: .3s; }
@keyframes breathe { 0%, 60%, 100% { opacity: .4; } 30% { opacity: 1; transform: translateY(-.125rem); } }

.jump { position: absolute; inset-block-end: .75rem; inset-inline-end: 1rem; display: flex; align-items: center; gap: .375rem; min-inline-size: 2.75rem; min-block-size: 2.75rem; justify-content: center; border-radius: 1.5rem; background: var(--_ground); border-color: var(--_edge); box-shadow: 0 .25rem .75rem rgb(17 24 39 / .18); font-size: .8125rem; font-weight: 600; }
.jump:hover { background: var(--_raised); }
.jump.news { padding-inline: 1rem .75rem; background: var(--_brand-fill); color: var(--_brand-ink); border-color: var(--_brand-edge); }
.jump.news:hover { background: var(--_brand-hover); }
`;

const COMPOSER = `
.composer { flex: none; padding: .75rem 1rem; padding-block-end: max(.75rem, env(safe-area-inset-bottom)); border-block-start: 1px solid var(--_line); }
.field { display: flex; align-items: flex-end; gap: .25rem; padding: .25rem; border: 1px solid var(--_edge); border-radius: 1.5rem; background: var(--_ground); }
.field:focus-within { border-color: var(--_brand-accent); box-shadow: 0 0 0 1px var(--_brand-accent); }
.field.wrong { border-color: var(--_danger); }
.field.wrong:focus-within { box-shadow: 0 0 0 1px var(--_danger); }
textarea { flex: 1; min-inline-size: 0; display: block; resize: none; border: 0; background: none; padding: .4375rem .25rem .4375rem .75rem; padding-inline: .75rem .25rem; font-size: 1rem; line-height: 1.375rem; max-block-size: min(8rem, 30vh); overflow-y: auto; scrollbar-width: thin; }
textarea:focus-visible { outline: 2px solid transparent; outline-offset: 0; }
textarea::placeholder { color: var(--_muted); opacity: 1; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.send { flex: none; inline-size: 2.25rem; block-size: 2.25rem; border-radius: 50%; display: grid; place-items: center; background: var(--_brand-fill); color: var(--_brand-ink); border-color: var(--_brand-edge); transition: background-color .15s; }
/* One ring at a time. Without :has() there are two. */
.field:has(.send:focus) { border-color: var(--_edge); box-shadow: none; }
.send:focus-visible { outline-offset: 1px; }
.send:hover { background: var(--_brand-hover); }
.send[aria-disabled=true] { background: var(--_raised); color: var(--_muted); border-color: var(--_line); }
.note { font-size: .75rem; line-height: 1rem; color: var(--_muted); margin: .375rem .75rem 0; text-align: end; font-variant-numeric: tabular-nums; }
.note:empty { display: none; }
.note.wrong { text-align: start; }
.note.wrong, .notice .wrong { color: var(--_danger); font-weight: 500; }
`;

const NOTICES = `
.banner { flex: none; display: flex; flex-wrap: wrap; align-items: center; justify-content: flex-end; gap: .75rem; padding: .625rem 1rem .625rem 1.25rem; padding-inline: 1.25rem 1rem; font-size: .8125rem; line-height: 1.4; border-block-end: 1px solid var(--_line); font-variant-numeric: tabular-nums; }
.banner p { flex: 1 1 min(10rem, 100% - 3rem); min-inline-size: 0; }
.banner .detail { display: block; opacity: .92; }
.banner.warn { background: var(--_warn); color: var(--_warn-text); }
.banner.good { background: var(--_good); color: var(--_good-text); }
.banner.info { background: var(--_info); color: var(--_info-text); }
.banner .small { flex: none; background: none; color: inherit; border-color: currentColor; }
.banner .small:hover { text-decoration: underline; }
.banner.late { animation: late .9s step-end; }
@keyframes late { from { visibility: hidden; } }

.notice { flex: none; display: flex; flex-direction: column; align-items: center; gap: .75rem; padding: 1rem 1.25rem 1.25rem; padding-block-end: max(1.25rem, env(safe-area-inset-bottom)); text-align: center; border-block-start: 1px solid var(--_line); background: var(--_raised); }
.notice .icon { color: var(--_muted); inline-size: 1.5rem; block-size: 1.5rem; }
/* With nothing above it, it is what the panel shows. */
.notice.alone { flex: 1; justify-content: center; border: 0; background: none; }
.alone .emblem { margin-block-end: 0; }
.notice button { min-inline-size: min(12rem, 100%); }

.cover { position: absolute; inset: 0; z-index: 4; display: flex; align-items: flex-end; background: var(--_veil); }
.confirm { inline-size: 100%; max-block-size: 100%; overflow: auto; padding: 1.5rem 1.25rem 1.25rem; background: var(--_ground); border-start-start-radius: 1.25rem; border-start-end-radius: 1.25rem; animation: arrive .2s ease-out; }
.confirm > p:not(.headline) { color: var(--_muted); margin-block: .375rem 1.25rem; }
.choices { display: flex; flex-direction: column; gap: .5rem; }
`;

const CONDITIONS = `
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
  .dots i { opacity: 1; }
}
@media (forced-colors: active) {
  .panel, .menu, .launcher, .badge { border: 1px solid CanvasText; }
  .guest .bubble, .primary, .send { border-color: Highlight; }
  .field:focus-within { outline: 2px solid Highlight; }
  .standing.good::before { background: CanvasText; }
  :focus-visible { outline-color: Highlight; }
  .banner { border-block-end-color: CanvasText; }
}
@media (max-width: 340px) {
  .agent { padding-inline-end: .5rem; }
  .guest { padding-inline-start: 1.5rem; }
  .log { padding-inline: .75rem; }
}
@media (max-height: 320px) {
  .header { padding-block: .25rem; }
  .composer { padding-block: .375rem; }
}
@media print { .root { display: none; } }
`;
