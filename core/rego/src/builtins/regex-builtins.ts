import { arrayOf, BOOLEAN, functionOf, NUMBER, STRING } from "../types.ts";
import { quote } from "../values/print.ts";
import type { Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult, failure } from "./builtin.ts";
import { globsIntersect } from "./glob-intersection.ts";
import { taking } from "./operands.ts";
import { type Match, type Pattern, patternOf } from "./pattern.ts";
import { parseReplacement, type Replacement } from "./pattern-replacement.ts";
import { textToBytes } from "./text-bytes.ts";

const STRINGS = arrayOf(STRING);

/** OPA policy reference, "Regex". Patterns have the syntax of Go's `regexp/syntax`. */
export const REGEX_BUILTINS: readonly Builtin[] = [
  {
    name: "regex.match",
    type: functionOf([STRING, STRING], BOOLEAN),
    run: taking(["string", "string"], match),
  },
  {
    name: "re_match",
    type: functionOf([STRING, STRING], BOOLEAN),
    run: taking(["string", "string"], match),
  },
  {
    name: "regex.is_valid",
    type: functionOf([STRING], BOOLEAN),
    run: (context, text) => typeof text === "string" && !(patternOf(context, text) instanceof BuiltinFailure),
  },
  {
    name: "regex.split",
    type: functionOf([STRING, STRING], STRINGS),
    run: taking(["string", "string"], (context, text, subject) =>
      withPattern(context, text, (pattern) => {
        // Go's `Regexp.Split`: nothing is cut into nothing by the empty pattern, and into one part by any other.
        if (subject === "") return text === "" ? [] : [""];
        return split(context, pattern, subject);
      }),
    ),
  },
  {
    name: "regex.find_n",
    type: functionOf([STRING, STRING, NUMBER], STRINGS),
    run: taking(["string", "string", "integer"], (context, text, subject, count) =>
      withPattern(context, text, (pattern) =>
        firstMatches(context, pattern, subject, count).map((found) => partOf(subject, found, 0)),
      ),
    ),
  },
  {
    name: "regex.find_all_string_submatch_n",
    type: functionOf([STRING, STRING, NUMBER], arrayOf(STRINGS)),
    run: taking(["string", "string", "integer"], (context, text, subject, count) =>
      withPattern(context, text, (pattern) =>
        firstMatches(context, pattern, subject, count).map((found) => {
          context.spend(pattern.groupCount);
          return Array.from({ length: pattern.groupCount + 1 }, (_, group) => partOf(subject, found, group));
        }),
      ),
    ),
  },
  {
    name: "regex.replace",
    type: functionOf([STRING, STRING, STRING], STRING),
    run: taking(["string", "string", "string"], (context, subject, text, replacement) =>
      withPattern(context, text, (pattern) =>
        replace(context, pattern, subject, parseReplacement(replacement, pattern)),
      ),
    ),
  },
  {
    name: "regex.template_match",
    type: functionOf([STRING, STRING, STRING, STRING], BOOLEAN),
    run: taking(["string", "string", "string", "string"], templateMatch),
  },
  {
    name: "regex.globs_match",
    type: functionOf([STRING, STRING], BOOLEAN),
    run: taking(["string", "string"], globsIntersect),
  },
];

function withPattern(context: BuiltinContext, text: string, use: (pattern: Pattern) => Value): BuiltinResult {
  const pattern = patternOf(context, text);
  return pattern instanceof BuiltinFailure ? pattern : use(pattern);
}

function match(context: BuiltinContext, text: string, subject: string): BuiltinResult {
  return withPattern(context, text, (pattern) => pattern.isFoundIn(context, subject));
}

function firstMatches(context: BuiltinContext, pattern: Pattern, subject: string, count: number): readonly Match[] {
  const matches: Match[] = [];
  if (count === 0) return matches;
  for (const found of pattern.matchesIn(context, subject)) if (matches.push(found) === count) break;
  return matches;
}

/** A group without a part in the match gives the empty text. */
function partOf(subject: string, found: Match, group: number): string {
  return subject.slice(found[2 * group], found[2 * group + 1]);
}

/** An empty match at the very start splits nothing off, and one at the end neither (Go's `Regexp.Split`). */
function split(context: BuiltinContext, pattern: Pattern, subject: string): readonly string[] {
  const parts: string[] = [];
  let begin = 0;
  let end = 0;
  for (const found of pattern.matchesIn(context, subject)) {
    end = found[0] as number;
    if (found[1] !== 0) parts.push(subject.slice(begin, end));
    begin = found[1] as number;
  }
  if (end !== subject.length) parts.push(subject.slice(begin));
  return parts;
}

function replace(
  context: BuiltinContext,
  pattern: Pattern,
  subject: string,
  replacement: readonly Replacement[],
): string {
  let replaced = "";
  let kept = 0;
  for (const found of pattern.matchesIn(context, subject)) {
    let expanded = subject.slice(kept, found[0]);
    for (const part of replacement) expanded += typeof part === "string" ? part : partOf(subject, found, part);
    context.spend(replacement.length + (expanded.length >>> 3));
    replaced += expanded;
    kept = found[1] as number;
  }
  return replaced + subject.slice(kept);
}

function templateMatch(
  context: BuiltinContext,
  template: string,
  subject: string,
  start: string,
  end: string,
): BuiltinResult {
  for (const [delimiter, name] of [
    [start, "start"],
    [end, "end"],
  ] as const) {
    const length = textToBytes(delimiter).length;
    if (length !== 1) return failure(`${name} delimiter has to be exactly one character long but is ${length} long`);
  }
  const pattern = templateToPattern(template, start, end);
  return pattern instanceof BuiltinFailure ? pattern : match(context, pattern, subject);
}

/** What is between delimiters is a pattern, all else is literal; delimiters inside a pattern must be balanced. */
function templateToPattern(template: string, start: string, end: string): string | BuiltinFailure {
  let pattern = "^";
  let depth = 0;
  let from = 0;
  for (let at = 0; at < template.length; at++) {
    const character = template[at];
    if (character === start) {
      if (++depth > 1) continue;
      pattern += quotePattern(template.slice(from, at));
      from = at + 1;
    } else if (character === end) {
      if (--depth < 0) break;
      if (depth > 0) continue;
      pattern += `(${template.slice(from, at)})`;
      from = at + 1;
    }
  }
  return depth === 0
    ? `${pattern}${quotePattern(template.slice(from))}$`
    : failure(`unbalanced braces in ${quote(template)}`);
}

function quotePattern(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}
