import { anyOf, arrayOf, BOOLEAN, functionOf, NUMBER, objectOf, STRING, setOf } from "../types.ts";
import { memberOf, type ObjectValue, sortedKeysOf, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult, failure } from "./builtin.ts";
import { elementsOf, operandMeaningFailure, operandOneOfFailure, taking, textsOf } from "./operands.ts";
import { lower, upper } from "./string-case.ts";
import { indexOf, placesOf } from "./string-search.ts";
import { trim, trimEnd, trimSpace, trimStart } from "./string-trim.ts";

const STRINGS = arrayOf(STRING);
const STRING_COLLECTION = anyOf(STRINGS, setOf(STRING));
const STRING_OR_COLLECTION = anyOf(STRING, STRINGS, setOf(STRING));

/** OPA policy reference, "Strings". Positions and lengths count code points, never UTF-16 units. */
export const STRING_BUILTINS: readonly Builtin[] = [
  {
    name: "concat",
    type: functionOf([STRING, STRING_COLLECTION], STRING),
    run: taking(["string", "any"], concat),
  },
  {
    name: "contains",
    type: functionOf([STRING, STRING], BOOLEAN),
    run: taking(["string", "string"], (_, text, part) => indexOf(text, part) >= 0),
  },
  {
    name: "startswith",
    type: functionOf([STRING, STRING], BOOLEAN),
    run: taking(["string", "string"], (_, text, prefix) => text.startsWith(prefix)),
  },
  {
    name: "endswith",
    type: functionOf([STRING, STRING], BOOLEAN),
    run: taking(["string", "string"], (_, text, suffix) => text.endsWith(suffix)),
  },
  {
    name: "strings.any_prefix_match",
    type: functionOf([STRING_OR_COLLECTION, STRING_OR_COLLECTION], BOOLEAN),
    run: (context, searched, prefixes) => anyPrefixMatch(context, searched as Value, prefixes as Value, (text) => text),
  },
  {
    name: "strings.any_suffix_match",
    type: functionOf([STRING_OR_COLLECTION, STRING_OR_COLLECTION], BOOLEAN),
    run: (context, searched, suffixes) => anyPrefixMatch(context, searched as Value, suffixes as Value, reverse),
  },
  {
    name: "indexof",
    type: functionOf([STRING, STRING], NUMBER),
    run: taking(["string", "string"], indexof),
  },
  {
    name: "indexof_n",
    type: functionOf([STRING, STRING], arrayOf(NUMBER)),
    run: taking(["string", "string"], indexofN),
  },
  {
    name: "strings.count",
    type: functionOf([STRING, STRING], NUMBER),
    run: taking(["string", "string"], count),
  },
  {
    name: "lower",
    type: functionOf([STRING], STRING),
    run: taking(["string"], (_, text) => lower(text)),
  },
  {
    name: "upper",
    type: functionOf([STRING], STRING),
    run: taking(["string"], (_, text) => upper(text)),
  },
  {
    name: "strings.reverse",
    type: functionOf([STRING], STRING),
    run: taking(["string"], (_, text) => reverse(text)),
  },
  {
    name: "replace",
    type: functionOf([STRING, STRING, STRING], STRING),
    run: taking(["string", "string", "string"], replace),
  },
  {
    name: "strings.replace_n",
    type: functionOf([objectOf(STRING, STRING), STRING], STRING),
    run: taking(["object", "string"], replaceN),
  },
  {
    name: "split",
    type: functionOf([STRING, STRING], STRINGS),
    run: taking(["string", "string"], split),
  },
  {
    name: "strings.split_n",
    type: functionOf([STRING, STRING, NUMBER], STRINGS),
    run: taking(["string", "string", "integer"], (context, text, delimiter, n) => {
      const parts = split(context, text, delimiter);
      return n < 0 ? parts.slice(n) : parts.slice(0, n);
    }),
  },
  {
    name: "substring",
    type: functionOf([STRING, NUMBER, NUMBER], STRING),
    run: taking(["string", "integer", "integer"], substring),
  },
  {
    name: "trim",
    type: functionOf([STRING, STRING], STRING),
    run: taking(["string", "string"], (_, text, cutset) => trim(text, cutset)),
  },
  {
    name: "trim_left",
    type: functionOf([STRING, STRING], STRING),
    run: taking(["string", "string"], (_, text, cutset) => trimStart(text, cutset)),
  },
  {
    name: "trim_right",
    type: functionOf([STRING, STRING], STRING),
    run: taking(["string", "string"], (_, text, cutset) => trimEnd(text, cutset)),
  },
  {
    name: "trim_prefix",
    type: functionOf([STRING, STRING], STRING),
    run: taking(["string", "string"], (_, text, prefix) =>
      text.startsWith(prefix) ? text.slice(prefix.length) : text,
    ),
  },
  {
    name: "trim_suffix",
    type: functionOf([STRING, STRING], STRING),
    run: taking(["string", "string"], (_, text, suffix) =>
      text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text,
    ),
  },
  {
    name: "trim_space",
    type: functionOf([STRING], STRING),
    run: taking(["string"], (_, text) => trimSpace(text)),
  },
];

function concat(context: BuiltinContext, delimiter: string, collection: Value): BuiltinResult {
  const elements = elementsOf(collection);
  if (elements === undefined) return operandOneOfFailure(2, ["set", "array"], collection);
  const texts = textsOf(2, collection, elements);
  if (texts instanceof BuiltinFailure) return texts;
  let length = 0;
  for (const text of texts) length += text.length + delimiter.length;
  context.spend((length >>> 3) + texts.length);
  return texts.join(delimiter);
}

