import type { Pattern } from "./pattern.ts";

/** Literal text, or the number of the group whose part of the match stands here. */
export type Replacement = string | number;

/**
 * What `regex.replace` puts in place of a match (Go's `Regexp.Expand`): `$1`, `$name`, `${1}` and `${name}` stand for
 * groups, `$$` for `$`. A name is as long as it can be; a group that the pattern has not gives nothing; a `$` that
 * starts none of these is itself.
 */
export function parseReplacement(text: string, pattern: Pattern): readonly Replacement[] {
  const parts: Replacement[] = [];
  let kept = 0;
  for (const reference of text.matchAll(REFERENCE)) {
    parts.push(text.slice(kept, reference.index));
    kept = reference.index + reference[0].length;
    const name = reference[1] ?? reference[2];
    const group = name === undefined ? undefined : groupOf(name, pattern);
    if (name === undefined) parts.push("$");
    else if (group !== undefined) parts.push(group);
  }
  parts.push(text.slice(kept));
  return parts;
}

const REFERENCE: RegExp = /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu;

function groupOf(name: string, pattern: Pattern): number | undefined {
  if (!/^[0-9]+$/.test(name)) return pattern.groupOf(name);
  const number = Number(name);
  return /^(?:0|[1-9][0-9]*)$/.test(name) && number <= pattern.groupCount ? number : undefined;
}
