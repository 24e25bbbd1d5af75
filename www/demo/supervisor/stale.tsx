/** Says that what stands here is as it was when the line was lost. */
import type { JSX } from "preact";
import type { Watch } from "./watch.js";

export function Stale({ watch, now }: { readonly watch: Watch; readonly now: number }): JSX.Element | null {
  if (watch.lostAt === undefined) return null;
  return <p class="stale-note number">Line lost: as it was {Math.max(0, Math.floor((now - watch.lostAt) / 1000))} s ago</p>;
}
