/**
 * Finds addresses in plain text. Only schemes of the allow-list become links; everything else, `javascript:` included, stays
 * the text it was. Text is never changed: the pieces joined are the input.
 */

export type Piece = { readonly text: string; readonly href?: string };

const SAFE_SCHEMES: ReadonlySet<string> = new Set(["https:", "http:", "mailto:", "tel:"]);

const CANDIDATE = /\b(?:https?:\/\/|www\.|mailto:|tel:)[^\s<>"'`、。〈-】！-｠]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+/gi;

export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  const plain = (until: number): void => {
    if (until > end) pieces.push({ text: text.slice(end, until) });
  };
  for (const match of text.matchAll(CANDIDATE)) {
    const shown = withoutTail(match[0]);
    const href = safeHref(shown);
    if (href === undefined) continue;
    plain(match.index);
    pieces.push({ text: shown, href });
    end = match.index + shown.length;
  }
  plain(text.length);
  return pieces;
}

/** The address to follow, or undefined when it is not one of the safe schemes. Also for addresses the service sends. */
export function safeHref(address: string): string | undefined {
  const full = /^www\./i.test(address) ? `https://${address}` : /^[^:/]+@/.test(address) ? `mailto:${address}` : address;
  try {
    const url = new URL(full);
    return SAFE_SCHEMES.has(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Drops the punctuation of the sentence around an address; a closing bracket stays when the address has its opening one. */
function withoutTail(address: string): string {
  const unopened = ["()", "[]", "{}"].map(([opening, closing]) => address.split(closing!).length - address.split(opening!).length);
  for (let end = address.length; ; end--) {
    const last = address.charAt(end - 1);
    if (!".,;:!?…".includes(last) && !(unopened[")]}".indexOf(last)]!-- > 0)) return address.slice(0, end);
  }
}
