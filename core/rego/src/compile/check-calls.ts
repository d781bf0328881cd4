import type { Builtin } from "../builtins/builtin.ts";
import type { RegoError } from "../errors.ts";
import type { Known } from "../type-operations.ts";
import { signatureOf } from "./check-types.ts";
import type { Subjects } from "./expand.ts";
import type { Callee, ResolvedBody, ResolvedStatement, ResolvedTerm } from "./resolved.ts";
import { nodeAt, type RuleNode } from "./rule-paths.ts";
import { comprehensionsIn, termsOf } from "./statement-parts.ts";
import { calleeToText, termToText } from "./term-text.ts";
import { argumentError } from "./type-errors.ts";

/** A call in an expanded body. Its result has a name when it is an operand itself, or when the last operand is it. */
interface Call {
  readonly statement: ResolvedStatement;
  readonly callee: Callee;
  readonly args: readonly ResolvedTerm[];
  readonly result: ResolvedTerm | undefined;
}

/** Functions such as `print` give nothing that could be an operand (stage "check void calls"). */
export function checkVoidCalls(body: ResolvedBody, subjects: Subjects): readonly RegoError[] {
  return callsIn(body).flatMap(({ statement, callee, args, result }): RegoError[] => {
    if (result === undefined || callee.type !== "builtin" || !isVoid(callee.builtin)) return [];
    const { location } = statement;
    const text = termToText({ type: "call", callee, args, location }, subjects);
    return [{ code: "rego_type_error", message: `${text} used as value`, location }];
  });
}

function isVoid({ type }: Builtin): boolean {
  return type.result === undefined;
}

/** There is such a function, and it takes that many operands (stage "check undefined functions"). */
export function checkCalls(
  body: ResolvedBody,
  nodes: RuleNode,
  typeOf: (term: ResolvedTerm) => Known,
): readonly RegoError[] {
  return callsIn(body).flatMap((call): RegoError[] => {
    const { callee, args, result, statement } = call;
    const { location } = statement;
    const name = calleeToText(callee);
    const arity = arityOf(callee, nodes);
    if (arity === undefined) return [{ code: "rego_type_error", message: `undefined function ${name}`, location }];
    // As a statement of its own a call may have its result as one operand more.
    if (args.length === arity || (result === undefined && args.length === arity + 1)) return [];
    if (callee.type === "function") return [functionArityError(name, arity, args.length, statement)];
    if (callee.builtin.type.variadic !== undefined) return [];
    const have = (result === undefined ? args : [...args, result]).map(typeOf);
    const want = { ...signatureOf(callee.builtin.type), result: undefined };
    const { code, message } = argumentError(name, "arity mismatch", have, want, location);
    return [{ code, message, location }];
  });
}

function functionArityError(name: string, arity: number, count: number, { location }: ResolvedStatement): RegoError {
  const message = `function ${name} has arity ${arity}, got ${count} argument${count === 1 ? "" : "s"}`;
  return { code: "rego_type_error", message, location };
}

function arityOf(callee: Callee, nodes: RuleNode): number | undefined {
  if (callee.type === "builtin") return callee.builtin.type.args.length;
  return nodeAt(nodes, callee.path)?.rules[0]?.args.length;
}

function callsIn(body: ResolvedBody): readonly Call[] {
  return body.flatMap((statement): readonly Call[] => {
    const { what } = statement;
    const inside = [
      ...termsOf(what).flatMap((term) => comprehensionsIn(term).flatMap((inner) => callsIn(inner.body))),
      ...(what.type === "every" ? callsIn(what.body) : []),
    ];
    if (what.type === "result") {
      const { callee, args } = what.call;
      return [{ statement, callee, args, result: what.of }, ...inside];
    }
    if (what.type !== "term" || what.term.type !== "call") return inside;
    const { callee, args } = what.term;
    return [{ statement, callee, args, result: undefined }, ...inside];
  });
}

/** What OPA's capabilities call deprecated: modules of Rego v1 may not call it (stage "check deprecated builtins"). */
const DEPRECATED: readonly string[] = [
  "all",
  "any",
  "cast_array",
  "cast_boolean",
  "cast_null",
  "cast_object",
  "cast_set",
  "cast_string",
  "net.cidr_overlap",
  "re_match",
  "set_diff",
];

export function checkDeprecatedCalls(body: ResolvedBody): readonly RegoError[] {
  return callsIn(body).flatMap(({ callee, statement: { location } }): readonly RegoError[] => {
    if (callee.type !== "builtin" || !DEPRECATED.includes(callee.builtin.name)) return [];
    const message = `deprecated built-in function calls in expression: ${callee.builtin.name}`;
    return [{ code: "rego_type_error", message, location }];
  });
}
