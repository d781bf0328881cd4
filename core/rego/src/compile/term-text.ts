import { KEYWORDS, V1_KEYWORDS } from "../syntax/tokens.ts";
import { quote, valueToText } from "../values/print.ts";
import type { Value } from "../values/value.ts";
import type { Subjects } from "./expand.ts";
import type { Callee, ResolvedReference, ResolvedRule, ResolvedTerm } from "./resolved.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `data.a["b c"][x]`, for messages. `subjects` are what stands behind names that nobody wrote. */
export function referenceToText({ base, path }: Omit<ResolvedReference, "location">, subjects?: Subjects): string {
  return referenceParts({ base, path }, subjects).join("");
}

/** The head of a reference, then each of its keys, as they are written one behind the other. */
export function referenceParts(
  { base, path }: Pick<ResolvedReference, "base" | "path">,
  subjects?: Subjects,
): readonly string[] {
  const head = typeof base === "string" ? base : termToText(base, subjects);
  return [head, ...path.map((key) => keyToText(key, subjects))];
}

function keyToText(key: ResolvedTerm, subjects?: Subjects): string {
  if (key.type !== "constant" || typeof key.value !== "string") return `[${termToText(key, subjects)}]`;
  return nameToText(key.value);
}

function nameToText(name: string): string {
  const isName = NAME.test(name) && !KEYWORDS.includes(name) && !V1_KEYWORDS.includes(name);
  return isName ? `.${name}` : `[${quote(name)}]`;
}

export function pathToText(path: readonly Value[]): string {
  return `data${path.map((key) => (typeof key === "string" ? nameToText(key) : `[${valueToText(key)}]`)).join("")}`;
}

export function calleeToText(callee: Callee): string {
  return callee.type === "builtin" ? callee.builtin.name : pathToText(callee.path);
}

/** `data.a.p[x]` */
export function ruleName({ path, suffix }: ResolvedRule): string {
  return `${pathToText(path)}${suffix.map((key) => keyToText(key)).join("")}`;
}

export function termToText(term: ResolvedTerm, subjects?: Subjects): string {
  const text = (item: ResolvedTerm): string => termToText(item, subjects);
  switch (term.type) {
    case "constant":
      return valueToText(term.value);
    case "local": {
      const subject = subjects?.get(term.local);
      if (subject !== undefined) return text(subject);
      return term.local.isWildcard ? "_" : term.local.name;
    }
    case "reference":
      return referenceToText(term, subjects);
    case "array":
      return `[${term.items.map(text).join(", ")}]`;
    case "set":
      return `{${term.items.map(text).join(", ")}}`;
    case "object":
      return `{${term.entries.map(([key, value]) => `${text(key)}: ${text(value)}`).join(", ")}}`;
    case "call":
      return `${calleeToText(term.callee)}(${term.args.map(text).join(", ")})`;
    case "comprehension":
      return term.of === "array" ? `[${text(term.value)} | ...]` : `{${text(term.value)} | ...}`;
  }
}
