import { isPlainObject, type PlainObject, RegoSet, type Value } from "../values/value.ts";
import type { Block, Operation, Program, Slot } from "./ir.ts";
import { rewriteBlock, rewriteProgram } from "./rewrite.ts";

/** Elements of the joined lists together; more would cost memory that the loops never cost. */
const ELEMENTS_MAX = 100_000;

/**
 * `some role in data.roles[user]; some grant in data.grants[role]`, both of them constant documents, becomes one loop
 * over the grants of the user's roles, which are looked up now instead of in each decision.
 */
export function joinConstants(program: Program): Program {
  return rewriteProgram(program, { operation: (operation) => [joined(operation) ?? operation] });
}

function joined(outer: Operation): Operation | undefined {
  if (outer.op !== "scan" || outer.isOrdered || outer.key !== undefined || outer.value === undefined) return undefined;
  const [inner, ...others] = outer.body;
  if (inner?.op !== "scan" || others.length > 0 || inner.isOrdered || inner.key !== undefined) return undefined;
  if (outer.source.op !== "get" || inner.source.op !== "get") return undefined;
  const [first, second] = [outer.source.source, inner.source.source];
  if (first.op !== "constant" || second.op !== "constant") return undefined;
  const { key } = inner.source;
  if (key.op !== "slot" || key.slot !== outer.value || isRead(inner.body, outer.value)) return undefined;
  const whole = join(first.value, second.value);
  if (whole === undefined) return undefined;
  return { ...inner, source: { op: "get", source: { op: "constant", value: whole }, key: outer.source.key } };
}

function join(first: Value, second: Value): PlainObject | undefined {
  if (!isPlainObject(first) || !isPlainObject(second)) return undefined;
  const whole: Record<string, Value> = Object.create(null);
  let count = 0;
  for (const name of Object.keys(first)) {
    const keys = listOf(first[name]!);
    if (keys === undefined) return undefined;
    const elements: Value[] = [];
    for (const key of keys) {
      if (typeof key !== "string") return undefined;
      const own = Object.hasOwn(second, key) ? listOf(second[key]!) : [];
      if (own === undefined || count + own.length > ELEMENTS_MAX) return undefined;
      count += own.length;
      elements.push(...own);
    }
    whole[name] = elements;
  }
  return whole;
}

/** Undefined for what is looped over by keys. */
function listOf(value: Value): readonly Value[] | undefined {
  if (value instanceof RegoSet) return value.elements;
  return Array.isArray(value) ? value : undefined;
}

function isRead(block: Block, slot: Slot): boolean {
  let isFound = false;
  rewriteBlock(block, {
    expression: (expression) => {
      if (expression.op === "slot" && expression.slot === slot) isFound = true;
      return expression;
    },
  });
  return isFound;
}