/** Sorted, the texts that start with a prefix follow the place where the prefix itself would stand. */
function anyPrefixMatch(
  context: BuiltinContext,
  searched: Value,
  prefixes: Value,
  turn: (text: string) => string,
): BuiltinResult {
  const texts = oneOrMoreTexts(1, searched);
  if (texts instanceof BuiltinFailure) return texts;
  const starts = oneOrMoreTexts(2, prefixes);
  if (starts instanceof BuiltinFailure) return starts;
  for (const text of texts) context.spend(2 + (text.length >>> 3));
  for (const start of starts) context.spend(2 + (start.length >>> 3));
  const sorted = texts.map(turn).sort();
  return starts.some((start) => startsOne(sorted, turn(start)));
}

function startsOne(sorted: readonly string[], prefix: string): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < prefix) low = middle + 1;
    else high = middle;
  }
  return sorted[low]?.startsWith(prefix) ?? false;
}

function oneOrMoreTexts(position: number, operand: Value): readonly string[] | BuiltinFailure {
  if (typeof operand === "string") return [operand];
  const elements = elementsOf(operand);
  return elements === undefined
    ? operandOneOfFailure(position, ["string", "set", "array"], operand)
    : textsOf(position, operand, elements);
}

function indexof(_: BuiltinContext, text: string, part: string): BuiltinResult {
  if (part === "") return failure("empty search character");
  const at = indexOf(text, part);
  return at <= 0 ? at : countCodePoints(text, 0, at);
}

function indexofN(context: BuiltinContext, text: string, part: string): BuiltinResult {
  if (part === "") return failure("empty search character");
  const positions: number[] = [];
  let unit = 0;
  let position = 0;
  for (const place of placesOf(text, part, true)) {
    context.spend(1);
    position += countCodePoints(text, unit, place);
    unit = place;
    positions.push(position);
  }
  return positions;
}

function count(context: BuiltinContext, text: string, part: string): number {
  if (part === "") return countCodePoints(text, 0, text.length) + 1;
  let found = 0;
  for (const _ of placesOf(text, part, false)) {
    context.spend(1);
    found++;
  }
  return found;
}

function countCodePoints(text: string, start: number, end: number): number {
  let count = end - start;
  for (let i = start; i + 1 < end; i++) if ((text.codePointAt(i) as number) > 0xffff) count--;
  return count;
}

function reverse(text: string): string {
  return Array.from(text).reverse().join("");
}

function substring(_: BuiltinContext, text: string, offset: number, length: number): BuiltinResult {
  if (offset < 0) return failure("negative offset");
  const start = unitOf(text, offset, 0);
  return text.slice(start, length < 0 ? text.length : unitOf(text, length, start));
}

/** The unit that is so many code points after another; the end of the text when it has fewer. */
function unitOf(text: string, codePoints: number, from: number): number {
  let unit = from;
  for (let i = 0; i < codePoints && unit < text.length; i++)
    unit += (text.codePointAt(unit) as number) > 0xffff ? 2 : 1;
  return unit;
}

function split(context: BuiltinContext, text: string, delimiter: string): readonly string[] {
  if (delimiter === "") {
    context.spend(text.length);
    return Array.from(text);
  }
  const parts: string[] = [];
  let start = 0;
  for (const place of placesOf(text, delimiter, false)) {
    context.spend(1);
    parts.push(text.slice(start, place));
    start = place + delimiter.length;
  }
  parts.push(text.slice(start));
  return parts;
}

interface Replacement {
  readonly old: string;
  readonly replacement: string;
}

function replaceN(context: BuiltinContext, patterns: ObjectValue, text: string): BuiltinResult {
  const pairs: Replacement[] = [];
  for (const old of sortedKeysOf(patterns)) {
    const replacement = memberOf(patterns, old);
    if (typeof old !== "string") return operandMeaningFailure(1, "non-string key found in pattern object");
    if (typeof replacement !== "string") return operandMeaningFailure(1, "non-string value found in pattern object");
    pairs.push({ old, replacement });
  }
  return replaceAny(context, text, pairs);
}

function replace(context: BuiltinContext, text: string, old: string, replacement: string): string {
  if (old === "") return replaceAny(context, text, [{ old, replacement }]);
  const parts = split(context, text, old);
  context.spend(parts.length * (replacement.length >>> 3));
  return parts.join(replacement);
}

/**
 * Replaces from left to right without overlap; where several fit, the first of the pairs. An empty `old`, which is the
 * first when there is one, fits once before every code point and at the end.
 */
function replaceAny(context: BuiltinContext, text: string, pairs: readonly Replacement[]): string {
  const empty = pairs.find((pair) => pair.old === "");
  const pairsByStart = Map.groupBy(
    pairs.filter((pair) => pair !== empty),
    (pair) => pair.old.charCodeAt(0),
  );
  let replaced = "";
  let kept = 0;
  let hadEmpty = false;
  for (let at = 0; at <= text.length; ) {
    const pair: Replacement | undefined = (hadEmpty ? undefined : empty) ?? pairAt(context, text, at, pairsByStart);
    hadEmpty = pair?.old === "";
    if (pair === undefined) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
    else {
      context.spend(1 + (pair.replacement.length >>> 3));
      replaced += text.slice(kept, at) + pair.replacement;
      at += pair.old.length;
      kept = at;
    }
  }
  return replaced + text.slice(kept);
}

function pairAt(
  context: BuiltinContext,
  text: string,
  at: number,
  pairsByStart: ReadonlyMap<number, readonly Replacement[]>,
): Replacement | undefined {
  return pairsByStart.get(text.charCodeAt(at))?.find((pair) => {
    context.spend(1 + (pair.old.length >>> 3));
    return text.startsWith(pair.old, at);
  });
}
