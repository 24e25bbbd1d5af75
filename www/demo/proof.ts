/**
 * The demo's claim, worked out from two independent sides: what was typed here and what the service says it stored.
 * Nothing the client says about its own success counts, except to tell waiting from missing.
 */

export type TypedStatus = "queued" | "sending" | "sent" | "failed" | "expired";

/** A message as the visitor typed it, in the order in which it was accepted. */
export interface Typed {
  readonly id: string;
  readonly text: string;
  readonly status: TypedStatus;
  /** When the client first called it sent, in ms. A look at the service from before then cannot tell that it is missing. */
  readonly sentAt?: number;
  /** As what the service stored it, by the client's word: where nothing carries our id, it tells whose a stored message is. */
  readonly serverId?: string;
  /** The row left the transcript: taken back by the visitor, or cleared with the conversation. */
  readonly removed?: boolean;
}

/** A guest message in the service's store, in the order in which it was stored. */
export interface Stored { readonly text?: string; readonly tracingId?: string; readonly serverId?: string; readonly token?: string }

export interface Proof {
  readonly typed: number;
  readonly stored: number;
  readonly waiting: number;
  /** Failed or expired, and shown to the visitor as such. */
  readonly refused: number;
  readonly takenBack: number;
  readonly missing: number;
  readonly doubled: number;
  readonly inOrder: boolean;
  /** "proved": all that was typed is stored; "waiting": true so far; "broken": something is missing, doubled or out of order. */
  readonly verdict: "empty" | "proved" | "waiting" | "broken";
}

/** Which typed message each stored one is: by our id where the service carries it, else the first unclaimed one of the same text. */
function claims(typed: readonly Typed[], stored: readonly Stored[]): { order: number[]; doubled: number } {
  const byId = new Map(typed.map((entry, index) => [entry.id, index]));
  const claimed = new Set<number>();
  const named = stored.map((entry) => (entry.tracingId ? byId.get(entry.tracingId) : undefined));
  const namedOnce = new Set(named.filter((index) => index !== undefined));
  const order: number[] = [];
  let doubled = 0;
  stored.forEach((entry, place) => {
    const index =
      named[place] ??
      typed.findIndex((candidate, at) => candidate.text === entry.text && !claimed.has(at) && !namedOnce.has(at));
    if (index >= 0 && !claimed.has(index)) {
      claimed.add(index);
      order.push(index);
    } else if (index >= 0 || typed.some((candidate) => candidate.text === entry.text)) {
      doubled += 1;
    }
  });
  return { order, doubled };
}

/** What was stored under tokens that were used here: another browser on the same deployment may well have said the same words. */
export function storedForUs(typed: readonly Typed[], stored: readonly Stored[]): Stored[] {
  const ids = new Set(typed.flatMap(({ id, serverId }) => [id, serverId]));
  const isOurs = ({ tracingId, serverId }: Stored): boolean => [tracingId, serverId].some((id) => id !== undefined && ids.has(id));
  const tokens = new Set(stored.filter(isOurs).map(({ token }) => token));
  return stored.filter(({ token }) => tokens.has(token));
}

/** `seenAt`: when the look at the service began, in ms. */
export function prove(typed: readonly Typed[], stored: readonly Stored[], seenAt: number): Proof {
  const { order, doubled } = claims(typed, stored);
  const found = new Set(order);
  let waiting = 0, refused = 0, takenBack = 0, missing = 0, cleared = 0;
  typed.forEach((entry, index) => {
    if (found.has(index)) return;
    if (entry.status === "sent") {
      if (entry.removed) cleared += 1;
      else if (entry.sentAt !== undefined && entry.sentAt < seenAt) missing += 1;
      else waiting += 1;
    } else if (entry.removed) takenBack += 1;
    else if (entry.status === "failed" || entry.status === "expired") refused += 1;
    else waiting += 1;
  });
  const inOrder = order.every((index, place) => place === 0 || index > (order[place - 1] ?? -1));
  const broken = missing > 0 || doubled > 0 || !inOrder;
  const total = typed.length - cleared;
  return {
    typed: total, stored: found.size + doubled, waiting, refused, takenBack, missing, doubled, inOrder,
    verdict: broken ? "broken" : total === 0 ? "empty" : waiting > 0 ? "waiting" : "proved",
  };
}
