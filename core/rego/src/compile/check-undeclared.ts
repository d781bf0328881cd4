import type { RegoError } from "../errors.ts";
import { isGenerated } from "./expand.ts";
import { LayeredSet, type Membership } from "./layered.ts";
import { outputsOf } from "./outputs.ts";
import type { Local, ResolvedBody, ResolvedComprehension, ResolvedStatement } from "./resolved.ts";
import { addLocals, comprehensionsIn, localsOfTerm, termsOf } from "./statement-parts.ts";

/**
 * What template strings show must be bound by the body they stand in (stage "rewrite template strings"): in braces of
 * their own, variables would be bound by them instead, and be shown as undefined.
 */
export function checkTemplates(body: ResolvedBody, bound: ReadonlySet<Local>): readonly RegoError[] {
  return checkShown(
    body,
    bound,
    (statement) => {
      const { what } = statement;
      if (what.type !== "result" || what.call.callee.type !== "builtin") return [];
      if (what.call.callee.builtin.name !== "internal.template_string") return [];
      return what.call.args.flatMap(comprehensionsIn);
    },
    false,
  );
}

/** What `print` shows must be bound before it (stage "rewrite print calls"). */
export function checkPrints(body: ResolvedBody, bound: ReadonlySet<Local>): readonly RegoError[] {
  return checkShown(
    body,
    bound,
    ({ what }) => (what.type === "print" ? what.args.flatMap(comprehensionsIn) : []),
    true,
  );
}

function checkShown(
  body: ResolvedBody,
  outer: Membership<Local>,
  shownBy: (statement: ResolvedStatement) => readonly ResolvedComprehension[],
  isInOrder: boolean,
): readonly RegoError[] {
  const bound = new LayeredSet(outer);
  if (!isInOrder) for (const statement of body) bindOutputs(statement, bound);
  const errors: RegoError[] = [];
  for (const statement of body) {
    const shown = shownBy(statement);
    for (const comprehension of shown) errors.push(...undeclaredIn(comprehension, bound));
    for (const inner of termsOf(statement.what).flatMap(comprehensionsIn))
      if (!shown.includes(inner)) errors.push(...checkShown(inner.body, bound, shownBy, isInOrder));
    const { what } = statement;
    if (what.type === "every") {
      const inside = new LayeredSet(bound);
      for (const local of [what.value, what.key]) if (local !== undefined) inside.add(local);
      errors.push(...checkShown(what.body, inside, shownBy, isInOrder));
    }
    bindOutputs(statement, bound);
  }
  return errors;
}

/** What is assigned counts as bound: when it cannot be, that is told of the assignment. */
function bindOutputs(statement: ResolvedStatement, bound: LayeredSet<Local>): void {
  for (const local of outputsOf(statement, bound)) bound.add(local);
  const { what } = statement;
  if (what.type === "unify" && what.isAssign) for (const local of localsOfTerm(what.left)) bound.add(local);
}

/** `{x | x = term}` stands for the term that is shown. */
function undeclaredIn(
  { body, owner, location }: ResolvedComprehension,
  bound: Membership<Local>,
): readonly RegoError[] {
  const found = new Set<Local>();
  for (const statement of body) addLocals(statement, found);
  return Array.from(found)
    .filter((local) => local.owner !== owner && !isGenerated(local) && !bound.has(local))
    .map(({ name }) => ({ code: "rego_compile_error", message: `var ${name} is undeclared`, location }));
}
