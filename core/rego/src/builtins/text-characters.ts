// Rego's strings are counted in code points; ours are UTF-16.

export function countCharacters(text: string): number {
  let count = text.length;
  for (let i = 0; i + 1 < text.length; i++) if ((text.codePointAt(i) as number) > 0xffff) count--;
  return count;
}

/** So many of them; all without a number. */
export function firstCharacters(text: string, count: number | undefined): string {
  if (count === undefined || count >= text.length) return text;
  let end = 0;
  for (let i = 0; i < count && end < text.length; i++) end += (text.codePointAt(end) as number) > 0xffff ? 2 : 1;
  return text.slice(0, end);
}
