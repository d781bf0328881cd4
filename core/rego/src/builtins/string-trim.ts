/** Cuts the characters of a set off both ends. */
export function trim(text: string, cutset: string): string {
  return trimEnd(trimStart(text, cutset), cutset);
}

export function trimStart(text: string, cutset: string): string {
  const cut = new Set(cutset);
  let start = 0;
  for (const character of text) {
    if (!cut.has(character)) break;
    start += character.length;
  }
  return text.slice(start);
}

export function trimEnd(text: string, cutset: string): string {
  const cut = new Set(cutset);
  let end = text.length;
  while (end > 0) {
    const start = isSurrogatePair(text, end - 2) ? end - 2 : end - 1;
    if (!cut.has(text.slice(start, end))) break;
    end = start;
  }
  return text.slice(0, end);
}

function isSurrogatePair(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff;
}

/** Unicode's White_Space (PropList.txt). JavaScript's `trim` takes U+FEFF for one and U+0085 for none. */
const WHITE_SPACE =
  "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

export function trimSpace(text: string): string {
  return trim(text, WHITE_SPACE);
}
