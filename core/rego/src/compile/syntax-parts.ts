import type { Body, Else, Expression, Rule, Statement, Term } from "../syntax/ast.ts";

/** All names in a term, those in the bodies inside it as well unless they declare them. */
export function namesIn(term: Term): readonly string[] {
  const own = term.type === "var" ? [term.name] : partsOf(term).flatMap(namesIn);
  if (term.type !== "comprehension") return own;
  const declared = new Set(term.body.flatMap(declaredIn));
  return [...own, ...term.body.flatMap(namesInStatement)].filter((name) => !declared.has(name));
}

/** The names that a statement declares in its body; that of an `every` declares them as well. */
export function declaredIn({ what }: Statement): readonly string[] {
  switch (what.type) {
    case "assign":
      return namesIn(what.target);
    case "some":
      return what.vars.map(({ name }) => name);
    case "some-in":
      return [...(what.key === undefined ? [] : namesIn(what.key)), ...namesIn(what.value)];
    case "every":
      return what.body.flatMap(declaredIn);
    default:
      return [];
  }
}

function namesInStatement({ what, with: overrides }: Statement): readonly string[] {
  const inside = what.type === "every" ? what.body.flatMap(namesInStatement) : [];
  return [...termsIn(what).flatMap(namesIn), ...overrides.flatMap(({ value }) => namesIn(value)), ...inside];
}

/** The statements of a rule: of its bodies, and of all bodies inside these and the head. */
export function statementsOf(rule: Rule): readonly Statement[] {
  const { head } = rule;
  const found = [...head.path, ...(head.args ?? []), head.key].flatMap((term) => (term ? statementsBelow(term) : []));
  let value = head.value;
  for (let part: Rule | Else | undefined = rule; part !== undefined; part = part.otherwise) {
    if (part !== rule) value = (part as Else).value;
    found.push(...(value ? statementsBelow(value) : []), ...statementsIn(part.body ?? []));
  }
  return found;
}

function statementsIn(body: Body): readonly Statement[] {
  return body.flatMap((statement) => {
    const { what, with: overrides } = statement;
    const terms = [...termsIn(what), ...overrides.map(({ value }) => value)];
    return [statement, ...terms.flatMap(statementsBelow), ...(what.type === "every" ? statementsIn(what.body) : [])];
  });
}

function statementsBelow(term: Term): readonly Statement[] {
  const own = term.type === "comprehension" ? statementsIn(term.body) : [];
  return [...own, ...partsOf(term).flatMap(statementsBelow)];
}

function termsIn(what: Expression): readonly Term[] {
  switch (what.type) {
    case "term":
      return [what.term];
    case "unify":
      return [what.left, what.right];
    case "assign":
      return [what.target, what.value];
    case "some":
      return what.vars;
    case "some-in":
    case "every":
      return [...(what.key === undefined ? [] : [what.key]), what.value, what.domain];
  }
}

/** What a term is made of, but for the bodies in it. */
export function partsOf(term: Term): readonly Term[] {
  switch (term.type) {
    case "reference":
      return [term.head, ...term.path];
    case "array":
    case "set":
      return term.items;
    case "object":
      return term.entries.flat();
    case "call":
      return [term.operator, ...term.args];
    case "comprehension":
      return term.key === undefined ? [term.value] : [term.key, term.value];
    case "template":
      return term.parts.filter((part) => typeof part !== "string");
    default:
      return [];
  }
}
